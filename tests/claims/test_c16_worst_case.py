"""C16: two-point noise enumerated in exact fractions, on a parabola, which attains the bounds, and on functions that do not."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.paths import FUNCTIONS, always, enumerate_paths, fractions, parabola, parts
from tests.claims.support.refusals import premises
from tsla.theory import lsr, sgd, two_stage, worst_case
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import constants, for_all, positive, step_counts, step_sizes, targets, thetas
from tsla.theory.testing.relations import BoundOf, is_monotone, scales_with_the_objective
from tsla.theory.testing.wrong import one_step_more, scaled, stage_changed

Planner = Callable[..., Plan]
Value = Callable[..., Any]


def sgd_bound(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return worst_case.sgd_bound(k, eta=eta, T=T)


@for_all(fractions, fractions, fractions, parts, st.integers(1, 4))
def is_exact_on_a_parabola(bound: BoundOf, L: Fraction, w: Fraction, sigma: Fraction, x: Fraction, T: int) -> None:
    """With F0 - E F(w_T) for F0."""
    run = enumerate_paths(parabola, L, w, x, always(sigma, -sigma), T)
    assume(run.end < run.start)
    k, eta = Constants(L=float(L), sigma2=float(sigma**2), F0=float(run.start - run.end)), float(x / L)
    show("bound sgd", k, eta=eta, T=T, exact=True)
    assert float(bound(k, eta, T, None).total) == pytest.approx(float(run.gradient2), rel=1e-12)


@for_all(st.sampled_from(FUNCTIONS), fractions, fractions, fractions, parts, st.integers(1, 4), costs=2)
def holds_on_every_function(bound: BoundOf, F: Callable[..., Any], L: Fraction, w: Fraction, sigma: Fraction, x: Fraction, T: int) -> None:
    """With F(w_0) - F* for F0, and with F0 - E F(w_T) too."""
    run = enumerate_paths(F, L, w, x, always(sigma, -sigma), T)
    for F0 in (run.start, run.start - run.end):
        if F0 > 0:
            k, eta = Constants(L=float(L), sigma2=float(sigma**2), F0=float(F0)), float(x / L)
            show("bound sgd", k, eta=eta, T=T, exact=True)
            assert float(run.gradient2) <= float(bound(k, eta, T, None).total) * (1 + 1e-12)


@for_all(st.data(), constants(), step_counts)
def is_the_papers_over_two_less_the_step(bound: BoundOf, data: st.DataObject, k: Constants, T: int) -> None:
    """η ≤ 1/L: C4 over 2 - ηL, so never above it, and half of it as η → 0."""
    eta = data.draw(step_sizes(float(k.L)))
    show("bound sgd", k, eta=eta, T=T, exact=True)
    value, paper = float(bound(k, eta, T, None).total), float(sgd.bound(k, eta=eta, T=T).total)
    assert paper / value == pytest.approx(2 - eta * float(k.L), rel=1e-12)
    assert value <= paper * (1 + 1e-15)


half = scaled(sgd_bound, noise=0.5)
of_the_paper = scaled(sgd_bound, **dict.fromkeys(("optimisation", "noise"), lambda k, eta: 2 - eta * k.L))  # C4 without its premise η ≤ 1/L
best_case = scaled(sgd_bound, **dict.fromkeys(("optimisation", "noise"), lambda k, eta: 1 - eta * k.L / 2))  # η → 0, as if at every η
noise_not_divided = scaled(sgd_bound, noise=lambda k, eta: 2 - eta * k.L)
test_sgd_bound = properties(
    "C16",
    sgd_bound,
    {
        is_exact_on_a_parabola: [of_the_paper, half, best_case, one_step_more(sgd_bound), noise_not_divided],
        holds_on_every_function: [of_the_paper, half, best_case, one_step_more(sgd_bound)],
        is_the_papers_over_two_less_the_step: [noise_not_divided, best_case],
        scales_with_the_objective: [],
        is_monotone: [],
    },
)


# --- the plan ---


@for_all(constants(), targets)
def reaches_the_target_and_needs_every_step(steps: Planner, k: Constants, eps: float) -> None:
    (stage,) = steps(k, eps=eps).stages
    show("steps sgd-exact", k, eps=eps)
    assert float(worst_case.sgd_bound(k, eta=stage.eta, T=stage.steps).total) <= eps**2 * (1 + 1e-12)
    if stage.steps > 1:
        assert float(worst_case.sgd_bound(k, eta=stage.eta, T=stage.steps - 1).total) > eps**2


STEP_SIZES = np.linspace(0, 2, 1001)[1:-1]
"""Times 1/L."""


@for_all(constants(), targets)
def is_as_short_as_any_step_size_allows(steps: Planner, k: Constants, eps: float) -> None:
    """No step size of a grid on (0, 2/L) gets there with one step fewer."""
    plan = steps(k, eps=eps)
    show("steps sgd-exact", k, eps=eps)
    if plan.total > 1:
        assert np.min(worst_case.sgd_bound(k, eta=STEP_SIZES / k.L, T=plan.total - 1).total) > eps**2


test_sgd_steps = properties(
    "C16",
    worst_case.sgd_steps,
    {
        reaches_the_target_and_needs_every_step: [
            stage_changed(worst_case.sgd_steps, 0, **{field: factor}) for field in ("steps", "eta") for factor in (0.9, 1.1)
        ],
        is_as_short_as_any_step_size_allows: [stage_changed(worst_case.sgd_steps, 0, steps=1.01), sgd.steps],
    },
)


@pytest.mark.claim("C16", "property")
def test_samples_beside_the_paper(evidence: Callable[..., None]) -> None:
    """(1 + ε²/σ²)/4 of C4's for ε² ≤ 2σ²; at L = 10, F0 = σ² = 1 and ε² = 0.01 that is 202,000 for 800,000."""
    k = Constants(L=10, sigma2=1, F0=1)
    for eps2 in (1e-6, 0.01, 1.0, 2.0):
        totals = [float(steps(k, eps=np.sqrt(eps2)).total) for steps in (worst_case.sgd_steps, sgd.steps)]
        assert totals[0] / totals[1] == pytest.approx((1 + eps2) / 4, rel=1e-9)
    assert float(worst_case.sgd_steps(k, eps=0.1).total) == 202_000
    assert float(worst_case.sgd_steps(k, eps=0.1).stages[0].eta) == pytest.approx(0.001 / 1.01, rel=1e-14)
    evidence(
        "On (L/2)w² the bound equals the mean over every path of two-point noise, enumerated in fractions for T ≤ 4. "
        "C4's bound is 2-ηL times as large."
    )


# --- C5 without its last noise ---


@for_all(fractions, fractions, fractions, fractions, st.integers(1, 4), thetas)
def is_attained_on_a_parabola(value: Value, L: Fraction, w: Fraction, sigma: Fraction, root_delta: Fraction, T: int, theta: float) -> None:
    """At η = 1/L, along g = ∇F ± σ alone (θ = 0), along ĝ = ∇F - √δσ alone (θ = 1), or where ĝ = g, with any θ between."""
    cases = [(0.0, root_delta**2, (sigma, -sigma)), (1.0, root_delta**2, (-root_delta * sigma,)), (theta, 1, (sigma, -sigma))]
    for t, delta, errors in cases:
        run = enumerate_paths(parabola, L, w, Fraction(1), always(*errors), T)
        k = Constants(L=float(L), sigma2=float(sigma**2), delta=float(delta), F0=float(run.start))
        show("bound lsr", k, delta=k.delta, eta=1 / L, T=T, theta=t)
        assert float(value(k, T=T, theta=t)) == pytest.approx(float(run.gradient2), rel=1e-12)


@for_all(st.sampled_from(FUNCTIONS), fractions, fractions, fractions, fractions, st.integers(1, 4), st.booleans(), costs=2)
def holds_on_every_function_at_the_largest_step(
    value: Value, F: Callable[..., Any], L: Fraction, w: Fraction, sigma: Fraction, root_delta: Fraction, T: int, biased: bool
) -> None:
    run = enumerate_paths(F, L, w, Fraction(1), always(root_delta * sigma) if biased else always(sigma, -sigma), T)
    assume(run.start > 0)
    k = Constants(L=float(L), sigma2=float(sigma**2), delta=float(root_delta**2), F0=float(run.start))
    show("bound lsr", k, delta=k.delta, eta=1 / L, T=T, theta=float(biased))
    assert float(run.gradient2) <= float(value(k, T=T, theta=float(biased))) * (1 + 1e-12)


@for_all(constants(delta=positive(1e-3, 10)), step_counts, st.none() | thetas)
def spares_the_last_noise(value: Value, k: Constants, T: int, theta: float | None) -> None:
    """C5 less V/T; θ left out: the paper's."""
    show("bound lsr", k, delta=k.delta, eta=1 / k.L, T=T, theta=theta)
    paper = float(lsr.bound(k, eta=1 / k.L, T=T, theta=theta).total)
    V = float(lsr.floor(k, theta))
    assert float(value(k, T=T, theta=theta)) == pytest.approx(
        paper - V / T, rel=1e-12, abs=1e-14 * paper
    )  # the difference cancels at T = 1


WRONG_VALUES: dict[str, Value] = {
    "one noise too few": lambda k, T, theta: worst_case.lsr_value(k, T=T, theta=theta) - lsr.floor(k, theta) / T,
    "half the distance": lambda k, T, theta: worst_case.lsr_value(k, T=T, theta=theta) - k.L * k.F0 / T,
    "bound of the paper": lambda k, T, theta: lsr.bound(k, eta=1 / k.L, T=T, theta=theta).total,
    "other end of theta": lambda k, T, theta: worst_case.lsr_value(k, T=T, theta=None if theta is None else 1 - theta),
}
test_lsr_value = properties(
    "C16",
    worst_case.lsr_value,
    {
        is_attained_on_a_parabola: WRONG_VALUES.values(),
        holds_on_every_function_at_the_largest_step: [WRONG_VALUES["one noise too few"], WRONG_VALUES["half the distance"]],
        spares_the_last_noise: [wrong for name, wrong in WRONG_VALUES.items() if name != "half the distance"],
    },
)


@pytest.mark.claim("C16", "property")
@pytest.mark.claim("C7", "property")
@given(fractions, fractions, fractions, parts)
def test_the_floor_of_the_first_stage_is_attained(mu: Fraction, sigma: Fraction, root_delta: Fraction, part: Fraction) -> None:
    """μw²/2 under the constant bias b = √V: at w = b/μ every step stays, and the gap V/(2μ) is all that C7 leaves at θ = 1."""
    bias, w = root_delta * sigma, root_delta * sigma / mu
    run = enumerate_paths(parabola, mu, w, part / 2, always(-bias), 3)
    assert run.end == run.start == bias**2 / (2 * mu)
    k = Constants(L=float(mu), mu=float(mu), sigma2=float(sigma**2), delta=float(root_delta**2), F0=1)
    floor_of_it = two_stage.stage_one(k, eta1=float(part / 2 / mu), T1=10**6, theta=1).terms["smoothing"]
    assert float(floor_of_it) == pytest.approx(float(run.end), rel=1e-14)


# --- refusals ---

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)

test_premises = premises(
    operator.call,
    (lambda: worst_case.sgd_bound(K, eta=0.2, T=1), "eta = 0.2 is not below 2/L = 0.2; C16 needs 0 < eta < 2/L"),
    (lambda: worst_case.sgd_bound(K, eta=[0.1, 0.3], T=1), "eta = 0.3 is not below 2/L = 0.2; C16 needs 0 < eta < 2/L"),
    (lambda: worst_case.sgd_bound(K, eta=0, T=1), "eta = 0 must be a finite number above 0"),
    (lambda: worst_case.sgd_bound(K, eta=0.1, T=0), "T = 0 must be a whole number, at least 1"),
    (lambda: worst_case.sgd_bound(K, eta=0.1, T=1.5), "T = 1.5 must be a whole number, at least 1"),
    (lambda: worst_case.sgd_steps(K, eps=0), "eps = 0 must be a finite number above 0"),
    (lambda: worst_case.lsr_value(K, T=0), "T = 0 must be a whole number, at least 1"),
    (lambda: worst_case.lsr_value(K, T=1, theta=2), "theta = 2 must be a finite number at least 0 and at most 1"),
    (lambda: worst_case.lsr_value(Constants(L=10, sigma2=1, F0=1), T=1), "delta is missing; C16 needs it (assumption A3)"),
)


def test_a_step_size_just_below_its_limit() -> None:
    assert float(worst_case.sgd_bound(K, eta=0.2 * (1 - 1e-12), T=1).total) == pytest.approx(12 / 2e-12, rel=1e-3)


@pytest.mark.claim("C16", "property", planted=True)
def test_a_failing_property_shows_its_number(shows_its_number: Callable[..., None]) -> None:
    shows_its_number(lambda: is_exact_on_a_parabola(sgd_bound), worst_case, "sgd_bound", "noise")
