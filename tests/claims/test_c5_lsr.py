"""C5: the bound is the summed descent of a direction with second moment V; one instance attains it, and its plan wastes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.bounds import lsr_bound
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import error_lift, exact, mean_squared_gradient, smoothed_error2
from tsla.theory import lsr
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import changed, constants, for_all, positive_deltas, step_sizes, thetas, with_stage, with_terms
from tsla.theory.testing.relations import BoundOf, is_monotone, joins_at_the_ends_of_theta, scales_with_the_objective
from tsla.theory.testing.wrong import one_step_more, scaled, stage_changed


@for_all(st.data(), constants(), st.integers(1, 50), st.none() | thetas)
def agrees_with_summed_descent(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float | None) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    show("bound lsr", k, delta=k.delta, eta=eta, T=T, theta=theta)
    lift = error_lift(smoothed_error2(k, theta))
    summed = mean_squared_gradient(exact(k.F0), eta, repeat(lift(eta), T))
    assert float(bound(k, eta, T, theta).total) == pytest.approx(float(summed), rel=1e-12)


@for_all(st.data(), constants(), st.integers(1, 30), thetas, costs=4)
def holds_on_a_quadratic(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    show("bound lsr", k, delta=k.delta, eta=eta, T=T, theta=theta)
    states = list(quadratic.run(quadratic.start(k), k, [eta] * T, theta))
    assert quadratic.mean_gradient2(states) <= float(bound(k, eta, T, theta).total) * (1 + 1e-12)


@for_all(constants(), st.integers(1, 30))
def is_attained(bound: BoundOf, k: Constants, T: int) -> None:
    """On (L/2)w² along ĝ = ∇F - b alone, at η = 1/L, with F0 - F(w_T) for F0."""
    L, F0 = float(k.L), float(k.F0)
    states = list(quadratic.run(quadratic.parabola(k, L), k, [1 / L] * T, 1.0))
    fallen = F0 - states[-1].gap
    assume(fallen > 1e-3 * F0)
    start = Constants(L=L, sigma2=k.sigma2, delta=k.delta, F0=fallen)
    show("bound lsr", start, delta=k.delta, eta=1 / L, T=T, theta=1.0)
    value = float(bound(start, 1 / L, T, 1.0).total)
    assert quadratic.mean_gradient2(states) == pytest.approx(value, rel=1e-9)


Planner = Callable[..., Plan]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Constants, float]:
    """Constants, and a target below, just above, and well above the floor."""
    k = draw(constants(delta=positive_deltas, noiseless=False))
    return k, float(np.sqrt(float(smoothed_error2(k, None)) * draw(st.floats(0.5, 10))))


@for_all(problems())
def reaches_the_target_iff_it_is_above_the_floor(steps: Planner, problem: tuple[Constants, float]) -> None:
    k, eps = problem
    V = float(smoothed_error2(k, None))
    assume(abs(V / eps**2 - 1) > 1e-9)
    show("steps lsr", k, eps=eps)
    plan = steps(k, eps=eps)
    (stage,) = plan.stages
    assert float(stage.theta) == pytest.approx(float(1 / (1 + k.delta)), rel=1e-15)
    assert bool(plan.reachable) == (eps**2 > V)
    assert float(plan.floor) == pytest.approx(V, rel=1e-12)
    if plan.reachable:
        assert float(lsr.bound(k, eta=stage.eta, T=stage.steps).total) <= eps**2 * (1 + 1e-12)
    else:
        assert np.isinf(plan.total)


@for_all(problems())
def needs_every_step(steps: Planner, problem: tuple[Constants, float]) -> None:
    """One step fewer, and the first term exceeds what V, or by the paper's choice ε²/2, leaves to it."""
    k, eps = problem
    V = float(smoothed_error2(k, None))
    assume(eps**2 > 1.001 * V)
    show("steps lsr", k, eps=eps)
    plan = steps(k, eps=eps)
    (stage,) = plan.stages
    assume(1 < stage.steps < 1e12)
    fewer = lsr.bound(k, eta=stage.eta, T=stage.steps - 1).terms["optimisation"]
    assert float(fewer) * (1 + 1e-11) > min(eps**2 - V, eps**2 / 2)  # ε² - V cancels up to three digits


@pytest.mark.claim("C5", "property")
def test_steps_of_the_paper(evidence: Callable[..., None]) -> None:
    """T = ⌈4LF0/ε²⌉ where V ≤ ε²/2, and the plan goes on without a jump where the paper is silent."""
    k = Constants(L=10, mu=1, sigma2=1, delta=1 / 3, F0=1)  # V = 1/2
    assert [int(lsr.steps(k, eps=np.sqrt(target2)).total) for target2 in (2, 1 + 1e-9, 1 - 1e-9, 0.75)] == [20, 40, 41, 80]
    evidence("The number of steps T that the plan asks for reaches ε² wherever V < ε². By the bound T-1 steps don't where V ≥ ε²/2.")


def variance_for_deviation(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    right = lsr_bound(k, eta, T, theta)
    return with_terms(right, smoothing=np.sqrt(right.terms["smoothing"]))


test_bound = properties(
    "C5",
    lsr_bound,
    {
        agrees_with_summed_descent: [
            scaled(lsr_bound, smoothing=0.5),
            one_step_more(lsr_bound),
            lambda k, eta, T, theta: lsr_bound(replace(k, delta=np.sqrt(k.delta)), eta, T, theta),
            scaled(lsr_bound, smoothing=lambda k, eta: eta * k.L),  # as if it were noise
        ],
        holds_on_a_quadratic: [scaled(lsr_bound, optimisation=0.5), scaled(lsr_bound, smoothing=0.5)],
        is_attained: [scaled(lsr_bound, smoothing=2), one_step_more(lsr_bound)],
        scales_with_the_objective: [variance_for_deviation],
        is_monotone: [scaled(lsr_bound, smoothing=lambda k, eta: 1 / (1 + k.delta) ** 2)],
        joins_at_the_ends_of_theta: [lambda k, eta, T, theta: lsr_bound(k, eta, T, None if theta is None else 1 - theta)],
    },
)


def fixed_half(k: Constants, *, eps: float) -> Plan:
    """4LF0/ε² also where V is above ε²/2."""
    right = lsr.steps(k, eps=eps)
    return with_stage(right, 0, steps=np.where(right.reachable, np.ceil(4 * k.L * k.F0 / eps**2), np.inf))


test_steps = properties(
    "C5",
    lsr.steps,
    {
        reaches_the_target_iff_it_is_above_the_floor: [
            stage_changed(lsr.steps, 0, steps=0.5),
            fixed_half,
            lambda k, *, eps: lsr.steps(changed(k, sigma2=0.5), eps=eps),
        ],
        needs_every_step: [stage_changed(lsr.steps, 0, steps=2)],
    },
)


@pytest.mark.claim("C5", "property", planted=True)
def test_a_failing_property_shows_its_number(shows_its_number: Callable[..., None]) -> None:
    shows_its_number(lambda: agrees_with_summed_descent(lsr_bound), lsr, "bound", "smoothing")
