"""C12: the descent along a biased direction summed step by step, instances whose expectations are exact, and what θ°(η) makes of it."""

from __future__ import annotations

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
from tests.claims.support.counterexample import show
from tests.claims.support.distributions import Joint, joints
from tests.claims.support.marks import properties
from tests.claims.support.recursions import Exact, error_lift, exact, gap, mean_squared_gradient, mp, step_sizes_of
from tests.claims.support.refusals import refuses
from tsla.theory import biased, lsr, sgd_pl, smoothed_pl
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants, step_scale
from tsla.theory.moments import Moments
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import between, constants, for_all, step_counts, step_sizes, thetas, with_terms
from tsla.theory.testing.relations import is_monotone, scales_with_the_objective
from tsla.theory.testing.wrong import stage_changed

Biased = Callable[..., Bound]
OfMoments = Callable[[Moments, float], Any]
Planner = Callable[..., Plan]

K = Constants(L=10, mu=1, sigma2=1, F0=1)
BARE = Constants(L=10, sigma2=1, F0=1)
ORACLE = SmoothingOracle(beta2=0.05, nu2=0.05)
GRID = np.linspace(0, 1, 51)


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
    best, values = problem.bound(bound, T).total, bound(problem.k, problem.oracle, eta=problem.eta, T=T, theta=GRID).total
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
@pytest.mark.parametrize("bound", [biased.bound, biased.gap_bound])
def test_relations(check: Callable[..., None], bound: Biased) -> None:
    check(related(bound))


@pytest.mark.claim("C12", "property")
def test_the_floor_moves_with_the_step_size(evidence: Callable[..., None]) -> None:
    """C5's floor is 2/11 at every η. With the best θ C12's is x(β²+xν²)/(β²+x(1+ν²)), x = ηL, c = 0: 1/11 at 1/L, then it falls to 0."""
    x = np.array([1, 0.1, 0.01, 1e-6])
    floors = biased.bound(K, ORACLE, eta=x / 10, T=1e300).total
    assert floors == pytest.approx(x * (0.05 + 0.05 * x) / (0.05 + 1.05 * x), rel=1e-12)
    assert floors[0] == pytest.approx(1 / 11, rel=1e-12)
    evidence("equals the summed descent at 50 digits; exact on (L/2)w² at η = 1/L, the noise within 2-ηL below; never above C5")


def terms(bound: Biased = biased.bound, **factors: Callable[..., Any]) -> Biased:
    """The bound with some of its terms multiplied, by what is made of the constants and the run."""

    def wrong(k: Constants, oracle: SmoothingOracle, **run: Any) -> Bound:
        right = bound(k, oracle, **run)
        return with_terms(right, **{name: right.terms[name] * factor(k, **run) for name, factor in factors.items()})

    return wrong


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


half_noise = terms(noise=lambda *_, **run: 0.5)
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
        holds_on_a_quadratic: [terms(bias=lambda k, **run: run["eta"] * k.L), of_oracle(lambda _: {"nu2": 0, "c": 0})],
        is_attained: [half_noise, twice_the_bias],
        has_a_floor_that_is_attained_up_to_its_noise: [half_noise, twice_the_bias],
        is_no_worse_than_the_lemma: [terms(noise=lambda k, **run: 1 / (run["eta"] * k.L)), twice_the_bias],
        is_the_exact_second_moment_at_the_largest_step: [covariance_with_the_other_sign, bias_once],
        has_the_best_strength_for_its_default: [always_smoothed_by_the_paper],
    },
)


def gap_times(factor: Callable[..., Any], *names: str) -> Biased:
    return terms(biased.gap_bound, **dict.fromkeys(names, factor))


test_gap_bound = properties(
    "C12",
    biased.gap_bound,
    {
        is_the_recursion_from_above_its_fixed_point: [
            *(gap_times(lambda *_, **run: 2, name) for name in ("optimisation", "bias", "noise")),
            gap_times(lambda k, **run: k.mu / k.L, "bias", "noise"),
        ],
        holds_on_a_quadratic: [gap_times(lambda *_, **run: 0.4, "bias")],
        has_a_floor_that_is_attained_up_to_its_noise: [
            gap_times(lambda *_, **run: 2, "bias"),
            gap_times(lambda *_, **run: 0.5, "noise"),
        ],
        has_the_best_strength_for_its_default: [],
    },
)


# --- N(θ) ---


@for_all(joints(), thetas)
def is_the_sum_over_samples(noise: OfMoments, joint: Joint, theta: float) -> None:
    """E‖g_LS - E g_LS‖²; with the squared bias of the mean it is the whole second moment about ∇F."""
    smoothed = joint.g + theta * (joint.ghat - joint.g)
    value = float(noise(joint.moments, theta))
    assert value == pytest.approx(joint.mean_square(smoothed - joint.p @ smoothed), rel=1e-12, abs=joint.rounding)
    assert joint.moments.bias(theta) + value == pytest.approx(joint.smoothed(theta), rel=1e-12, abs=joint.rounding)


test_noise = properties(
    "C12",
    Moments.noise,
    {
        is_the_sum_over_samples: [
            Moments.second_moment,
            lambda m, theta: replace(m, c=0.0).noise(theta),
            lambda m, theta: m.noise(1 - theta),
        ]
    },
    found="N(θ), and with θ²β² the whole second moment, equal the sums over finite sample spaces",
)


# --- θ°(η) ---


def annealed(best_theta: OfMoments, problem: Problem) -> float:
    k = problem.k
    show("anneal", None, L=k.L, sigma2=k.sigma2, **vars(problem.oracle), eta=problem.eta)
    return float(best_theta(problem.oracle.moments(k.sigma2), min(problem.scale, 1.0)))


@for_all(problems(), costs=2)
def is_least_on_a_grid(best_theta: OfMoments, problem: Problem) -> None:
    """Of θ²β² + ηL N(θ), on [0, 1]; and the parabola has the same value on both sides of an inner minimum."""
    best = annealed(best_theta, problem)
    assert 0 <= best <= 1
    tolerance = 1e-14 * float(problem.oracle.beta2) + problem.cancelled
    assert problem.error2(best) <= min(map(problem.error2, GRID)) + tolerance
    room = min(best, 1 - best)
    sides = [float(problem.error2(best + side * room)) for side in (-1, 1)]
    assert sides[0] == pytest.approx(sides[1], rel=1e-9, abs=100 * tolerance)


@for_all(problems())
def is_that_of_the_second_moment_at_the_largest_step(best_theta: OfMoments, problem: Problem) -> None:
    """θ* of C11 with ŝ² = β² + ν²."""
    found = problem.oracle.moments(problem.k.sigma2)
    assume(found.curvature() > 1e-9 * (found.s2 + found.shat2))
    star = float(Moments.of(s2=found.s2, shat2=found.shat2, c=found.c).theta_star)
    assert annealed(best_theta, problem._replace(eta=1 / float(problem.k.L))) == pytest.approx(star, rel=1e-9, abs=1e-12)


@for_all(problems(noiseless=False))
def goes_to_nothing_with_the_step_size(best_theta: OfMoments, problem: Problem) -> None:
    """Like ηL(σ²-c)/β² where there is bias; without bias it does not depend on η."""
    k, oracle = problem.k, problem.oracle
    small, large = (annealed(best_theta, problem._replace(eta=part / float(k.L))) for part in (1e-12, 1))
    if oracle.beta2 > 0:
        assert small == pytest.approx(max(1e-12 * float((k.sigma2 - oracle.c) / oracle.beta2), 0), rel=1e-6, abs=1e-25)
    else:
        assert small == pytest.approx(large, rel=1e-9)


@pytest.mark.claim("C12", "property")
@given(st.data(), problems(noiseless=False))
def test_more_step_size_never_asks_for_less_smoothing(data: st.DataObject, problem: Problem) -> None:
    """c ≤ σ²; beyond, there is none at any η."""
    small, large = sorted((problem.eta, data.draw(step_sizes(float(problem.k.L)))))
    less, more = (annealed(Moments.theta_for_step, problem._replace(eta=eta)) for eta in (small, large))
    assert less <= more * (1 + 1e-12) if problem.oracle.c <= problem.k.sigma2 else less == more == 0


WRONG_STRENGTHS: dict[str, OfMoments] = {
    "not annealed": lambda m, eta_L: m.theta_star,
    "too soon": lambda m, eta_L: m.theta_for_step(eta_L**2),
    "bias forgotten": lambda m, eta_L: replace(m, beta2=0.0).theta_for_step(eta_L),
    "covariance forgotten": lambda m, eta_L: replace(m, c=0.0).theta_for_step(eta_L),
    "not clipped": lambda m, eta_L: m.slope(eta_L) / m.curvature(eta_L) if m.curvature(eta_L) > 0 else 0.0,
}


test_best_theta = properties(
    "C12",
    Moments.theta_for_step,
    {
        is_least_on_a_grid: WRONG_STRENGTHS.values(),
        is_that_of_the_second_moment_at_the_largest_step: [WRONG_STRENGTHS["bias forgotten"], WRONG_STRENGTHS["covariance forgotten"]],
        goes_to_nothing_with_the_step_size: [WRONG_STRENGTHS["not annealed"], WRONG_STRENGTHS["too soon"]],
    },
)


# --- three phases at one θ ---


def least_error2(k: Constants, oracle: SmoothingOracle, scale: Exact) -> tuple[Exact, Exact]:
    """M at ηL = ``scale`` and the θ that attains it, at 50 digits."""
    s2, beta2, nu2, c = map(exact, (k.sigma2, oracle.beta2, oracle.nu2, oracle.c))
    curvature = beta2 + scale * (s2 + nu2 - 2 * c)
    theta = min(max(scale * (s2 - c) / curvature, mp.mpf(0)), mp.mpf(1)) if curvature > 0 else mp.mpf(0)
    return theta**2 * beta2 + scale * ((1 - theta) ** 2 * s2 + theta**2 * nu2 + 2 * theta * (1 - theta) * c), theta


def largest_scale(k: Constants, oracle: SmoothingOracle, half: Exact) -> Exact:
    """The largest x in (0, 1] with M(x) ≤ ``half`` in closed form: without smoothing, with nothing else, or with θ inside, where
    x²(σ²ν²-c²) + x(σ²β² - half·D) - half·β² = 0, D = σ²+ν²-2c."""
    if least_error2(k, oracle, mp.mpf(1))[0] <= half:
        return mp.mpf(1)
    s2, beta2, nu2, c = map(exact, (k.sigma2, oracle.beta2, oracle.nu2, oracle.c))
    a, b = s2 * nu2 - c**2, s2 * beta2 - half * (s2 + nu2 - 2 * c)
    roots = [half / s2, (half - beta2) / nu2 if nu2 > 0 else mp.mpf(0)]
    root = mp.sqrt(b**2 + 4 * a * half * beta2)
    roots += [(root - b) / (2 * a) if b < 0 else 2 * half * beta2 / (b + root)] if a > 0 else [half * beta2 / b] if b > 0 else []
    return max(x for x in roots if 0 < x <= 1 and abs(least_error2(k, oracle, x)[0] / half - 1) < mp.mpf(10) ** -30)


Short = tuple[Constants, SmoothingOracle, float]
"""Constants, oracle and ε."""


@st.composite
def short_runs(draw: st.DrawFn) -> Short:
    """Runs of at most some thousand steps, with ε² on both sides of 2σ², and of β². Correlated a little short of perfectly, where no
    noise would be left."""
    k = draw(constants(noiseless=False, kappa=st.floats(1, 20)))
    nu2 = draw(between(1e-2, 3, 0.0)) * float(k.sigma2)
    oracle = SmoothingOracle(
        beta2=draw(between(1e-2, 3, 0.0)) * float(k.sigma2),
        nu2=nu2,
        c=draw(between(-0.9, 0.99, 0.0)) * np.sqrt(float(k.sigma2) * nu2),
    )
    assume(oracle.beta2 + oracle.nu2 > 0)
    return k, oracle, float(np.sqrt(float(k.sigma2) * draw(st.floats(0.1, 3))))


@for_all(short_runs(), costs=4)
def reaches_the_target_by_recursion(steps: Planner, problem: Short) -> None:
    """a ← (1-η_t μ) a + (η_t/2)(θ²β² + η_t L N(θ)) over the first two phases, then C12's sum over the third."""
    k, oracle, eps = problem
    delta = oracle.moments(k.sigma2).delta
    show("compare", k, L=k.L, mu=k.mu, sigma2=k.sigma2, F0=k.F0, delta=delta, eps=eps, **vars(oracle))
    *before, third = steps(k, oracle, eps=eps).stages
    unit = Problem(k, oracle, 1 / float(k.L))
    bias, noise, mu = (float(x) for x in (third.theta**2 * oracle.beta2, k.L * unit.noise(float(third.theta)), k.mu))
    a = float(k.F0)
    for stage in before:
        assert stage.theta == third.theta
        for eta in step_sizes_of(stage):
            a = (1 - eta * mu) * a + eta / 2 * (bias + eta * noise)
    eta = float(third.eta)
    assert 2 * a / (eta * float(third.steps)) + bias + eta * noise <= eps**2 * (1 + 1e-9)


@for_all(short_runs(), costs=20)
def reaches_the_target_on_a_quadratic(steps: Planner, problem: Short) -> None:
    k, oracle, eps = problem
    *before, third = steps(k, oracle, eps=eps).stages
    state, theta, along = quadratic.start(k), float(third.theta), Problem(k, oracle, float(third.eta))
    for stage in before:
        *_, state = along.walk(state, step_sizes_of(stage), theta)
    assert quadratic.mean_gradient2(list(along.walk(state, step_sizes_of(third), theta))) <= eps**2


@for_all(short_runs(), costs=2)
def is_plain_sgd_at_the_noise_that_is_left(steps: Planner, problem: Short) -> None:
    """σ3² = M(η3)/(η3 L), η3 from the closed form: C15b's own lengths and step sizes at that variance, smoothed at θ°(η3)."""
    k, oracle, eps = problem
    scale = largest_scale(k, oracle, exact(eps) ** 2 / 2)
    error, theta = least_error2(k, oracle, scale)
    left = Constants(L=k.L, mu=k.mu, F0=k.F0, sigma2=float(error / scale))
    assert left.sigma2 <= k.sigma2 * (1 + 1e-12)
    for stage, plain in zip(steps(k, oracle, eps=eps).stages, sgd_pl.three_phase_steps(left, eps=eps).stages, strict=True):
        assert float(stage.theta) == pytest.approx(float(theta), rel=1e-9, abs=1e-12)
        assert abs(stage.steps - plain.steps) <= 1  # a ceiling of what is off by 1e-11
        assert float(stage.eta) == pytest.approx(float(plain.eta), rel=1e-9)
        assert stage.decay_steps == plain.decay_steps


def smoothed_as_at_the_largest_step(k: Constants, oracle: SmoothingOracle, *, eps: float) -> Plan:
    """θ* of C11 in all phases."""
    right, star = smoothed_pl.steps(k, oracle, eps=eps), oracle.moments(k.sigma2).theta_star
    return replace(right, stages=tuple(replace(stage, theta=star) for stage in right.stages))


phases = partial(stage_changed, smoothed_pl.steps)
test_steps = properties(
    "C12",
    smoothed_pl.steps,
    {
        reaches_the_target_by_recursion: [
            phases(2, steps=0.5),
            phases(1, steps=0.3),
            phases(2, eta=2.0),
            smoothed_as_at_the_largest_step,
            # as if all of the second moment fell with the step size
            lambda k, oracle, *, eps: smoothed_pl.steps(k, replace(oracle, beta2=0, nu2=oracle.beta2 + oracle.nu2), eps=eps),
        ],
        reaches_the_target_on_a_quadratic: [phases(2, eta=5.0)],
        is_plain_sgd_at_the_noise_that_is_left: [
            lambda k, oracle, *, eps: sgd_pl.three_phase_steps(k, eps=eps),
            phases(0, steps=1.5),
            phases(1, decay_steps=2.0),
        ],
    },
)


@for_all(short_runs())
def is_the_closed_form(scale: Callable[..., Any], problem: Short) -> None:
    """To 1e-12, as far as M(x) tells one x from another: its elasticity is at least 0.1."""
    k, oracle, eps = problem
    half = exact(eps) ** 2 / 2
    expected = largest_scale(k, oracle, half)
    assume(least_error2(k, oracle, expected * (1 + mp.mpf(10) ** -20))[0] / half - 1 > mp.mpf(10) ** -21 or expected == 1)
    value = float(scale(k.sigma2, oracle, np.float64(eps) ** 2))
    assert value == pytest.approx(float(expected), rel=1e-12)
    assert expected < 1 or value == 1


test_largest_step_size = properties(
    "C12",
    smoothed_pl.largest_scale,
    {
        is_the_closed_form: [
            lambda sigma2, oracle, target2: smoothed_pl.largest_scale(sigma2, oracle, target2 * (1 + 1e-9)),
            lambda sigma2, oracle, target2: smoothed_pl.largest_scale(sigma2, oracle, 2 * target2),
            lambda sigma2, oracle, target2: np.minimum(1, target2 / (2 * sigma2)),
        ]
    },
    found="three phases smoothed at θ°(η3) reach ε² by the recursion; η3 by bisection equals the root of its quadratic to 1e-12",
)


Gain = Callable[..., Any]


@st.composite
def correlated(draw: st.DrawFn) -> Short:
    """c on both sides of σ², which needs ν² > σ²."""
    k = draw(constants(noiseless=False))
    s2, ratio = float(k.sigma2), draw(st.floats(1.1, 3))
    c = draw(st.just(1.0) | st.floats(-1, 1).map(lambda part: part * ratio)) * s2
    oracle = SmoothingOracle(beta2=draw(between(1e-2, 3, 0.0)) * s2, nu2=ratio**2 * s2, c=c)
    return k, oracle, float(np.sqrt(s2 * draw(st.floats(0.01, 3))))


@for_all(short_runs() | correlated(), costs=2)
def is_the_noise_that_is_left(gain: Gain, problem: Short) -> None:
    """σ3²/σ²: at most 1, and under 1 iff c < σ², as far as float64 tells."""
    k, oracle, eps = problem
    scale = largest_scale(k, oracle, exact(eps) ** 2 / 2)
    expected = float(least_error2(k, oracle, scale)[0] / scale / exact(k.sigma2))
    value = float(gain(k.sigma2, oracle, eps))
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert value <= 1 + 1e-12
    if abs(oracle.c / k.sigma2 - 1) > 1e-3:
        assert (value < 1 - 1e-12) == (oracle.c < k.sigma2)


def is_what_the_page_says(gain: Gain) -> None:
    """At c = 0: 1 - x/(β² + x(1 + ν²/σ²)), x = ε²σ²/(2σ3²). As ε → 0: 1 - ε²/(2β²) with bias, (σ²ν²-c²)/((σ²+ν²-2c)σ²) without."""
    s2, nu2 = 2.0, 3.0
    for beta2, eps in ((0.5, 0.1), (0.5, 0.7), (1e-3, 0.1), (4.0, 1.0)):
        value = float(gain(s2, SmoothingOracle(beta2=beta2, nu2=nu2), eps))
        x = eps**2 / (2 * value)
        assert value == pytest.approx(1 - x / (beta2 + x * (1 + nu2 / s2)), rel=1e-10)
    assert 1 - float(gain(s2, SmoothingOracle(beta2=0.5, nu2=nu2), 1e-3)) == pytest.approx(1e-6, rel=1e-5)
    for c in (-2.0, 0.0, 1.5):
        assert float(gain(s2, SmoothingOracle(beta2=0, nu2=nu2, c=c), 1e-3)) == pytest.approx(
            (s2 * nu2 - c**2) / ((s2 + nu2 - 2 * c) * s2), rel=1e-12
        )


WRONG_GAINS: list[Gain] = [
    lambda sigma2, oracle, eps: smoothed_pl.gain(sigma2, oracle, eps / np.sqrt(2)),
    lambda sigma2, oracle, eps: smoothed_pl.gain(sigma2, replace(oracle, beta2=0), eps),  # of unbiased labels
    lambda sigma2, oracle, eps: smoothed_pl.gain(sigma2, replace(oracle, c=0), eps),
]
test_gain = properties("C12", smoothed_pl.gain, dict.fromkeys((is_the_noise_that_is_left, is_what_the_page_says), WRONG_GAINS))


# --- refusals ---


TOO_LARGE = "eta = 0.11 is larger than 1/L = 0.1; C12 needs 0 < eta <= 1/L"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        *((lambda of=of: of(K, ORACLE, eta=0.11, T=1), TOO_LARGE) for of in (biased.bound, biased.gap_bound)),
        *((lambda of=of: of(K, ORACLE, eta=0.11, T=1, theta=1), TOO_LARGE) for of in (biased.bound, biased.gap_bound)),
        (lambda: biased.bound(K, ORACLE, eta=0.1, T=0), "T = 0 must be a whole number, at least 1"),
        (lambda: biased.bound(K, ORACLE, eta=0.1, T=1, theta=1.5), "theta = 1.5 must be a finite number at least 0 and at most 1"),
        (lambda: biased.gap_bound(BARE, ORACLE, eta=0.1, T=1), "mu is missing; C12 needs it (assumption A4)"),
        (lambda: SmoothingOracle(beta2=-1, nu2=0), "beta2 = -1 must be a finite number at least 0"),
        (lambda: SmoothingOracle(beta2=0, nu2=-1), "nu2 = -1 must be a finite number at least 0"),
        (lambda: SmoothingOracle(beta2=0, nu2=0, c=float("nan")), "c = nan must be a finite number"),
        (
            lambda: biased.bound(K, SmoothingOracle(beta2=0, nu2=4, c=-2.1), eta=0.1, T=1, theta=0.5),
            "c = -2.1 must lie within ±sqrt(sigma2*nu2) = ±2 (Cauchy-Schwarz)",
        ),
        (
            lambda: SmoothingOracle(beta2=0, nu2=4, c=2.1).moments(1),
            "c = 2.1 must lie within ±sqrt(sigma2*nu2) = ±2 (Cauchy-Schwarz)",
        ),
        (lambda: step_scale(eta=0.11, L=10, claim="C12"), TOO_LARGE),
        (lambda: step_scale(eta=0.1, L=0, claim="C12"), "L = 0 must be a finite number above 0"),
        (lambda: smoothed_pl.steps(BARE, ORACLE, eps=1), "mu is missing; C12 needs it (assumption A4)"),
        (lambda: smoothed_pl.steps(K, ORACLE, eps=0), "eps = 0 must be a finite number above 0"),
        (
            lambda: smoothed_pl.steps(Constants(L=10, mu=1, sigma2=0, F0=1), ORACLE, eps=1),
            "sigma2 = 0 after smoothing; C12 with C15b needs some noise to split the run at; any upper bound serves",
        ),
        (lambda: smoothed_pl.gain(0, ORACLE, 1), "sigma2 = 0 must be a finite number above 0"),
    ],
)
def test_premises(call: Callable[[], Any], message: str) -> None:
    refuses(call, message)


def test_no_steps_leave_the_start() -> None:
    bound = biased.gap_bound(K, ORACLE, eta=0.1, T=0, theta=0)
    assert float(bound.terms["optimisation"]) == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("call", [biased.bound, biased.gap_bound])
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
