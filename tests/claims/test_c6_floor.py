"""C6: the floor is what C5 tends to and never passes; one instance stays on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.marks import properties
from tests.claims.support.recursions import smoothed_error2
from tsla.figures.evidence import NEAREST
from tsla.theory import lsr
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import constants, for_all, positive_deltas, step_counts, step_sizes, thetas

Floor = Callable[..., Any]


@for_all(st.data(), constants(), step_counts, st.none() | thetas)
def is_approached_and_never_passed(floor: Floor, data: st.DataObject, k: Constants, T: int, theta: float | None) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    assert float(lsr.bound(k, eta=eta, T=T, theta=theta).total) >= floor(k, theta)
    endless = float(lsr.bound(k, eta=eta, T=1e300, theta=theta).total)
    assert endless == pytest.approx(float(floor(k, theta)), rel=1e-12, abs=1e-200)


@for_all(constants(delta=positive_deltas))
def is_the_second_moment_at_equal_parts(floor: Floor, k: Constants) -> None:
    """At the paper's θ, where (1-θ)σ² = θδσ²."""
    assert float(floor(k)) == pytest.approx(float(smoothed_error2(k, None)), rel=1e-12)


@for_all(constants(delta=positive_deltas), st.integers(1, 10))
def is_where_a_biased_run_stays(floor: Floor, k: Constants, T: int) -> None:
    """(L/2)w² along ĝ = ∇F - b alone: from the first step on ‖∇F‖² = ‖b‖², whatever T."""
    *_, last = quadratic.run(quadratic.parabola(k, k.L), k, [1 / float(k.L)] * T, 1.0)
    assert last.gradient2 == pytest.approx(float(floor(k, 1.0)), rel=1e-12)


@pytest.mark.claim("C6", "property")
def test_no_length_and_no_step_size_gets_below(evidence: Callable[..., None]) -> None:
    @given(st.data(), constants(delta=positive_deltas, noiseless=False), st.floats(0.01, 1))
    def check(data: st.DataObject, k: Constants, fraction: float) -> None:
        eps = float(np.sqrt(fraction * float(smoothed_error2(k, None)))) * (1 - 1e-12)
        assert not lsr.steps(k, eps=eps).reachable
        assert float(lsr.bound(k, eta=data.draw(step_sizes(float(k.L))), T=1e300).total) > eps**2

    check()
    k = Constants(L=1, sigma2=1, F0=1, delta=0.5)
    *_, last = quadratic.run(quadratic.parabola(k, k.L), k, [1.0] * 3, 1.0)
    evidence(
        "The bound of C5 tends to V(θ) as T grows, and stays above it. A run along ĝ with a constant bias, at θ = 1, stays on V.",
        tightness={NEAREST: last.gradient2 / float(lsr.floor(k, 1.0))},
    )


def without_the_factor(k: Constants, theta: float | None = None) -> float:
    return float(lsr.floor(k, theta)) / 2


def without_the_denominator(k: Constants, theta: float | None = None) -> float:
    return float(2 * k.delta * k.sigma2 if theta is None else lsr.floor(k, theta))


test_floor = properties(
    "C6",
    lsr.floor,
    {
        is_approached_and_never_passed: [without_the_factor, without_the_denominator],
        is_the_second_moment_at_equal_parts: [without_the_denominator, lambda k: lsr.floor(k) * k.delta],
        is_where_a_biased_run_stays: [without_the_factor, lambda k, theta: np.sqrt(lsr.floor(k, theta))],
    },
)
