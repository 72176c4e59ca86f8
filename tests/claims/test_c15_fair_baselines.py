"""C15: plain SGD with A4. Its plans are run through the recursion step by step, and on a quadratic whose expectations are exact."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.marks import properties
from tests.claims.support.recursions import exact, gap, noise_lift, smoothed_error2, step_sizes_of
from tsla.theory import lsr, sgd, sgd_pl, two_stage
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan, Stage
from tsla.theory.testing.domain import constants, for_all, positive, positive_deltas, step_sizes, targets, with_stage
from tsla.theory.testing.relations import BoundOf, is_monotone, of, scales_with_the_objective
from tsla.theory.testing.wrong import one_step_more, scaled, stage_changed

Planner = Callable[..., Plan]
K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)

# --- (a) the last iterate ---


@for_all(st.data(), constants(), st.integers(0, 60), costs=2)
def is_the_recursion_from_above_its_fixed_point(bound: BoundOf, data: st.DataObject, k: Constants, T: int) -> None:
    """a ← (1-ημ) a + η²Lσ²/2, whose fixed point is ηLσ²/(2μ); then ‖∇F‖² ≤ 2L (F - F*)."""
    eta = data.draw(step_sizes(float(k.L)))
    lift = noise_lift(k)
    fixed = gap(k, lift(eta) / exact(eta) / exact(k.mu), [eta], lift)
    expected = 2 * exact(k.L) * gap(k, exact(k.F0) + fixed, repeat(eta, T), lift)
    tolerance = 1e-14 * float(k.L * k.F0 + k.L / k.mu * k.sigma2)  # 1-ημ keeps an absolute error of 1e-16
    assert float(bound(k, eta, T, None).total) == pytest.approx(float(expected), rel=1e-12, abs=tolerance)


@for_all(st.data(), constants(), st.integers(0, 30), costs=4)
def holds_on_a_quadratic(bound: BoundOf, data: st.DataObject, k: Constants, T: int) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    *_, last = quadratic.run(quadratic.start(k), k, [eta] * T)
    assert last.gradient2 <= float(bound(k, eta, T, None).total) * (1 + 1e-12) + 1e-14 * float(k.L * k.F0)


last_iterate_bound = of(sgd_pl.LAST_ITERATE)
test_last_iterate_bound = properties(
    "C15",
    last_iterate_bound,
    {
        is_the_recursion_from_above_its_fixed_point: [
            scaled(last_iterate_bound, noise=0.5),
            scaled(last_iterate_bound, noise=lambda k, eta: 1 / k.L),
            scaled(last_iterate_bound, noise=lambda k, eta: 1 / (eta * k.L)),  # that of a constant bias
            one_step_more(last_iterate_bound),
        ],
        holds_on_a_quadratic: [scaled(last_iterate_bound, **dict.fromkeys(("optimisation", "noise"), lambda k, eta: 0.5 / k.L))],
        scales_with_the_objective: [scaled(last_iterate_bound, noise=lambda k, eta: 1 / k.L)],
        is_monotone: [scaled(last_iterate_bound, noise=lambda k, eta: k.mu**2 / k.L**2)],
    },
)


@for_all(constants(), targets)
def last_iterate_reaches_the_target_without_waste(steps: Planner, k: Constants, eps: float) -> None:
    """A run that is shorter by 1-ημ, which is what e^(-ημ) for 1-ημ costs, does not."""
    (stage,) = steps(k, eps=eps).stages
    assert float(sgd_pl.last_iterate_bound(k, eta=stage.eta, T=stage.steps).total) <= eps**2 * (1 + 1e-12)
    fewer = np.floor((1 - stage.eta * k.mu) * (stage.steps - 1)) - 1
    if fewer >= 0:
        assert float(sgd_pl.last_iterate_bound(k, eta=stage.eta, T=fewer).terms["optimisation"]) > eps**2 / 2
    if stage.eta * k.L < 1 - 1e-12:  # the step size is as large as the noise allows
        noise = sgd_pl.last_iterate_bound(k, eta=stage.eta, T=1).terms["noise"]
        assert float(noise) == pytest.approx(eps**2 / 2, rel=1e-12)


test_last_iterate_steps = properties(
    "C15",
    sgd_pl.last_iterate_steps,
    {
        last_iterate_reaches_the_target_without_waste: [
            stage_changed(sgd_pl.last_iterate_steps, 0, **factors) for factors in ({"steps": 0.5}, {"steps": 2.0}, {"eta": 0.5})
        ]
    },
)


# --- (b) three phases ---


@st.composite
def short_runs(draw: st.DrawFn) -> tuple[Constants, float]:
    """Runs of at most some thousand steps, with ε² on both sides of 2σ²."""
    k = draw(constants(noiseless=False, kappa=st.floats(1, 20)))
    return k, float(np.sqrt(float(k.sigma2) * draw(st.floats(0.1, 3))))


def gap_after(stage: Stage, k: Constants, start: float) -> float:
    """a ← (1-η_t μ) a + η_t² Lσ²/2, from ``start``."""
    a, mu, noise = start, float(k.mu), float(k.L * k.sigma2) / 2
    for eta in step_sizes_of(stage):
        a = (1 - eta * mu) * a + eta**2 * noise
    return a


@for_all(short_runs(), costs=4)
def reaches_the_target_phase_by_phase(steps: Planner, run: tuple[Constants, float]) -> None:
    """Gap σ²/μ after the first, ε²/(2μ) after the second, mean squared gradient ε² over the third."""
    k, eps = run
    first, second, third = steps(k, eps=eps).stages
    burnt_in = gap_after(first, k, float(k.F0))
    assert burnt_in <= k.sigma2 / k.mu * (1 + 1e-9)
    settled = gap_after(second, k, burnt_in)
    if eps**2 <= 2 * k.sigma2:
        assert settled <= eps**2 / (2 * k.mu) * (1 + 1e-9)
    eta = float(third.eta)
    lifted = sum(eta**2 * float(k.L * k.sigma2) / 2 for _ in step_sizes_of(third))
    assert 2 * (settled + lifted) / (eta * float(third.steps)) <= eps**2 * (1 + 1e-9)


@for_all(short_runs(), costs=20)
def reaches_the_target_on_a_quadratic(steps: Planner, run: tuple[Constants, float]) -> None:
    k, eps = run
    *before, third = steps(k, eps=eps).stages
    state = quadratic.start(k)
    for stage in before:
        *_, state = quadratic.run(state, k, step_sizes_of(stage))
    assert quadratic.mean_gradient2(list(quadratic.run(state, k, step_sizes_of(third)))) <= eps**2


@for_all(constants(noiseless=False, kappa=st.floats(10, 20)), st.floats(0.1, 0.5), costs=4)
def is_not_twice_too_long(steps: Planner, k: Constants, target: float) -> None:
    """From the gap that each phase may start with, half of it is not enough by the recursion. κ ≥ 10 and ε² ≤ σ²/2 keep the
    transients small: e^(-ημ) for 1-ημ costs at most a tenth, and 2κ of 4κσ²/ε² steps fewer would do."""
    eps2 = target * float(k.sigma2)
    plan = steps(k, eps=np.sqrt(eps2))
    first, second, third = (with_stage(plan, i, steps=stage.steps // 2).stages[i] for i, stage in enumerate(plan.stages))
    if plan.stages[0].steps > 20:
        assert gap_after(first, k, float(k.F0)) > k.sigma2 / k.mu
    assert gap_after(second, k, float(k.sigma2 / k.mu)) > eps2 / (2 * k.mu)
    start = Constants(L=k.L, sigma2=k.sigma2, F0=eps2 / (2 * k.mu))
    assert float(sgd.bound(start, eta=third.eta, T=third.steps).total) > eps2


def no_decay_of_the_last_step_size(k: Constants, *, eps: float) -> Plan:
    return with_stage(sgd_pl.three_phase_steps(k, eps=eps), 2, eta=1 / k.L)


phases = partial(stage_changed, sgd_pl.three_phase_steps)
test_three_phases_by_recursion = properties(
    "C15",
    sgd_pl.three_phase_steps,
    {
        reaches_the_target_phase_by_phase: [
            *(phases(i, steps=0.5) for i in range(3)),
            phases(1, decay_steps=0.5),
            phases(1, decay_steps=2.0),
            lambda k, *, eps: with_stage(sgd_pl.three_phase_steps(k, eps=eps), 1, decay_steps=None),
            no_decay_of_the_last_step_size,
        ],
        reaches_the_target_on_a_quadratic: [no_decay_of_the_last_step_size],
        is_not_twice_too_long: [phases(0, steps=3.0), phases(1, steps=2.5), phases(2, steps=2.5)],
    },
    found="Three phases of plain SGD reach ε² by the recursion, step by step.",
)


# --- (b) against TSLA ---


def is_where_plain_sgd_is_no_worse(threshold: Callable[[Constants, float], float]) -> None:
    """From δ = threshold on; two steps for the ceilings, three phases against two stages."""

    @given(constants(noiseless=False), st.floats(0.05, 3), st.floats(1, 100))
    def check(k: Constants, target: float, above: float) -> None:
        eps2 = target * float(k.sigma2)
        delta = threshold(k, eps2) * above
        smoothed = Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, delta=delta, F0=k.F0)
        eps = np.sqrt(eps2)
        assert sgd_pl.three_phase_steps(smoothed, eps=eps).total <= two_stage.steps(smoothed, eps=eps).total + 2

    check()


def half_epsilon_over_variance(k: Constants, eps2: float) -> float:
    """δ = ε²/(2σ²); a hair above, for rounding."""
    return eps2 / (2 * float(k.sigma2)) * (1 + 1e-9)


test_plain_sgd_is_no_worse_than_tsla_from_a_threshold_on = properties(
    "C15",
    half_epsilon_over_variance,
    {is_where_plain_sgd_is_no_worse: [lambda k, eps2: half_epsilon_over_variance(k, eps2) / 2]},
)


@pytest.mark.claim("C15", "property")
@given(constants(noiseless=False), st.floats(0.05, 2), st.floats(0.01, 0.99))
def test_below_the_threshold_smoothing_alone_is_no_worse(k: Constants, target: float, below: float) -> None:
    """TSLA's own first stage, then LSR at η = 1/L for 2κV/(ε²-V) steps, from the gap V/μ that it leaves."""
    eps2 = target * float(k.sigma2)
    eps = np.sqrt(eps2)
    smoothed = Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, delta=below * eps2 / (2 * k.sigma2), F0=k.F0)
    first, second = two_stage.steps(smoothed, eps=eps).stages
    V = float(smoothed_error2(smoothed, None))
    left = float(two_stage.stage_one(smoothed, eta1=first.eta, T1=first.steps).total)
    T = np.ceil(2 * k.L / k.mu * V / (eps2 - V))
    handed_over = Constants(L=k.L, sigma2=k.sigma2, delta=smoothed.delta, F0=left)
    assert float(lsr.bound(handed_over, eta=1 / k.L, T=T).total) <= eps2 * (1 + 1e-9)
    assert second.steps >= T


@pytest.mark.claim("C15", "property")
def test_the_example_of_the_comparison() -> None:
    """κ = 10, F0 = σ² = 1, δ = 0.1, ε² = 0.01."""
    plans = (two_stage.steps, sgd_pl.three_phase_steps, sgd.steps, sgd_pl.two_step_size_steps)
    assert [int(plan(K, eps=0.1).total) for plan in plans] == [160_024, 8_007, 800_000, 800_007]
    assert [int(stage.steps) for stage in sgd_pl.three_phase_steps(K, eps=0.1).stages] == [7, 4000, 4000]


# --- (c) two step sizes ---


@for_all(constants(noiseless=False), targets)
def two_step_sizes_reach_the_target(steps: Planner, k: Constants, eps: float) -> None:
    """The first stage leaves σ²/μ by C7 with V = σ², and by its own recursion; the second is C4 from there, and not one step too long."""
    first, second = steps(k, eps=eps).stages
    noisy = Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, delta=1, F0=k.F0)
    assert float(two_stage.stage_one(noisy, eta1=first.eta, T1=first.steps, theta=0).total) <= k.sigma2 / k.mu * (1 + 1e-12)
    fewer = np.floor((1 - first.eta * k.mu) * (first.steps - 1)) - 1
    if fewer >= 0:
        assert float(two_stage.stage_one(noisy, eta1=first.eta, T1=fewer, theta=0).total) > k.sigma2 / k.mu
    start = Constants(L=k.L, sigma2=k.sigma2, F0=k.sigma2 / k.mu)
    assert float(sgd.bound(start, eta=second.eta, T=second.steps).total) <= eps**2 * (1 + 1e-12)
    if eps**2 <= 2 * k.sigma2 and second.steps > 1:
        assert float(sgd.bound(start, eta=second.eta, T=second.steps - 1).total) > eps**2


test_two_step_sizes = properties(
    "C15",
    sgd_pl.two_step_size_steps,
    {
        two_step_sizes_reach_the_target: [
            stage_changed(sgd_pl.two_step_size_steps, index, steps=factor) for index in (0, 1) for factor in (0.5, 2.0)
        ]
    },
)


@for_all(constants(delta=positive_deltas, noiseless=False), positive(0.01, 0.5))
def is_what_smoothing_adds(gain: Callable[[Any], Any], k: Constants, target: float) -> None:
    """The same two step sizes and lengths, with the smoothing label and without: the part of the bound that stage 1 leaves behind.
    So is the least number of plain steps that C4 asks for after each."""
    run = {"eta1": 1 / k.L, "T1": 10, "eta2": 0.5 / k.L, "T2": 100}
    smoothed, plain = (float(two_stage.bound(k, **run, theta=theta).terms["smoothing"]) for theta in (None, 0))
    assert smoothed / plain == pytest.approx(float(gain(k.delta)), rel=1e-12)
    eps = float(np.sqrt(target * k.sigma2)) * 1e-6  # so many steps that ceilings don't count
    least = [
        float(sgd.steps(Constants(L=k.L, sigma2=k.sigma2, F0=V / k.mu), eps=eps).total)
        for V in (float(smoothed_error2(k, None)), float(k.sigma2))
    ]
    assert least[0] / least[1] == pytest.approx(float(gain(k.delta)), rel=1e-9)
    assert (gain(k.delta) < 1) == (k.delta < 1)


test_gain = properties(
    "C15",
    sgd_pl.smoothing_gain,
    {
        is_what_smoothing_adds: [
            lambda delta: 2 * delta,
            lambda delta: delta / (1 + delta),
            lambda delta: delta,
            lambda delta: 2 * delta**2 / (1 + delta),
        ]
    },
    found="With the same two step sizes, smoothing makes the second stage shorter by exactly the factor 2δ/(1+δ).",
)
