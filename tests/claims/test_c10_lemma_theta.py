"""C10: where the lemma's V(θ) is least, found on a grid; the paper's θ is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.marks import properties
from tsla.theory import lsr, smoothing
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import constants, deltas, for_all, positive

Strength = Callable[[Any], Any]

GRID = np.linspace(0, 1, 101)
BELOW_ONE = st.floats(1e-3, 0.999)


@for_all(positive(), deltas)
def is_the_minimiser_on_a_grid(best: Strength, sigma2: float, delta: float) -> None:
    values = smoothing.lemma(sigma2, delta, GRID)
    assert smoothing.lemma(sigma2, delta, best(delta)) <= values.min() * (1 + 1e-12)


@for_all(positive(), deltas)
def is_an_end_of_the_line(best: Strength, sigma2: float, delta: float) -> None:
    """V is linear, so its minimum min(δ, 1)σ² is at an end; where nothing is gained the label is left alone."""
    assert smoothing.lemma(sigma2, delta, best(delta)) == pytest.approx(min(delta, 1) * sigma2, rel=1e-12)
    assert float(best(delta)) == (1.0 if delta < 1 else 0.0)


@pytest.mark.claim("C10", "property")
def test_the_papers_value_is_up_to_twice_as_large(evidence: Callable[..., None]) -> None:
    """V(1)/V(1/(1+δ)) = (1+δ)/2."""

    @given(positive(), BELOW_ONE)
    def check(sigma2: float, delta: float) -> None:
        best, paper = (float(smoothing.lemma(sigma2, delta, theta(delta))) for theta in (smoothing.lemma_theta, smoothing.paper_theta))
        assert best / paper == pytest.approx((1 + delta) / 2, rel=1e-11)
        assert 0.5 <= best / paper < 1

    check()
    evidence(
        "On a grid V is least at θ = 1 where δ < 1. At the paper's θ it is up to twice as large.",
        headline="the paper's V up to 2 times the least",
    )


def lsr_could_do_without_the_true_labels(delta: st.SearchStrategy[float]) -> None:
    """Where it reaches its target by the paper's θ, the smoothing label alone does, in as many steps."""

    @given(constants(delta=delta, noiseless=False), st.floats(1.01, 2))
    def check(k: Constants, above_the_floor: float) -> None:
        target2 = float(lsr.floor(k)) * above_the_floor
        T = lsr.steps(k, eps=np.sqrt(target2)).total
        assert float(lsr.bound(k, eta=1 / k.L, T=T, theta=1).total) <= target2 * (1 + 1e-12)

    check()


test_lemma_theta = properties(
    "C10",
    smoothing.lemma_theta,
    {
        is_the_minimiser_on_a_grid: [
            smoothing.paper_theta,
            lambda delta: 1.0,
            lambda delta: 0.0,
            lambda delta: 1.0 if delta < 2 else 0.0,
            lambda delta: 1.0 if delta > 1 else 0.0,
        ],
        is_an_end_of_the_line: [lambda delta: 1.0 if delta <= 1 else 0.0],
    },
)
test_the_smoothing_label_alone = properties("C10", BELOW_ONE, {lsr_could_do_without_the_true_labels: [st.floats(1.5, 10)]})
