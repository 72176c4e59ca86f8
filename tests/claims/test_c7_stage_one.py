"""C7: the bound is the PL recursion started from F0 above its fixed point; the fixed point is attained."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.bounds import stage_one_bound
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import error_lift, exact, gap, smoothed_error2
from tsla.theory import two_stage
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import constants, for_all, positive_deltas, step_sizes, thetas, with_terms
from tsla.theory.testing.relations import BoundOf, is_monotone, joins_at_the_ends_of_theta, scales_with_the_objective
from tsla.theory.testing.wrong import one_step_more, scaled


def show_stage_one(k: Constants, eta: float, T: int, theta: float | None) -> None:
    """C7 is inside C8, whose first two terms at η2 = 1/L, T2 = 1 are 2L times those of C7."""
    show("bound tsla", k, eta1=eta, T1=T, eta2=1 / k.L, T2=1, theta=theta)


@for_all(st.data(), constants(), st.integers(0, 60), st.none() | thetas, costs=2)
def is_the_recursion_from_above_its_fixed_point(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float | None) -> None:
    """The fixed point a = (1-ημ) a + (η/2) V is where the recursion stays; what is above it shrinks by 1-ημ a step."""
    eta = data.draw(step_sizes(float(k.L)))
    show_stage_one(k, eta, T, theta)
    V = smoothed_error2(k, theta)
    fixed = gap(k, V / exact(k.mu) / 2, [eta], error_lift(V))
    expected = gap(k, exact(k.F0) + fixed, repeat(eta, T), error_lift(V))
    tolerance = 1e-15 * float(k.F0)  # 1 - ημ keeps an absolute error of 1e-16
    assert float(bound(k, eta, T, theta).total) == pytest.approx(float(expected), rel=1e-12, abs=tolerance)


@for_all(st.data(), constants(delta=positive_deltas), st.integers(0, 60), thetas, costs=2)
def bounds_the_recursion_tightly(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    """From F0 itself the recursion ends below the bound, by no more than what is left of the fixed point: nothing, as T grows."""
    eta = data.draw(step_sizes(float(k.L)))
    show_stage_one(k, eta, T, theta)
    V = smoothed_error2(k, theta)
    reached = gap(k, exact(k.F0), repeat(eta, T), error_lift(V))
    left = gap(k, V / exact(k.mu) / 2, repeat(eta, T), lambda eta: 0)
    value = exact(bound(k, eta, T, theta).total)
    slack = 1e-12 * value + exact(1e-15 * k.F0)
    assert reached - slack <= value <= reached + left + slack


@for_all(st.data(), constants(), st.integers(0, 30), thetas, costs=4)
def holds_on_a_quadratic(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    show_stage_one(k, eta, T, theta)
    *_, last = quadratic.run(quadratic.start(k), k, [eta] * T, theta)
    assert last.gap <= float(bound(k, eta, T, theta).total) * (1 + 1e-12) + 1e-14 * float(k.F0)


@for_all(constants(delta=positive_deltas, noiseless=False, kappa=st.floats(1, 4)), costs=4)
def has_a_floor_that_is_attained(bound: BoundOf, k: Constants) -> None:
    """By μw²/2 with the constant bias √V; κ ≤ 4 brings a run of 300 steps there to the last digit."""
    *_, last = quadratic.run(quadratic.parabola(k, k.mu), k, [1 / float(k.L)] * 300, 1.0)
    show_stage_one(k, 1 / k.L, 10**6, 1.0)
    assert last.gap == pytest.approx(float(bound(k, 1 / k.L, 10**6, 1.0).total), rel=1e-9)


@pytest.mark.claim("C7", "property")
@given(constants(), thetas)
def test_no_steps_and_full_steps(k: Constants, theta: float) -> None:
    """T1 = 0 leaves F0; ημ = 1 leaves nothing of it after one step."""
    assert float(two_stage.stage_one(k, eta1=0.5 / k.L, T1=0, theta=theta).terms["optimisation"]) == pytest.approx(float(k.F0), rel=1e-14)
    full = Constants(L=k.L, mu=k.L, sigma2=k.sigma2, delta=k.delta, F0=k.F0)
    assert float(two_stage.stage_one(full, eta1=1 / k.L, T1=1, theta=theta).terms["optimisation"]) <= 1e-15 * float(k.F0)


def rate_quadrupled(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    right = stage_one_bound(k, eta, T, theta)
    return with_terms(right, optimisation=right.terms["optimisation"] ** 4 / k.F0**3)


def exponential_rate(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    """e^(-ημT), which is larger than (1-ημ)^T: still a bound, but not this one."""
    return with_terms(stage_one_bound(k, eta, T, theta), optimisation=np.exp(-eta * k.mu * T) * k.F0)


def growing(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return with_terms(stage_one_bound(k, eta, T, theta), optimisation=(1 + eta * k.mu) ** min(T, 50) * k.F0)


test_bound = properties(
    "C7",
    stage_one_bound,
    {
        is_the_recursion_from_above_its_fixed_point: [one_step_more(stage_one_bound), exponential_rate],
        bounds_the_recursion_tightly: [scaled(stage_one_bound, smoothing=2), scaled(stage_one_bound, smoothing=0.5)],
        holds_on_a_quadratic: [rate_quadrupled],
        has_a_floor_that_is_attained: [
            scaled(stage_one_bound, smoothing=0.5),
            scaled(stage_one_bound, smoothing=lambda k, eta: k.mu / k.L),
        ],
        scales_with_the_objective: [scaled(stage_one_bound, smoothing=lambda k, eta: k.mu)],
        is_monotone: [growing],
        joins_at_the_ends_of_theta: [lambda k, eta, T, theta: stage_one_bound(k, eta, T, None if theta is None else 1 - theta)],
    },
    found="The bound equals the recursion at 50 digits to 1e-12. On μw²/2 a constant bias of length √V attains V/(2μ).",
)
