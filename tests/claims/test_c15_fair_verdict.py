"""C15, the verdict: plain SGD with A4, or smoothing that is never dropped, needs no more samples than TSLA's bound asks for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import error_lift, exact, gap, mean_squared_gradient, smoothed_error2
from tests.claims.support.refusals import premises
from tsla.theory import lsr, lsr_pl, sgd, sgd_pl, two_stage
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import changed, constants, for_all, positive, positive_deltas, with_stage
from tsla.theory.testing.wrong import stage_changed

Planner = Callable[..., Plan]

# --- the theorem ---


@st.composite
def problems(draw: st.DrawFn, kappa: st.SearchStrategy[float]) -> tuple[Constants, float]:
    """r = σ²/ε² on both sides of 1/2, where C8's step size becomes 1/L.

    δ is on both sides of 1/(2r), where the proof changes hands, at V = ε² and beyond 1.
    """
    L, sigma2, r = draw(positive()), draw(positive()), draw(st.just(0.5) | st.floats(1e-3, 2) | st.floats(0.5, 1e3))
    switch = 1 / (2 * r)
    delta = draw(
        st.sampled_from([switch, switch * (1 - 1e-9), switch * (1 + 1e-9)])
        | st.floats(0.5, 2).map(lambda near: near * switch)
        | st.floats(1e-6, 10)
        | st.floats(1, 1e4)
    )
    k = Constants(L=L, mu=L / draw(kappa), sigma2=sigma2, delta=delta, F0=draw(st.floats(1e-3, 1e9)))
    return k, float(np.sqrt(sigma2 / r))


moderate = st.just(1.0) | st.floats(1, 1e3)


@for_all(problems(moderate))
def is_nowhere_the_best(steps: Planner, problem: tuple[Constants, float]) -> None:
    """Two steps for the ceilings, three against two."""
    k, eps = problem
    show("compare", None, L=k.L, mu=k.mu, sigma2=k.sigma2, delta=k.delta, F0=k.F0, eps=eps)
    others = min(float(plan(k, eps=eps).total) for plan in (sgd_pl.three_phase_steps, lsr_pl.steps))
    assert others <= float(steps(k, eps=eps).total) + 2


@for_all(problems(moderate))
def takes_twice_as_long_as_smoothing_alone(steps: Planner, problem: tuple[Constants, float]) -> None:
    """δ < ε²/(2σ²) or ε² >= 2σ²: the same first stage, and at most half of the second is enough without dropping the smoothing."""
    k, eps = problem
    if min(k.delta, 1) >= eps**2 / (2 * k.sigma2) * (1 - 1e-10):
        return
    show("compare", None, L=k.L, mu=k.mu, sigma2=k.sigma2, delta=k.delta, F0=k.F0, eps=eps)
    alone = lsr_pl.steps(k, eps=eps)
    assert alone.reachable
    first, second = steps(k, eps=eps).stages
    assert alone.stages[0].steps == first.steps
    assert alone.stages[1].steps <= second.steps / 2 + 1


def sharpened(k: Constants, *, eps: float) -> Plan:
    right = two_stage.steps(k, eps=eps)
    return with_stage(right, 1, steps=np.ceil(right.stages[1].steps / (1 + k.delta)))


test_tsla_is_nowhere_the_best = properties(
    "C15",
    two_stage.steps,
    {
        is_nowhere_the_best: [stage_changed(two_stage.steps, 1, steps=0.5), sharpened, stage_changed(two_stage.steps, 0, steps=0)],
        takes_twice_as_long_as_smoothing_alone: [stage_changed(two_stage.steps, 1, steps=factor) for factor in (0.5, 0.9)],
    },
    found="For every ε and δ, the plan of three-phase SGD or that of LSR alone takes no more samples than TSLA's.",
    headline="TSLA nowhere ahead of both",
)


@pytest.mark.claim("C15", "property")
def test_neither_baseline_alone_is_enough() -> None:
    """The minimum in the theorem is needed: TSLA is ahead of three-phase SGD for small δ and of LSR alone for large δ."""
    small, large = (Constants(L=10, mu=1, sigma2=1, delta=delta, F0=1) for delta in (1e-6, 0.02))
    assert two_stage.steps(small, eps=0.1).total < sgd_pl.three_phase_steps(small, eps=0.1).total
    assert two_stage.steps(large, eps=0.1).total < lsr_pl.steps(large, eps=0.1).total


# --- the sharpened second stage ---


def sharpened_length(k: Constants, eps: float) -> float:
    """T2/(1+δ): 8δ/(1+δ) in place of 8δ."""
    return float(two_stage.steps(k, eps=eps).stages[1].steps / (1 + k.delta))


@st.composite
def around_the_sliver(draw: st.DrawFn) -> tuple[Constants, float, float, float]:
    """v = V/ε² about 1 - 1/(4r) and 1; κ = 1e9, so many steps that ceilings don't count."""
    r = draw(st.floats(0.51, 2) | st.floats(0.51, 100))
    v = draw(st.floats(0, 2).map(lambda y: 1 - y / (4 * r)) | st.floats(0.01, 3))
    assume(0.01 < v < 1.9 * r)
    sigma2 = draw(positive(0.1, 10))
    k = Constants(L=1e9, mu=1, sigma2=sigma2, delta=v / (2 * r - v), F0=1)
    return k, float(np.sqrt(sigma2 / r)), r, v


@for_all(around_the_sliver())
def is_ahead_in_the_sliver_only(length: Callable[[Constants, float], float], problem: tuple[Constants, float, float, float]) -> None:
    """1 - 1/(4r) < V/ε² < 1, by no more than ε²/V < 4r/(4r-1) ≤ 2; of the stages that follow the burn-in."""
    k, eps, r, v = problem
    assume(abs(v - 1) > 1e-6)
    assume(abs(4 * r * (1 - v) - 1) > 1e-6)
    show("compare", None, L=k.L, mu=k.mu, sigma2=k.sigma2, delta=k.delta, F0=k.F0, eps=eps)
    plain = sum(float(stage.steps) for stage in sgd_pl.three_phase_steps(k, eps=eps).stages[1:])
    alone = lsr_pl.steps(k, eps=eps)
    others = min(plain, float(alone.stages[1].steps) if alone.reachable else np.inf)
    found = length(k, eps)
    assert (found < others) == (1 - 1 / (4 * r) < v < 1)
    if found < others:
        assert others / found <= 1 / v * (1 + 1e-7)
        assert 1 / v < 4 * r / (4 * r - 1) <= 2


test_sharpened = properties(
    "C15",
    sharpened_length,
    {
        is_ahead_in_the_sliver_only: [
            lambda k, eps: sharpened_length(k, eps) * float(1 + k.delta),
            lambda k, eps: sharpened_length(k, eps) / 2,
            lambda k, eps: sharpened_length(k, eps) / float(1 + k.delta),
        ]
    },
    found="With 8δ/(1+δ) in place of 8δ, TSLA's second stage is ahead only where 1 - ε²/(4σ²) < V/ε² < 1, by less than a factor 2.",
)


@pytest.mark.claim("C15", "property")
@given(problems(moderate))
def test_the_sharpened_second_stage_suffices(problem: tuple[Constants, float]) -> None:
    """C4 from the gap V/μ that the first stage leaves."""
    k, eps = problem
    eta = two_stage.steps(k, eps=eps).stages[1].eta
    start = Constants(L=k.L, sigma2=k.sigma2, F0=float(smoothed_error2(k, None) / exact(k.mu)))
    T = max(np.ceil(sharpened_length(k, eps)), 1)
    assert float(sgd.bound(start, eta=eta, T=T).total) <= eps**2 * (1 + 1e-12)


def totals(k: Constants, eps: float) -> tuple[float, float]:
    """Burn-ins included: the better one of the baselines, and sharpened TSLA."""
    others = min(float(plan(k, eps=eps).total) for plan in (sgd_pl.three_phase_steps, lsr_pl.steps))
    return others, float(two_stage.steps(k, eps=eps).stages[0].steps) + sharpened_length(k, eps)


@pytest.mark.claim("C15", "property")
@given(problems(moderate))
def test_with_burn_ins_sharpened_tsla_is_at_most_twice_as_fast(problem: tuple[Constants, float]) -> None:
    others, found = totals(*problem)
    assert others <= 2 * found + 3


@pytest.mark.claim("C15", "property")
def test_burn_ins_move_the_edges_of_the_sliver() -> None:
    """The sliver is about what grows with 1/ε. In all, C15b's shorter burn-in puts it ahead inside the sliver where F0 is large and δ
    small, and its longer burn-in behind outside of it where δ > 1."""
    for L, r, delta, inside in ((10, 50, 0.01007, True), (1000, 0.6, 5.05, False)):
        k, v = Constants(L=L, mu=1, sigma2=1, delta=delta, F0=1e6), 2 * delta * r / (1 + delta)
        others, found = totals(k, float(np.sqrt(1 / r)))
        assert (1 - 1 / (4 * r) < v < 1) == inside
        assert (found < others) != inside


# --- LSR alone ---


@st.composite
def short_runs(draw: st.DrawFn) -> tuple[Constants, float]:
    """Runs of at most some thousand steps, with a target above the floor."""
    k = draw(constants(delta=positive_deltas, noiseless=False, kappa=st.floats(1, 20)))
    return k, float(np.sqrt(float(smoothed_error2(k, None)) * draw(st.floats(1.05, 30))))


@for_all(short_runs(), costs=4)
def reaches_the_target_by_recursion(steps: Planner, problem: tuple[Constants, float]) -> None:
    """a ← (1-ημ) a + (η/2) V in the first stage, which leaves V/μ, then C5's sum over the second."""
    k, eps = problem
    show("steps lsr-pl", k, eps=eps)
    first, second = steps(k, eps=eps).stages
    V = smoothed_error2(k, None)
    for stage in (first, second):
        assert float(stage.theta) == pytest.approx(float(1 / (1 + k.delta)), rel=1e-15)
    left = gap(k, exact(k.F0), repeat(float(first.eta), int(first.steps)), error_lift(V))
    assert left <= V / exact(k.mu) * (1 + exact(1e-12))
    reached = mean_squared_gradient(left, float(second.eta), repeat(error_lift(V)(second.eta), int(second.steps)))
    assert reached <= exact(eps) ** 2 * (1 + exact(1e-12))


@for_all(short_runs(), costs=20)
def reaches_the_target_on_a_quadratic(steps: Planner, problem: tuple[Constants, float]) -> None:
    k, eps = problem
    first, second = steps(k, eps=eps).stages
    *_, state = quadratic.run(quadratic.start(k), k, repeat(float(first.eta), int(first.steps)), float(first.theta))
    states = list(quadratic.run(state, k, repeat(float(second.eta), int(second.steps)), float(second.theta)))
    assert quadratic.mean_gradient2(states) <= eps**2


@for_all(constants(delta=positive_deltas, noiseless=False), st.floats(0.5, 30))
def wastes_nothing(steps: Planner, k: Constants, target: float) -> None:
    """From the gap V/μ C5 fails with one step fewer; a burn-in shorter by 1-ημ, which is what e^(-ημ) for 1-ημ costs, leaves more.
    Never where V ≥ ε²; always at least one step, whose iterate is returned."""
    V = float(smoothed_error2(k, None))
    assume(abs(target - 1) > 1e-9)
    eps = float(np.sqrt(target * V))
    show("steps lsr-pl", k, eps=eps)
    plan = steps(k, eps=eps)
    first, second = plan.stages
    assert bool(plan.reachable) == (target > 1)
    assert float(plan.floor) == pytest.approx(V, rel=1e-12, abs=0)
    if not plan.reachable:
        assert np.isinf(plan.total)
        return
    assert second.steps >= 1
    start = Constants(L=k.L, sigma2=k.sigma2, delta=k.delta, F0=V / float(k.mu))
    if 1 < second.steps < 1e9:
        assert float(lsr.bound(start, eta=second.eta, T=second.steps - 1).total) > eps**2
    fewer = np.floor((1 - first.eta * k.mu) * (first.steps - 1)) - 1
    if fewer >= 0:
        assert float(two_stage.stage_one(k, eta1=first.eta, T1=fewer).total) > V / k.mu


@pytest.mark.claim("C15", "property")
def test_at_least_one_step() -> None:
    """Also where float64 has no number for 2κV/(ε²-V)."""
    k = Constants(L=10, mu=1, sigma2=1e-300, delta=1e-10, F0=1e-10)
    assert float(lsr_pl.steps(k, eps=1e10).stages[1].steps) == 1


def burn_in_to_the_noise(k: Constants, *, eps: float) -> Plan:
    """As if σ²/μ, where C15b begins its second phase, were enough."""
    return with_stage(lsr_pl.steps(k, eps=eps), 0, steps=sgd_pl.three_phase_steps(k, eps=eps).stages[0].steps)


def not_even_one_step(k: Constants, *, eps: float) -> Plan:
    right = lsr_pl.steps(k, eps=eps)
    return with_stage(right, 1, steps=right.stages[1].steps - 1)


test_smoothing_alone = properties(
    "C15",
    lsr_pl.steps,
    {
        reaches_the_target_by_recursion: [
            stage_changed(lsr_pl.steps, 0, steps=0.5),
            stage_changed(lsr_pl.steps, 1, steps=0.4),
            stage_changed(lsr_pl.steps, 1, theta=0.5),
            burn_in_to_the_noise,
        ],
        reaches_the_target_on_a_quadratic: [stage_changed(lsr_pl.steps, 1, theta=0.01)],
        wastes_nothing: [
            stage_changed(lsr_pl.steps, 0, steps=2),
            stage_changed(lsr_pl.steps, 1, steps=2),
            lambda k, *, eps: lsr_pl.steps(changed(k, sigma2=0.5), eps=eps),
            not_even_one_step,
        ],
    },
)


NO_FLOOR = "delta*sigma2 = 0 must be above 0 for C15, whose burn-in grows like its logarithm; any upper bound serves"

test_premises = premises(
    lambda k: lsr_pl.steps(k, eps=1),
    (Constants(L=10, mu=1, sigma2=0, delta=0.1, F0=1), NO_FLOOR),
    (Constants(L=10, mu=1, sigma2=1, delta=[0.1, 0], F0=1), NO_FLOOR),
    (Constants(L=10, sigma2=1, delta=0.1, F0=1), "mu is missing; C15 needs it (assumption A4)"),
    (Constants(L=10, mu=1, sigma2=1, F0=1), "delta is missing; C15 needs it (assumption A3)"),
)
