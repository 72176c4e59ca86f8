"""C8: the smoothed stage's recursion, then the plain stage's summed descent; the plan's stages do what they are for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import error_lift, exact, gap, mean_squared_gradient, noise_lift, smoothed_error2
from tsla.theory import sgd, two_stage
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import constants, for_all, positive_deltas, step_sizes, targets, thetas, with_stage
from tsla.theory.testing.relations import BoundOf, is_monotone, joins_at_the_ends_of_theta, of, scales_with_the_objective
from tsla.theory.testing.wrong import scaled

TwoStages = Callable[..., Bound]
Planner = Callable[..., Plan]


@for_all(st.data(), constants(), st.integers(0, 40), st.integers(1, 40), st.none() | thetas, costs=2)
def is_one_recursion_after_the_other(bound: TwoStages, data: st.DataObject, k: Constants, T1: int, T2: int, theta: float | None) -> None:
    eta1, eta2 = data.draw(step_sizes(float(k.L))), data.draw(step_sizes(float(k.L)))
    show("bound tsla", k, eta1=eta1, T1=T1, eta2=eta2, T2=T2, theta=theta)
    V = smoothed_error2(k, theta)
    start = gap(k, exact(k.F0) + V / exact(k.mu) / 2, repeat(eta1, T1), error_lift(V))
    summed = mean_squared_gradient(start, eta2, repeat(noise_lift(k)(eta2), T2))
    value = float(bound(k, eta1=eta1, T1=T1, eta2=eta2, T2=T2, theta=theta).total)
    assert value == pytest.approx(float(summed), rel=1e-12, abs=1e-14 * float(k.F0) / eta2)


@for_all(st.data(), constants(), st.integers(0, 20), st.integers(1, 20), thetas, costs=4)
def holds_on_a_quadratic(bound: TwoStages, data: st.DataObject, k: Constants, T1: int, T2: int, theta: float) -> None:
    eta1, eta2 = data.draw(step_sizes(float(k.L))), data.draw(step_sizes(float(k.L)))
    show("bound tsla", k, eta1=eta1, T1=T1, eta2=eta2, T2=T2, theta=theta)
    *_, handed_over = quadratic.run(quadratic.start(k), k, [eta1] * T1, theta)
    states = list(quadratic.run(handed_over, k, [eta2] * T2))
    value = float(bound(k, eta1=eta1, T1=T1, eta2=eta2, T2=T2, theta=theta).total)
    assert quadratic.mean_gradient2(states) <= value * (1 + 1e-12) + 1e-14 * float(k.F0) / eta2


@pytest.mark.claim("C8", "property")
@pytest.mark.parametrize("check", [scales_with_the_objective, is_monotone, joins_at_the_ends_of_theta])
def test_relations(check: Callable[[BoundOf], None]) -> None:
    check(of(two_stage.METHOD))


problems = st.tuples(constants(delta=positive_deltas, noiseless=False), targets)


@for_all(problems)
def reaches_the_target(steps: Planner, problem: tuple[Constants, float]) -> None:
    k, eps = problem
    show("steps tsla", k, eps=eps)
    first, second = steps(k, eps=eps).stages
    assert float(first.theta) == pytest.approx(float(1 / (1 + k.delta)), rel=1e-15)
    value = two_stage.bound(k, eta1=first.eta, T1=first.steps, eta2=second.eta, T2=second.steps).total
    assert float(value) <= eps**2 * (1 + 1e-12)


@for_all(problems)
def leaves_twice_the_floor_to_the_second_stage(steps: Planner, problem: tuple[Constants, float]) -> None:
    """And no more; a first stage shorter by 1-ημ, which is what e^(-ημ) for 1-ημ costs, does not get there."""
    k, eps = problem
    show("steps tsla", k, eps=eps)
    first = steps(k, eps=eps).stages[0]
    allowed = float(smoothed_error2(k, None) / exact(k.mu))
    assert float(two_stage.stage_one(k, eta1=first.eta, T1=first.steps).total) <= allowed * (1 + 1e-12)
    fewer = np.floor((1 - first.eta * k.mu) * (first.steps - 1)) - 1
    if fewer >= 0:
        assert float(two_stage.stage_one(k, eta1=first.eta, T1=fewer).total) > allowed


@for_all(problems)
def wastes_no_more_than_the_paper(steps: Planner, problem: tuple[Constants, float]) -> None:
    """T2 is 8δσ²/(μη2ε²), where 8δ/(1+δ) for 8δ would do: C4 from the gap V/μ needs T2/(1+δ) steps, and fails with one fewer."""
    k, eps = problem
    show("steps tsla", k, eps=eps)
    assume(eps**2 <= 2 * float(k.sigma2))
    second = steps(k, eps=eps).stages[1]
    start = Constants(L=k.L, sigma2=k.sigma2, F0=float(smoothed_error2(k, None) / exact(k.mu)))
    fewer = np.ceil((second.steps - 1) / (1 + k.delta) * (1 - 1e-12)) - 1
    if fewer >= 1:
        assert float(sgd.bound(start, eta=second.eta, T=fewer).total) > eps**2


@pytest.mark.claim("C8", "property")
def test_lengths_of_an_example(evidence: Callable[..., None]) -> None:
    """κ = 10, F0 = σ² = 1, δ = 0.1, ε² = 0.01: T1 = ⌈10 log 11⌉ and T2 = 16·10·0.1·10⁴; 8δ/(1+δ) would spare a part δ/(1+δ)."""
    plan = two_stage.steps(Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1), eps=0.1)
    assert [int(stage.steps) for stage in plan.stages] == [24, 160_000]
    assert [float(stage.eta) for stage in plan.stages] == pytest.approx([0.1, 0.0005], rel=1e-14)
    assert [float(stage.theta) for stage in plan.stages] == pytest.approx([10 / 11, 0], rel=1e-14)
    evidence("Both stages together reach ε². The second stage is at most 1+δ times as long as its bound needs.")


@pytest.mark.claim("C8", "property")
@given(constants(delta=positive_deltas, noiseless=False), st.floats(1, 100))
def test_large_targets_keep_the_step_size_within_its_premise(k: Constants, factor: float) -> None:
    """ε² > 2σ², where the paper's η2 = ε²/(2Lσ²) would be above 1/L."""
    eps = float(np.sqrt(2 * k.sigma2 * factor))
    first, second = two_stage.steps(k, eps=eps).stages
    assert float(second.eta * k.L) == pytest.approx(1, rel=1e-15)
    assert float(two_stage.bound(k, eta1=first.eta, T1=first.steps, eta2=second.eta, T2=second.steps).total) <= eps**2 * (1 + 1e-12)


test_bound = properties(
    "C8",
    two_stage.bound,
    {
        is_one_recursion_after_the_other: [
            lambda k, **run: two_stage.bound(k, **run | {"T1": run["T2"], "T2": max(run["T1"], 1)}),
            lambda k, **run: two_stage.bound(k, **run | {"eta1": run["eta2"], "eta2": run["eta1"]}),
            scaled(two_stage.bound, noise=0.5),
            scaled(two_stage.bound, optimisation=0.5, smoothing=0.5),
            lambda k, **run: two_stage.bound(k, **run | {"T1": 0}),
        ],
        holds_on_a_quadratic: [scaled(two_stage.bound, optimisation=0)],
    },
)


def second_stage(factor: Callable[[Constants], Any]) -> Planner:
    def steps(k: Constants, *, eps: float) -> Plan:
        right = two_stage.steps(k, eps=eps)
        return with_stage(right, 1, steps=np.ceil(right.stages[1].steps * factor(k)))

    return steps


def first_stage(logarithm: Callable[[Constants], Any]) -> Planner:
    def steps(k: Constants, *, eps: float) -> Plan:
        length = np.log(logarithm(k)) * k.L / k.mu
        return with_stage(two_stage.steps(k, eps=eps), 0, steps=np.maximum(np.ceil(length), 0))

    return steps


def step_size_doubled(k: Constants, *, eps: float) -> Plan:
    right = two_stage.steps(k, eps=eps)
    return with_stage(right, 1, eta=np.minimum(2 * right.stages[1].eta, 1 / k.L))


test_steps = properties(
    "C8",
    two_stage.steps,
    {
        reaches_the_target: [second_stage(lambda k: 0.25), second_stage(lambda k: k.delta), step_size_doubled],
        wastes_no_more_than_the_paper: [second_stage(lambda k: 2), second_stage(lambda k: 1 / np.sqrt(k.delta))],
        leaves_twice_the_floor_to_the_second_stage: [
            first_stage(lambda k: k.mu * k.F0 / (k.delta * k.sigma2)),
            first_stage(lambda k: k.L * k.F0 * (1 + k.delta) / (k.delta * k.sigma2)),
            first_stage(lambda k: (k.mu * k.F0 * (1 + k.delta) / (k.delta * k.sigma2)) ** 2),
        ],
    },
)


@pytest.mark.claim("C8", "property", planted=True)
def test_a_failing_property_shows_its_number(shows_its_number: Callable[..., None]) -> None:
    shows_its_number(lambda: is_one_recursion_after_the_other(two_stage.bound), two_stage, "bound", "noise")
