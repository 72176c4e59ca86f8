"""C19: the gap of smoothed SGD under A4 step by step, times 2L; quadratics whose last iterate is known; and TSLA's first stage alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import numpy as np
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.biased import Problem, problems
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import error_lift, exact, gap, smoothed_error2, step_sizes_of
from tsla.theory import last_iterate, two_stage
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import constants, for_all, positive, positive_deltas, step_sizes, targets, thetas
from tsla.theory.testing.relations import BoundOf, is_monotone, of, scales_with_the_objective
from tsla.theory.testing.wrong import one_step_more, scaled, stage_changed

Planner = Callable[..., Plan]
Split = Callable[..., Bound]

# --- of C7 ---

bound = of(last_iterate.METHOD)


@for_all(st.data(), constants(), st.integers(0, 60), st.none() | thetas, costs=2)
def is_the_recursion_from_above_its_fixed_point(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float | None) -> None:
    """a ← (1-ημ) a + (η/2)V, whose fixed point is V/(2μ); then ‖∇F‖² ≤ 2L (F - F*)."""
    eta, V = data.draw(step_sizes(float(k.L))), smoothed_error2(k, theta)
    show("bound lsr-pl-last", k, delta=k.delta, eta=eta, T=T, theta=theta)
    expected = 2 * exact(k.L) * gap(k, exact(k.F0) + V / (2 * exact(k.mu)), repeat(eta, T), error_lift(V))
    kept = 2 * float(k.L * (k.F0 + V / k.mu))  # of which 1-ημ loses some 1e-16
    assert abs(float(bound(k, eta, T, theta).total) - expected) <= 1e-12 * float(expected) + 1e-14 * kept


@for_all(st.data(), constants(), st.integers(0, 30), st.none() | thetas, costs=4)
def holds_on_a_quadratic(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float | None) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    show("bound lsr-pl-last", k, delta=k.delta, eta=eta, T=T, theta=theta)
    *_, last = quadratic.run(quadratic.start(k), k, [eta] * T, 1 / (1 + float(k.delta)) if theta is None else theta)
    assert last.gradient2 <= float(bound(k, eta, T, theta).total) * (1 + 1e-12) + 1e-13 * float(k.L * k.F0)


@for_all(constants(noiseless=False, delta=positive(1e-3, 10), kappa=st.just(1.0)), st.floats(0.2, 1))
def is_attained_in_the_long_run(bound: BoundOf, k: Constants, part: float) -> None:
    """μ = L and a constant bias √V: the run settles at ‖∇F‖² = V."""
    eta = part / float(k.L)
    show("bound lsr-pl-last", k, delta=k.delta, eta=eta, T=300, theta=1)
    *_, last = quadratic.run(quadratic.parabola(k, float(k.L)), k, [eta] * 300, 1.0)
    left = 1e-12 + (1 - part) ** 300 * float(k.L * k.F0 / (k.delta * k.sigma2))
    assert abs(float(bound(k, eta, 300, 1.0).total) / last.gradient2 - 1) <= 4 * left**0.5 + 4 * left


half = scaled(bound, smoothing=0.5)
without_kappa = scaled(bound, smoothing=lambda k, eta: k.mu / k.L)
test_bound = properties(
    "C19",
    bound,
    {
        is_the_recursion_from_above_its_fixed_point: [
            half,
            without_kappa,
            one_step_more(bound),
            scaled(bound, optimisation=0.5),
            lambda k, eta, T, theta: bound(k, eta, T, None if theta is None else 1 - theta),
        ],
        holds_on_a_quadratic: [scaled(bound, optimisation=0.1, smoothing=0.1)],
        is_attained_in_the_long_run: [half, scaled(bound, smoothing=2.0)],
        scales_with_the_objective: [scaled(bound, smoothing=lambda k, eta: 1 / k.L)],
        is_monotone: [scaled(bound, smoothing=lambda k, eta: k.mu**2 / k.L**2)],
    },
    found="The bound is 2L times the gap by the recursion at 50 digits. At μ = L a constant bias attains it in the long run.",
    headline="attained at μ = L in the long run",
)


# --- of C12 ---


@for_all(problems(), st.integers(0, 60), thetas, costs=4)
def is_that_of_the_biased_descent(bound: Split, problem: Problem, T: int, theta: float) -> None:
    """a ← (1-ημ) a + (η/2)(θ²β² + ηL N(θ)), from above its fixed point; then ‖∇F‖² ≤ 2L (F - F*)."""
    k, lift = problem.k, error_lift(problem.error2(theta))
    fixed = problem.error2(theta) / (2 * exact(k.mu))
    expected = 2 * exact(k.L) * gap(k, exact(k.F0) + fixed, repeat(problem.eta, T), lift)
    show("bound lsr-pl-last", k, **vars(problem.oracle), eta=problem.eta, T=T, theta=theta)
    said = float(bound(k, problem.oracle, eta=problem.eta, T=T, theta=theta).total)
    rounding = 2e-14 * float(k.L * (k.F0 + fixed)) + 2 * float(k.L / k.mu) * problem.cancelled
    assert abs(said - expected) <= 1e-12 * float(expected) + rounding


@for_all(problems(), st.integers(1, 30), costs=8)
def holds_on_a_quadratic_at_the_best_strength(bound: Split, problem: Problem, T: int) -> None:
    """θ left out is θ°(η); no θ has a smaller bound, and the run with it is below."""
    k, theta = problem.k, float(problem.oracle.moments(problem.k.sigma2).theta_for_step(min(problem.scale, 1.0)))
    show("bound lsr-pl-last", k, **vars(problem.oracle), eta=problem.eta, T=T)
    said = bound(k, problem.oracle, eta=problem.eta, T=T)
    *_, last = problem.walk(quadratic.start(k), [problem.eta] * T, theta)
    rounding = 1e-13 * float(k.L * k.F0) + 2 * float(k.L / k.mu) * problem.cancelled
    assert last.gradient2 <= float(said.total) * (1 + 1e-12) + rounding
    others = bound(k, problem.oracle, eta=problem.eta, T=T, theta=np.linspace(0, 1, 51)).total
    assert float(said.total) <= np.min(others) * (1 + 1e-12) + rounding


test_split_bound = properties(
    "C19",
    last_iterate.split_bound,
    {
        is_that_of_the_biased_descent: [scaled(last_iterate.split_bound, **{name: 0.5}) for name in ("optimisation", "bias", "noise")],
        holds_on_a_quadratic_at_the_best_strength: [
            scaled(last_iterate.split_bound, optimisation=0.1, bias=0.1, noise=0.1),
            lambda k, oracle, **run: last_iterate.split_bound(k, oracle, **run | {"theta": run.get("theta", 1.0)}),
        ],
    },
)


# --- of C18 ---

smoothed = constants(delta=positive(1e-3, 10), noiseless=False)


@for_all(st.data(), smoothed, st.integers(0, 60), thetas, costs=2)
def is_the_largest_over_the_splits_of_the_error(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    """C19 of C12 at every split of δσ² into bias and noise that goes with g's, of which a grid of 1,000 has all but 1 %."""
    eta, bias = data.draw(step_sizes(float(k.L))), np.linspace(0, 1, 1001) ** 2
    show("bound lsr-pl-last --sharp", k, delta=k.delta, eta=eta, T=T, theta=theta)
    shat2 = k.need_delta("C19") * k.sigma2
    beta2, nu2 = bias * shat2, (1 - bias) * shat2
    oracle = SmoothingOracle(beta2=beta2, nu2=nu2, c=np.sqrt(k.sigma2) * np.sqrt(nu2))
    splits = last_iterate.split_bound(k, oracle, eta=eta, T=T, theta=theta).total
    said = float(bound(k, eta, T, theta).total)
    assert np.max(splits) <= said * (1 + 1e-12)
    assert np.max(splits) >= 0.99 * said


@for_all(smoothed, targets)
def sharp_plan_reaches_the_target(steps: Planner, k: Constants, eps: float) -> None:
    """By the bound, which a run that is shorter by 1-ημ does not; at the largest step size that leaves half of ε² by its floor."""
    (stage,) = steps(k, eps=eps).stages
    show("steps lsr-pl-last-sharp", k, delta=k.delta, eps=eps)
    run = {"eta": stage.eta, "theta": stage.theta}
    assert float(last_iterate.sharp_bound(k, T=stage.steps, **run).total) <= eps**2 * (1 + 1e-9)
    fewer = np.floor((1 - stage.eta * k.mu) * (stage.steps - 1)) - 1
    if fewer >= 0:
        assert float(last_iterate.sharp_bound(k, T=fewer, **run).total) > eps**2
    if stage.eta * k.L < 1 - 1e-12:
        longer = last_iterate.sharp_bound(k, eta=min(1.01 * stage.eta, 1 / k.L), T=1)
        assert float(longer.terms["smoothing"] + longer.terms["noise"]) >= eps**2 / 2 * (1 - 1e-9)


sharp_bound = of(last_iterate.SHARP)
test_sharp_bound = properties(
    "C19",
    sharp_bound,
    {
        is_the_largest_over_the_splits_of_the_error: [
            *(scaled(sharp_bound, **{name: factor}) for name in ("optimisation", "smoothing") for factor in (0.5, 2.0)),
            bound,
        ]
    },
    found="With C18's floor for V the bound is the largest of C12's over all splits of the error of ĝ.",
)
test_sharp_steps = properties(
    "C19",
    last_iterate.sharp_steps,
    {
        sharp_plan_reaches_the_target: [
            stage_changed(last_iterate.sharp_steps, 0, **change) for change in ({"steps": 0.5}, {"steps": 2.0}, {"eta": 0.5, "steps": 2.0})
        ]
    },
)


# --- plans ---


def in_reach(k: Constants, eps: float, part: float) -> Constants:
    """``k`` with the δ at which κV is that part of ε²."""
    V = part * eps**2 * float(k.mu / k.L)
    return Constants(L=k.L, mu=k.mu, sigma2=max(float(k.sigma2), V), F0=k.F0, delta=V / (2 * max(float(k.sigma2), V) - V))


@for_all(constants(noiseless=False), targets, st.floats(0.01, 0.99), costs=2)
def reaches_the_target_without_waste(steps: Planner, k: Constants, eps: float, part: float) -> None:
    """By the bound; and a run that is shorter by 1-ημ, which is what e^(-ημ) for 1-ημ costs, does not."""
    known = in_reach(k, eps, part)
    (stage,) = steps(known, eps=eps).stages
    show("steps lsr-pl-last", known, eps=eps)
    run = {"eta": stage.eta, "theta": stage.theta}
    assert float(last_iterate.bound(known, T=stage.steps, **run).total) <= eps**2 * (1 + 1e-9)
    fewer = np.floor((1 - stage.eta * known.mu) * (stage.steps - 1)) - 1
    if fewer >= 0:
        assert float(last_iterate.bound(known, T=fewer, **run).total) > eps**2


test_steps = properties(
    "C19",
    last_iterate.steps,
    {reaches_the_target_without_waste: [stage_changed(last_iterate.steps, 0, steps=factor) for factor in (0.5, 2.0)]},
)


@for_all(problems(noiseless=False), targets, costs=8)
def split_plan_reaches_the_target(steps: Planner, problem: Problem, eps: float) -> None:
    """By the bound at θ°(η), and at the largest step size that leaves half of ε²."""
    (stage,) = steps(problem.k, problem.oracle, eps=eps).stages
    said = last_iterate.split_bound(problem.k, problem.oracle, eta=stage.eta, T=stage.steps)
    kappa = float(problem.k.L / problem.k.mu)
    assert float(said.total) <= eps**2 * (1 + 1e-9) + 2 * kappa * problem._replace(eta=float(stage.eta)).cancelled
    if stage.eta * problem.k.L < 1 - 1e-12:
        longer = last_iterate.split_bound(problem.k, problem.oracle, eta=min(1.01 * stage.eta, 1 / problem.k.L), T=1)
        assert float(longer.terms["bias"] + longer.terms["noise"]) >= eps**2 / 2 * (1 - 1e-9)


test_split_steps = properties(
    "C19",
    last_iterate.split_steps,
    {
        split_plan_reaches_the_target: [
            stage_changed(last_iterate.split_steps, 0, **change) for change in ({"steps": 0.5}, {"eta": 0.5, "steps": 2.0})
        ]
    },
)


# --- what it makes of C9 ---


def largest_delta(k: Constants, eps: float) -> float:
    """``ε²/(4κσ²)``."""
    return eps**2 * float(k.mu / (4 * k.L * k.sigma2))


@for_all(constants(noiseless=False, delta=positive_deltas, kappa=st.floats(1, 20)), targets, st.floats(0.5, 1), costs=2)
def is_where_the_first_stage_is_enough(largest: Callable[[Constants, float], float], k: Constants, eps: float, part: float) -> None:
    """TSLA's own first stage leaves ``E‖∇F‖² <= ε²`` at its last iterate, by C19 and on a quadratic under the bias that holds it up."""
    known = Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, F0=k.F0, delta=part * largest(k, eps))
    first, _ = two_stage.steps(known, eps=eps).stages
    said = last_iterate.bound(known, eta=first.eta, T=first.steps)
    assert float(said.total) <= eps**2 * (1 + 1e-9)
    *_, last = quadratic.run(quadratic.start(known), known, step_sizes_of(first), float(first.theta))
    assert last.gradient2 <= eps**2 * (1 + 1e-9)


test_the_first_stage_alone = properties(
    "C9",
    largest_delta,
    {
        is_where_the_first_stage_is_enough: [
            lambda k, eps: 4 * largest_delta(k, eps),
            lambda k, eps: largest_delta(k, eps) * float(k.L / k.mu),
        ]
    },
    found="Where δ ≤ ε²/(4κσ²), TSLA's first stage alone leaves E‖∇F‖² ≤ ε² at its last iterate.",
)
