"""C12: the descent along a biased direction summed step by step, instances whose expectations are exact."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.biased import Problem, problems
from tests.claims.support.marks import properties
from tests.claims.support.recursions import Exact, error_lift, exact, gap, mean_squared_gradient
from tests.claims.support.refusals import premises
from tsla.theory import biased, lsr, smoothed_pl
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants, step_scale
from tsla.theory.moments import Moments
from tsla.theory.testing.domain import between, for_all, step_counts, thetas, with_terms
from tsla.theory.testing.relations import is_monotone, scales_with_the_objective
from tsla.theory.testing.wrong import scaled

Biased = Callable[..., Bound]

K = Constants(L=10, mu=1, sigma2=1, F0=1)
BARE = Constants(L=10, sigma2=1, F0=1)
ORACLE = SmoothingOracle(beta2=0.05, nu2=0.05)
BOTH = (biased.bound, biased.gap_bound)


# --- the bound ---


@for_all(problems(), st.integers(1, 50), thetas)
def agrees_with_summed_descent(bound: Biased, problem: Problem, T: int, theta: float) -> None:
    lift = error_lift(problem.error2(theta))(problem.eta)
    summed = mean_squared_gradient(exact(problem.k.F0), problem.eta, repeat(lift, T))
    assert float(problem.bound(bound, T, theta).total) == pytest.approx(float(summed), rel=1e-12, abs=problem.cancelled)


@for_all(problems(), st.integers(0, 60), thetas, costs=2)
def is_the_recursion_from_above_its_fixed_point(bound: Biased, problem: Problem, T: int, theta: float) -> None:
    """a ← (1-ημ) a + (η/2)(θ²β² + ηL N(θ)): what is above its fixed point shrinks by 1-ημ a step."""
    k, eta, lift = problem.k, problem.eta, error_lift(problem.error2(theta))
    fixed = gap(k, lift(eta) / exact(eta) / exact(k.mu), [eta], lift)
    expected = gap(k, exact(k.F0) + fixed, repeat(eta, T), lift)
    tolerance = 1e-15 * float(k.F0) + problem.cancelled / float(k.mu)  # 1 - ημ keeps an absolute error of 1e-16
    assert float(problem.bound(bound, T, theta).total) == pytest.approx(float(expected), rel=1e-12, abs=tolerance)


@for_all(problems(kappa=between(1, 3, 1.0)), st.integers(1, 30), thetas, costs=4)
def holds_on_a_quadratic(bound: Biased, problem: Problem, T: int, theta: float) -> None:
    """With either quantity: the mean squared gradient, or the gap of the last iterate."""
    k = problem.k
    states = list(problem.walk(quadratic.start(k), [problem.eta] * T, theta))
    said = problem.bound(bound, T, theta)
    value = float(said.total) * (1 + 1e-12) + problem.cancelled / float(k.mu) + 1e-14 * float(k.F0)
    assert (states[-1].gap if said.quantity.startswith("E[F") else quadratic.mean_gradient2(states)) <= value


@for_all(problems(), st.integers(1, 30), thetas)
def is_attained(bound: Biased, problem: Problem, T: int, theta: float) -> None:
    """On (L/2)w² at η = 1/L, with F0 - E F(w_T) for F0."""
    k, L = problem.k, float(problem.k.L)
    states = list(problem.walk(quadratic.parabola(k, L), [1 / L] * T, theta))
    fallen = float(k.F0) - states[-1].gap
    assume(fallen > 1e-3 * float(k.F0))
    handed = problem._replace(k=Constants(L=L, sigma2=k.sigma2, F0=fallen), eta=1 / L)
    assert quadratic.mean_gradient2(states) == pytest.approx(float(handed.bound(bound, T, theta).total), rel=1e-9)


@for_all(problems(noiseless=False, kappa=st.just(1.0)), st.floats(0.2, 1), thetas, costs=4)
def has_a_floor_that_is_attained_up_to_its_noise(bound: Biased, problem: Problem, part: float, theta: float) -> None:
    """On (L/2)w², where μ = L, a run settles at θ²β² + ηL N/(2-ηL): the bias in full, the noise up to the factor 2-ηL. The same holds
    for the gap, that is over 2L. ηL ≥ 0.2 brings a run of 300 steps there to the last digit."""
    k, problem = problem.k, problem._replace(eta=part / float(problem.k.L))
    *_, last = problem.walk(quadratic.parabola(k, float(k.L)), [problem.eta] * 300, theta)
    said = problem.bound(bound, 1e200, theta)
    settled = float(said.terms["bias"] + said.terms["noise"] / (2 - problem.scale))
    reached = last.gap if said.quantity.startswith("E[F") else last.gradient2
    assert reached == pytest.approx(settled, rel=1e-9, abs=problem.cancelled + 1e-20)


@for_all(problems(noiseless=False), step_counts, thetas)
def is_no_worse_than_the_lemma(bound: Biased, problem: Problem, T: int, theta: float) -> None:
    """δσ² = β² + ν²: C12 is below C5 by at least (1-ηL)((1-θ)σ² + θν²), which is what only the noise loses with the step size."""
    k, found = problem.k, problem.oracle.moments(problem.k.sigma2)
    lemma = Constants(L=k.L, sigma2=k.sigma2, F0=k.F0, delta=found.delta)
    paper = float(lsr.bound(lemma, eta=problem.eta, T=T, theta=theta).total)
    spared = (1 - problem.scale) * float((1 - theta) * found.s2 + theta * found.nu2)
    assert float(problem.bound(bound, T, theta).total) <= (paper - spared) * (1 + 1e-12) + 1e-12 * spared


@for_all(problems(), step_counts, thetas)
def is_the_exact_second_moment_at_the_largest_step(bound: Biased, problem: Problem, T: int, theta: float) -> None:
    """η = 1/L: C5 with E‖g_LS - ∇F‖² of C11 for V."""
    k, problem = problem.k, problem._replace(eta=1 / float(problem.k.L))
    found = problem.oracle.moments(k.sigma2)
    expected = float(2 * k.L * k.F0 / T + Moments.of(s2=found.s2, shat2=found.shat2, c=found.c).second_moment(theta))
    assert float(problem.bound(bound, T, theta).total) == pytest.approx(expected, rel=1e-12, abs=problem.cancelled)


@for_all(problems(), step_counts, costs=4)
def has_the_best_strength_for_its_default(bound: Biased, problem: Problem, T: int) -> None:
    """θ left out: no θ of a grid gives a smaller bound, for either quantity."""
    best, values = problem.bound(bound, T).total, bound(problem.k, problem.oracle, eta=problem.eta, T=T, theta=np.linspace(0, 1, 51)).total
    assert float(best) <= np.min(values) * (1 + 1e-12) + problem.cancelled / float(problem.k.mu)


@pytest.mark.claim("C12", "property")
@given(problems(), step_counts, thetas)
def test_a_bound_is_rounded_up(problem: Problem, T: int, theta: float) -> None:
    """Never below its exact value, and not much above it where N(θ) does not cancel."""
    above = exact(problem.bound(biased.bound, T, theta).total) / closed_form(problem, T, theta) - 1
    assert above >= 0
    assert problem.oracle.c < 0 or above < 1e-12


def closed_form(problem: Problem, T: int, theta: float) -> Exact:
    return 2 * exact(problem.k.F0) / (exact(problem.eta) * exact(T)) + problem.error2(theta)


def test_a_bound_is_rounded_up_where_noises_cancel() -> None:
    problem = Problem(Constants(L=1, sigma2=1, F0=1e-30), SmoothingOracle(beta2=0, nu2=1, c=-1), 1.0)
    said = biased.bound(problem.k, problem.oracle, eta=1, T=10**6, theta=0.49999)
    assert exact(said.total) >= closed_form(problem, 10**6, 0.49999)


def test_noise_is_raised_where_it_may_cancel_and_only_there() -> None:
    """N(1/2) is 0, 1/2 and 3/4, each raised by 8 ulp; where c < 0 N may be too small by 16 ulp of the squares, which are 1/2."""
    oracle = SmoothingOracle(beta2=0, nu2=1, c=[-1.0, 0.0, 0.5])
    noise = biased.bound(Constants(L=1, sigma2=1, F0=1), oracle, eta=1, T=1, theta=0.5).terms["noise"]
    above = (noise - [0.0, 0.5, 0.75]) / np.finfo(float).eps
    assert (above > 0).all()
    assert (above <= [8.01, 4, 6]).all()


def related(bound: Biased) -> Callable[[Constants, float, float, float | None], Bound]:
    """The oracle that goes with δ: half of δσ² is bias, half is noise, and half of that noise is g's."""

    def at(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
        half = k.delta * k.sigma2 / 2
        return bound(k, SmoothingOracle(beta2=half, nu2=half, c=k.sigma2 * np.sqrt(k.delta / 2) / 2), eta=eta, T=T, theta=theta)

    return at


@pytest.mark.claim("C12", "property")
@pytest.mark.parametrize("check", [scales_with_the_objective, is_monotone])
@pytest.mark.parametrize("bound", BOTH)
def test_relations(check: Callable[..., None], bound: Biased) -> None:
    check(related(bound))


@pytest.mark.claim("C12", "property")
def test_the_floor_moves_with_the_step_size(evidence: Callable[..., None]) -> None:
    """C5's floor is 2/11 at every η. With the best θ C12's is x(β²+xν²)/(β²+x(1+ν²)), x = ηL, c = 0: 1/11 at 1/L, then it falls to 0."""
    x = np.array([1, 0.1, 0.01, 1e-6])
    floors = biased.bound(K, ORACLE, eta=x / 10, T=1e300).total
    assert floors == pytest.approx(x * (0.05 + 0.05 * x) / (0.05 + 1.05 * x), rel=1e-12)
    assert floors[0] == pytest.approx(1 / 11, rel=1e-12)
    evidence(
        "The bound equals the summed descent at 50 digits. On (L/2)w² it is exact at η = 1/L. For smaller η its part of the noise is "
        "less than 2-ηL times too large there. The bound is never above that of C5."
    )


def of_oracle(change: Callable[[SmoothingOracle], dict[str, Any]]) -> Biased:
    """The bound of another oracle."""
    return lambda k, oracle, **run: biased.bound(k, replace(oracle, **change(oracle)), **run)


def bias_once(k: Constants, oracle: SmoothingOracle, **run: Any) -> Bound:
    """θβ² for θ²β²."""
    return with_terms(biased.bound(k, oracle, **run), bias=oracle.beta2 * run["theta"])


def always_smoothed_by_the_paper(k: Constants, oracle: SmoothingOracle, **run: Any) -> Bound:
    """θ* of C11, whatever the step size."""
    star = oracle.moments(k.sigma2).theta_star
    return biased.bound(k, oracle, **run | {"theta": star if run["theta"] is None else run["theta"]})


half_noise = scaled(biased.bound, noise=0.5)
twice_the_bias = of_oracle(lambda oracle: {"beta2": 2 * oracle.beta2})
covariance_with_the_other_sign = of_oracle(lambda oracle: {"c": -oracle.c})


test_bound = properties(
    "C12",
    biased.bound,
    {
        agrees_with_summed_descent: [
            bias_once,
            half_noise,
            covariance_with_the_other_sign,
            lambda k, oracle, **run: biased.bound(k, oracle, **run | {"T": run["T"] + 1}),
        ],
        holds_on_a_quadratic: [scaled(biased.bound, bias=lambda k, eta: eta * k.L), of_oracle(lambda _: {"nu2": 0, "c": 0})],
        is_attained: [half_noise, twice_the_bias],
        has_a_floor_that_is_attained_up_to_its_noise: [half_noise, twice_the_bias],
        is_no_worse_than_the_lemma: [scaled(biased.bound, noise=lambda k, eta: 1 / (eta * k.L)), twice_the_bias],
        is_the_exact_second_moment_at_the_largest_step: [covariance_with_the_other_sign, bias_once],
        has_the_best_strength_for_its_default: [always_smoothed_by_the_paper],
    },
)


test_gap_bound = properties(
    "C12",
    biased.gap_bound,
    {
        is_the_recursion_from_above_its_fixed_point: [
            *(scaled(biased.gap_bound, **{name: 2}) for name in ("optimisation", "bias", "noise")),
            scaled(biased.gap_bound, **dict.fromkeys(("bias", "noise"), lambda k, eta: k.mu / k.L)),
        ],
        holds_on_a_quadratic: [scaled(biased.gap_bound, bias=0.4)],
        has_a_floor_that_is_attained_up_to_its_noise: [
            scaled(biased.gap_bound, bias=2),
            scaled(biased.gap_bound, noise=0.5),
        ],
        has_the_best_strength_for_its_default: [],
    },
)


# --- refusals ---


TOO_LARGE = "eta = 0.11 is larger than 1/L = 0.1; C12 needs 0 < eta <= 1/L"
CAUCHY_SCHWARZ = "must lie within ±sqrt(sigma2*nu2) = ±2 (Cauchy-Schwarz)"

test_premises = premises(
    operator.call,
    *((partial(of, K, ORACLE, eta=0.11, T=1, theta=theta), TOO_LARGE) for of in BOTH for theta in (None, 1)),
    (lambda: biased.bound(K, ORACLE, eta=0.1, T=0), "T = 0 must be a whole number, at least 1"),
    (lambda: biased.bound(K, ORACLE, eta=0.1, T=1, theta=1.5), "theta = 1.5 must be a finite number at least 0 and at most 1"),
    (lambda: biased.gap_bound(BARE, ORACLE, eta=0.1, T=1), "mu is missing; C12 needs it (assumption A4)"),
    (lambda: SmoothingOracle(beta2=-1, nu2=0), "beta2 = -1 must be a finite number at least 0"),
    (lambda: SmoothingOracle(beta2=0, nu2=-1), "nu2 = -1 must be a finite number at least 0"),
    (lambda: SmoothingOracle(beta2=0, nu2=0, c=float("nan")), "c = nan must be a finite number"),
    (lambda: biased.bound(K, SmoothingOracle(beta2=0, nu2=4, c=-2.1), eta=0.1, T=1, theta=0.5), f"c = -2.1 {CAUCHY_SCHWARZ}"),
    (lambda: SmoothingOracle(beta2=0, nu2=4, c=2.1).moments(1), f"c = 2.1 {CAUCHY_SCHWARZ}"),
    (lambda: step_scale(eta=0.11, L=10, claim="C12"), TOO_LARGE),
    (lambda: step_scale(eta=0.1, L=0, claim="C12"), "L = 0 must be a finite number above 0"),
    (lambda: smoothed_pl.steps(BARE, ORACLE, eps=1), "mu is missing; C12 needs it (assumption A4)"),
    (lambda: smoothed_pl.steps(K, ORACLE, eps=0), "eps = 0 must be a finite number above 0"),
    (
        lambda: smoothed_pl.steps(Constants(L=10, mu=1, sigma2=0, F0=1), ORACLE, eps=1),
        "sigma2 = 0 after smoothing; C12 with C15b needs some noise to split the run at; any upper bound serves",
    ),
    (lambda: smoothed_pl.gain(0, ORACLE, 1), "sigma2 = 0 must be a finite number above 0"),
)


def test_no_steps_leave_the_start() -> None:
    bound = biased.gap_bound(K, ORACLE, eta=0.1, T=0, theta=0)
    assert float(bound.terms["optimisation"]) == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("call", BOTH)
def test_arrays_give_what_scalars_give(call: Biased) -> None:
    etas, thetas_, beta2 = np.array([0.1, 0.05, 0.001]), np.array([[0.0], [0.4], [1.0]]), np.array([0.05, 0.0, 2.0])
    together = call(K, SmoothingOracle(beta2=beta2, nu2=0.3, c=-0.2), eta=etas, T=7, theta=thetas_).total
    for i, j in np.ndindex(3, 3):
        alone = call(K, SmoothingOracle(beta2=beta2[j], nu2=0.3, c=-0.2), eta=etas[j], T=7, theta=thetas_[i, 0]).total
        assert together[i, j] == pytest.approx(float(alone), rel=1e-14)
    plans = smoothed_pl.steps(K, SmoothingOracle(beta2=beta2, nu2=0.3, c=-0.2), eps=0.1)
    assert list(plans.total) == [float(smoothed_pl.steps(K, SmoothingOracle(beta2=b, nu2=0.3, c=-0.2), eps=0.1).total) for b in beta2]


@pytest.mark.claim("C12", "property", planted=True)
def test_a_failing_property_shows_its_number(shows_its_number: Callable[..., None]) -> None:
    shows_its_number(lambda: agrees_with_summed_descent(biased.bound), biased, "bound", "bias")
