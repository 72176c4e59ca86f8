"""C18: the worst split searched at 50 digits, runs enumerated in fractions, instances that attain the bounds, and the plans."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.claims.support.counterexample import show
from tests.claims.support.distributions import Joint, joints
from tests.claims.support.marks import properties
from tests.claims.support.paths import FUNCTIONS, enumerate_paths, fractions, parabola, parts
from tests.claims.support.recursions import exact, mp
from tests.claims.support.worst_split import searched
from tsla.theory import lsr, sgd, sharp, sharp_exact, smoothing, worst_case
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import between, constants, for_all, positive, step_counts, step_sizes, targets, thetas
from tsla.theory.testing.relations import BoundOf
from tsla.theory.testing.wrong import scaled, stage_changed

Lemma = Callable[..., Any]
Planner = Callable[..., Plan]
GRID = np.linspace(0, 1, 101)
smoothed = constants(delta=between(1e-3, 3, 1e-12, 1.0), noiseless=False)


def sharp_bound(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return sharp.bound(k, eta=eta, T=T, theta=theta)


def exact_bound(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return sharp_exact.bound(k, eta=eta, T=T, theta=theta)


@for_all(joints(), thetas, costs=2)
def bounds_every_distribution(lemma: Lemma, joint: Joint, theta: float) -> None:
    assert joint.smoothed(theta) <= lemma(joint.s2, joint.shat2 / joint.s2, theta) * (1 + 1e-12) + joint.rounding


@for_all(joints(), thetas, st.floats(0, 2), costs=2)
def is_attained_by_deviations_in_proportion(lemma: Lemma, joint: Joint, theta: float, root_delta: float) -> None:
    """ĝ - ∇F = √δ(g - ∇F)."""
    both = Joint(joint.p, joint.g, joint.gradient + root_delta * (joint.g - joint.gradient))
    assert both.smoothed(theta) == pytest.approx(lemma(both.s2, root_delta**2, theta), rel=1e-9, abs=both.rounding)


@for_all(positive(), st.sampled_from([1e-12, 1e-30, 1.0]) | st.floats(1e-6, 10))
def is_a_known_part_of_v(at_paper_theta: Lemma, sigma2: float, delta: float) -> None:
    """(1+√δ)²/(2(1+δ)) of it at θ = 1/(1+δ), to the last digits."""
    d = exact(delta)
    factor = (1 + mp.sqrt(d)) ** 2 / (2 * (1 + d))
    assert float(at_paper_theta(sigma2, delta)) == pytest.approx(float(factor * smoothing.lemma_at_paper_theta(sigma2, delta)), rel=1e-14)


test_lemma = properties(
    "C18",
    smoothing.sharp,
    {
        bounds_every_distribution: [lambda s2, d, t: s2 * ((1 - t) ** 2 + t**2 * d), lambda s2, d, t: 0.9 * smoothing.sharp(s2, d, t)],
        is_attained_by_deviations_in_proportion: [smoothing.lemma, lambda s2, d, t: smoothing.sharp(s2, d**2, t)],
    },
)
test_at_the_papers_theta = properties(
    "C18",
    smoothing.sharp_at_paper_theta,
    {is_a_known_part_of_v: [smoothing.lemma_at_paper_theta, lambda s2, d: smoothing.lemma_at_paper_theta(s2, d) / 2]},
)


def is_the_worst(which: int, bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    show("bound lsr", k, delta=k.delta, eta=eta, T=T, theta=theta, **{("sharp", "exact")[which]: True})
    assert 0 <= exact(bound(k, eta, T, theta).total) / searched(k, eta, T, theta)[which] - 1 < mp.mpf(10) ** -12


@for_all(st.data(), smoothed, step_counts, thetas, costs=4)
def is_c12_at_its_worst_split(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    is_the_worst(0, bound, data, k, T, theta)


@for_all(st.data(), smoothed, step_counts, thetas, costs=4)
def drops_nothing_at_its_worst_split(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    is_the_worst(1, bound, data, k, T, theta)


@for_all(st.data(), smoothed, step_counts, costs=2)
def has_the_best_theta_for_its_default(bound: BoundOf, data: st.DataObject, k: Constants, T: int) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    best, values = bound(k, eta, T, None).total, bound(k, eta, T, GRID).total  # type: ignore[arg-type]
    assert float(best) <= np.min(values) * (1 + 1e-12)


@for_all(st.data(), smoothed, step_counts, thetas, costs=2)
def is_between_no_bias_and_c5(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    """θ²δσ² above the start, and C5 with U for V at η = 1/L, where only that is left of V."""
    eta, D = data.draw(step_sizes(float(k.L))), float(2 * k.F0 / T)
    found, U = float(bound(k, eta, T, theta).total), float(smoothing.sharp(k.sigma2, k.delta, theta))
    assert D / eta + theta**2 * float(k.delta * k.sigma2) <= found * (1 + 1e-12)
    assert found <= float(lsr.bound(k, eta=eta, T=T, theta=theta).total) * (1 + 1e-12)
    assert float(bound(k, 1 / float(k.L), T, theta).total) == pytest.approx(D * float(k.L) + U, rel=1e-12)


@for_all(st.data(), smoothed, step_counts, costs=2)
def is_c16_without_smoothing(bound: BoundOf, data: st.DataObject, k: Constants, T: int) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    assert float(bound(k, eta, T, 0.0).total) == pytest.approx(float(worst_case.sgd_bound(k, eta=eta, T=T).total), rel=1e-13)


Run = tuple[Fraction, Fraction, Fraction, Fraction, Fraction, Fraction]
runs = st.tuples(fractions, fractions, fractions, st.builds(Fraction, st.integers(0, 16), st.just(16)), fractions, fractions)
"""L, w_0, σ, θ, and b and n in units of σ/40."""


@for_all(st.sampled_from(FUNCTIONS), runs, parts, st.integers(1, 3), costs=2)
def holds_on_every_function(bound: BoundOf, F: Callable[..., Any], run: Run, part: Fraction, T: int) -> None:
    """g = ∇F ± σ, ĝ = ∇F - sign(∇F) b ± n, with the same sign. With F(w_0) - F* for F0, and with F0 - E F(w_T)."""
    L, w, sigma, theta, b, n = run
    x, b, n = part / 2, b * sigma / 40, n * sigma / 40
    noise = (1 - theta) * sigma + theta * n
    found = enumerate_paths(F, L, w, x, lambda slope: tuple(-(1 if slope >= 0 else -1) * theta * b + sign * noise for sign in (1, -1)), T)
    for F0 in (found.start, found.start - found.end):
        if F0 > 0:
            k = Constants(L=float(L), sigma2=float(sigma**2), delta=float((b**2 + n**2) / sigma**2), F0=float(F0))
            assert float(found.gradient2) <= float(bound(k, float(x / L), T, float(theta)).total) * (1 + 1e-12)


@for_all(runs, st.integers(1, 4), costs=2)
def is_attained_at_the_largest_step(bound: BoundOf, run: Run, T: int) -> None:
    """On (L/2)w² at η = 1/L with ĝ - ∇F = √δ(g - ∇F), and F0 - E F(w_T) for F0."""
    L, w, sigma, theta, root_delta, _ = run
    error = (1 - theta + theta * root_delta) * sigma
    found = enumerate_paths(parabola, L, w, Fraction(1), lambda slope: (error, -error), T)
    assume(found.end < found.start)
    k = Constants(L=float(L), sigma2=float(sigma**2), delta=float(root_delta**2), F0=float(found.start - found.end))
    assert float(bound(k, float(1 / L), T, float(theta)).total) == pytest.approx(float(found.gradient2), rel=1e-12)


@for_all(runs, parts, costs=2)
def is_attained_in_one_step(bound: BoundOf, run: Run, part: Fraction) -> None:
    """On (L/2)w² at the split that is worst for its slope, tan φ = x(1-θ)σ/((1-x)‖∇F‖), with noise of two points."""
    L, w, sigma, theta, root_delta, _ = map(exact, run)
    x, slope = exact(part) / 2, L * w
    angle = mp.atan2(x * (1 - theta) * sigma, (1 - x) * slope)
    beta, noise = theta * root_delta * sigma * mp.cos(angle), (1 - theta) * sigma + theta * root_delta * sigma * mp.sin(angle)
    ends = [w - x / L * (slope - beta + sign * noise) for sign in (1, -1)]
    fallen = L / 2 * (w**2 - (ends[0] ** 2 + ends[1] ** 2) / 2)
    assume(fallen > 1e-3 * L * w**2)
    k = Constants(L=float(L), sigma2=float(sigma**2), delta=float(root_delta**2), F0=float(fallen))
    assert float(bound(k, float(x / L), 1, float(theta)).total) == pytest.approx(float(slope**2), rel=1e-9)


@for_all(st.data(), smoothed, costs=2)
def lowers_the_floor_from_a_step_size_on(bound: BoundOf, data: st.DataObject, k: Constants) -> None:
    """As T → ∞: iff ηL > 1 - √(1-δ)."""
    eta = data.draw(step_sizes(float(k.L)))
    x, border = eta * float(k.L), 1 - max(1 - float(k.delta), 0.0) ** 0.5
    assume(abs(x - border) > 1e-3)
    smoothed, plain = (float(bound(k, eta, 1e300, theta).total) for theta in (None, 0.0))
    assert (smoothed < plain * (1 - 1e-12)) == (x > border)


def at_other_theta(right: BoundOf) -> BoundOf:
    return lambda k, eta, T, theta: right(k, eta, T, 0.9 * (1 / (1 + k.delta)) if theta is None else theta)


def with_lemma(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return lsr.bound(k, eta=eta, T=T, theta=theta)


test_bound = properties(
    "C18",
    sharp_bound,
    {
        is_c12_at_its_worst_split: [scaled(sharp_bound, noise=0.999), scaled(sharp_bound, smoothing=1.001), with_lemma],
        has_the_best_theta_for_its_default: [at_other_theta(sharp_bound), with_lemma],
        is_between_no_bias_and_c5: [exact_bound, scaled(sharp_bound, noise=0.5)],
        holds_on_every_function: [scaled(sharp_bound, optimisation=0.5, noise=0.25, smoothing=0.25)],
        is_attained_at_the_largest_step: [with_lemma],
    },
    found="The bound equals that of C12 at the worst split of δσ² into bias and noise, searched at 50 digits. "
    "No θ of a grid is better than θ°.",
)
test_exact_bound = properties(
    "C18",
    exact_bound,
    {
        drops_nothing_at_its_worst_split: [sharp_bound, scaled(exact_bound, smoothing=0.999)],
        has_the_best_theta_for_its_default: [at_other_theta(exact_bound)],
        is_c16_without_smoothing: [sharp_bound],
        lowers_the_floor_from_a_step_size_on: [sharp_bound],
        holds_on_every_function: [scaled(exact_bound, smoothing=0.5), scaled(exact_bound, noise=0.5)],
        is_attained_at_the_largest_step: [scaled(exact_bound, noise=0.9)],
        is_attained_in_one_step: [sharp_bound, scaled(exact_bound, smoothing=0.99)],
    },
    found="The form that drops no term is attained to 1e-9 in one step on (L/2)w² with noise of two points. "
    "At η = 1/L it is attained in 1 to 4 steps.",
)


@for_all(smoothed, targets, costs=2)
def buys_what_it_says(steps: Planner, k: Constants, eps: float) -> None:
    """(4LF0/ε²)(1/δ - 1) of C4's samples for e ≤ δ ≤ 1; all but 4LF0/ε² for smaller δ, and none for larger ones."""
    e, unit = eps**2 / (2 * float(k.sigma2)), float(4 * k.L * k.F0 / eps**2)
    plain, found = unit / min(e, 1), float(steps(k, eps=eps).total)
    delta = min(max(float(k.delta), e), 1.0)
    assert found == pytest.approx(plain - unit * (1 / delta - 1) if e < 1 else unit, rel=1e-12, abs=1 + 1e-9 * plain)


@for_all(smoothed, targets, costs=2)
def reaches_half_of_the_target_with_its_floor(steps: Planner, k: Constants, eps: float) -> None:
    (stage,) = steps(k, eps=eps).stages
    terms = sharp.bound(k, eta=stage.eta, T=stage.steps, theta=stage.theta).terms
    assert float(terms["smoothing"] + terms["noise"]) <= eps**2 / 2 * (1 + 1e-12)
    assert float(terms["optimisation"]) <= eps**2 / 2 * (1 + 1e-12)


SCALES = np.concatenate([np.geomspace(1e-4, 1, 60), 1 - np.geomspace(1e-4, 0.5, 20)])[:, None]


@for_all(smoothed, targets, costs=2)
def is_as_short_as_any_step_size_and_theta_allow(steps: Planner, k: Constants, eps: float) -> None:
    """It gets there, and nothing on a grid of both does with one step fewer."""
    (stage,) = (plan := steps(k, eps=eps)).stages
    assert float(sharp_exact.bound(k, eta=stage.eta, T=stage.steps, theta=stage.theta).total) <= eps**2 * (1 + 1e-12)
    assert float(stage.theta) in (0, 1)
    if plan.total > 1:
        assert np.min(sharp_exact.bound(k, eta=SCALES / k.L, T=plan.total - 1, theta=GRID[::4]).total) > eps**2 * (1 - 1e-12)
        assert np.min(sharp_exact.bound(k, eta=SCALES / k.L, T=plan.total - 1).total) > eps**2 * (1 - 1e-12)


test_plan = properties(
    "C18",
    sharp.steps,
    {
        buys_what_it_says: [sgd.steps, lsr.steps, sharp_exact.steps],
        reaches_half_of_the_target_with_its_floor: [stage_changed(sharp.steps, 0, eta=0.9), stage_changed(sharp.steps, 0, steps=0.9)],
    },
)
test_exact_plan = properties(
    "C18",
    sharp_exact.steps,
    {is_as_short_as_any_step_size_and_theta_allow: [sharp.steps, stage_changed(sharp_exact.steps, 0, steps=1.01)]},
    found="By the form that drops no term, no step size and no θ of a grid reaches ε² in fewer steps than plain SGD or ĝ alone.",
)


@pytest.mark.claim("C18", "property")
def test_the_example(evidence: Callable[..., None]) -> None:
    """L = 10, F0 = σ² = 1, δ = 0.1 and ε = 0.1: e = 0.005."""
    k = Constants(L=10, sigma2=1, F0=1, delta=0.1)
    (stage,) = sharp.steps(k, eps=0.1).stages
    assert [float(steps(k, eps=0.1).total) for steps in (sgd.steps, sharp.steps)] == [800_000, 764_000]
    assert (float(stage.theta), float(stage.eta)) == pytest.approx((0.05, 0.1 / 191), rel=1e-14)
    assert [float(steps(k, eps=0.1).total) for steps in (worst_case.sgd_steps, sharp_exact.steps)] == [202_000, 202_000]
    evidence(
        "At L = 10, F0 = σ² = 1, δ = 0.1 and ε² = 0.01, smoothing takes 764,000 samples where C4 asks plain SGD for 800,000. "
        "Of the 202,000 samples that C16 asks for it spares none."
    )
