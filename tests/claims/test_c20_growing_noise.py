"""C20: the weighted sum step by step, a parabola whose noise is as large as A2′ allows, and runs whose noise grows with the gradient."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import Exact, exact
from tests.claims.support.refusals import premises
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.betting import p_values
from tsla.theory import growing_noise, lsr, worst_case
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.plan import Stage
from tsla.theory.testing.domain import between, constants, for_all, step_sizes, thetas, with_terms
from tsla.theory.testing.planted import Rejects
from tsla.theory.testing.wrong import scaled

Grown = Callable[..., Bound]


class Problem(NamedTuple):
    """Of SGD, or of label smoothing where there is a ``theta``; both of a run of T steps of size η."""

    k: Constants
    growth: Growth
    eta: float
    T: int
    theta: float | None = None

    @property
    def rho(self) -> Exact:
        """What the right-hand side of A2′ is multiplied by in a step, over η/2: ηL for SGD, 1-θ+θδ for label smoothing."""
        if self.theta is None:
            return exact(self.eta) * exact(self.k.L)
        return 1 - exact(self.theta) + exact(self.theta) * exact(self.k.delta)

    @property
    def left(self) -> Exact:
        """What is left of the descent, over η/2."""
        B = exact(self.growth.B)
        return 1 - self.rho * B if self.theta is not None else 2 - self.rho * (1 + B)

    def said(self, bound: Grown) -> float:
        given = {} if self.theta is None else {"theta": self.theta}
        method = "sgd-abc" if self.theta is None else "lsr-abc"
        show(f"bound {method}", self.k, A=self.growth.A, B=self.growth.B, C=self.k.sigma2, eta=self.eta, T=self.T, **given)
        return float(bound(self.k, self.growth, eta=self.eta, T=self.T, **given).total)


@st.composite
def grown(draw: st.DrawFn, *, smoothed: bool = False, part: st.SearchStrategy[float] | None = None) -> Problem:
    """B from 0 to what the step size allows, A from 0 to L/ηL."""
    k = draw(constants(delta=st.floats(1e-3, 2)))
    eta = draw(st.floats(1e-3, 1) if part is None else part) / float(k.L)
    theta = draw(thetas) if smoothed else None
    problem = Problem(k, Growth(A=0, B=0), eta, draw(st.integers(1, 40)), theta)
    room = 1 / problem.rho if smoothed else 2 / problem.rho - 1
    A, B = draw(between(1e-3, 1, 0.0)), draw(between(0.01, 0.95, 0.0))
    return problem._replace(growth=Growth(A=A / (eta * float(max(problem.rho, exact(1e-3)))), B=B * float(room)))


# --- the sum ---


def weighted_sum(problem: Problem) -> Exact:
    """The largest weighted mean of ‖∇F(w_t)‖² that the steps leave possible: weighted by (1+a)^-(t+1) their gaps telescope."""
    a = exact(problem.eta) * problem.rho * exact(problem.growth.A)
    weights = [(1 + a) ** -(t + 1) for t in range(problem.T)]
    lifts = sum(weights) * exact(problem.eta) * problem.rho * exact(problem.k.sigma2) / 2
    return 2 * (exact(problem.k.F0) + lifts) / (exact(problem.eta) * problem.left * sum(weights))


@for_all(grown())
def agrees_with_the_weighted_sum(bound: Grown, problem: Problem) -> None:
    assert problem.said(bound) == pytest.approx(float(weighted_sum(problem)), rel=1e-12)


@for_all(grown(smoothed=True))
def agrees_with_the_weighted_sum_smoothed(bound: Grown, problem: Problem) -> None:
    assert problem.said(bound) == pytest.approx(float(weighted_sum(problem)), rel=1e-12)


# --- a parabola ---


def is_attained_on_a_parabola(bound: Grown, problem: Problem, step: Callable[[float, float], float]) -> None:
    """The weighted mean of E‖∇F(w_t)‖² on (L/2)w², with F0 - (1+a)^-T E[F(w_T) - F*] for F0.

    ``step`` makes E‖∇F‖² of that and of A2′'s right-hand side.
    """
    L, A, B, C = (float(x) for x in (problem.k.L, problem.growth.A, problem.growth.B, problem.k.sigma2))
    a = problem.eta * float(problem.rho) * A
    slope2, weighted, total, weight = 2 * L * float(problem.k.F0), 0.0, 0.0, 1.0
    for _ in range(problem.T):
        weight /= 1 + a
        weighted, total = weighted + weight * slope2, total + weight
        slope2 = step(slope2, A / L * slope2 + B * slope2 + C)
    measured, fallen = weighted / total, float(problem.k.F0) - weight * slope2 / (2 * L)
    assert measured <= problem.said(bound) * (1 + 1e-12)
    if fallen > 1e-3 * float(problem.k.F0):
        assert problem._replace(k=replace(problem.k, F0=fallen)).said(bound) == pytest.approx(measured, rel=1e-9)


@for_all(grown())
def is_attained_by_noise_that_grows(bound: Grown, problem: Problem) -> None:
    """g = Lw ± s(w)."""
    x = problem.eta * float(problem.k.L)
    is_attained_on_a_parabola(bound, problem, lambda slope2, noise: (1 - x) ** 2 * slope2 + x**2 * noise)


@for_all(grown(smoothed=True, part=st.just(1.0)))
def is_attained_by_an_error_that_grows(bound: Grown, problem: Problem) -> None:
    """At η = 1/L one step leaves nothing of Lw, and ‖∇F‖² is what the error was."""
    is_attained_on_a_parabola(bound, problem, lambda slope2, noise: float(problem.rho) * noise)


# --- relations ---


@for_all(grown(), st.floats(1, 10), costs=4)
def rises_with_the_noise(bound: Grown, problem: Problem, factor: float) -> None:
    """In each of A, B and C; and where A and B are 0 it is C16."""
    here, growth, k = problem.said(bound), problem.growth, problem.k
    steeper = growth.B + float(problem.left / problem.rho) * (1 - 1 / factor)
    larger = [Growth(A=factor * growth.A, B=growth.B), Growth(A=growth.A, B=steeper)]
    assert all(problem._replace(growth=more).said(bound) >= here * (1 - 1e-12) for more in larger)
    noisier = Constants(L=k.L, sigma2=factor * k.sigma2, F0=k.F0)
    assert problem._replace(k=noisier).said(bound) >= here * (1 - 1e-12)
    constant = problem._replace(growth=Growth(A=0, B=0)).said(bound)
    assert constant == pytest.approx(float(worst_case.sgd_bound(k, eta=problem.eta, T=problem.T).total), rel=1e-12)


@for_all(st.data(), constants(), st.integers(1, 10**6), st.none() | thetas)
def is_c5_where_the_noise_does_not_grow(bound: Grown, data: st.DataObject, k: Constants, T: int, theta: float | None) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    said = float(bound(k, Growth(A=0, B=0), eta=eta, T=T, theta=theta).total)
    assert said == pytest.approx(float(lsr.bound(k, eta=eta, T=T, theta=theta).total), rel=1e-12)


def of_growth(right: Grown, **factors: float) -> Grown:
    return lambda k, growth, **run: right(k, Growth(**{name: factors.get(name, 1) * getattr(growth, name) for name in "AB"}), **run)


def uniform(k: Constants, growth: Growth, *, eta: Any, T: Any) -> Bound:
    """Weights that are all the same, as if they telescoped."""
    right = growing_noise.sgd_bound(k, growth, eta=eta, T=T)
    none = growing_noise.sgd_bound(k, Growth(A=0, B=growth.B), eta=eta, T=T)
    return with_terms(right, optimisation=none.terms["optimisation"])


SGD_WRONG = [of_growth(growing_noise.sgd_bound, A=0.5), of_growth(growing_noise.sgd_bound, B=0.5), uniform]
LSR_WRONG = [of_growth(growing_noise.lsr_bound, A=0.5), of_growth(growing_noise.lsr_bound, B=0.5)]
test_sgd_bound = properties(
    "C20",
    growing_noise.sgd_bound,
    {
        agrees_with_the_weighted_sum: [*SGD_WRONG, scaled(growing_noise.sgd_bound, noise=0.5)],
        is_attained_by_noise_that_grows: [*SGD_WRONG, scaled(growing_noise.sgd_bound, noise=0.5)],
        rises_with_the_noise: [scaled(growing_noise.sgd_bound, noise=0.5)],
    },
    found="The bound equals the weighted sum at 50 digits. On (L/2)w² under noise that grows it is exact.",
    headline="exact on an instance",
)
test_lsr_bound = properties(
    "C20",
    growing_noise.lsr_bound,
    {
        agrees_with_the_weighted_sum_smoothed: [*LSR_WRONG, scaled(growing_noise.lsr_bound, smoothing=0.5)],
        is_attained_by_an_error_that_grows: [*LSR_WRONG, scaled(growing_noise.lsr_bound, smoothing=0.5)],
        is_c5_where_the_noise_does_not_grow: [scaled(growing_noise.lsr_bound, smoothing=0.5)],
    },
)


# --- runs ---

KNEE, SIGMA2, ETA, T = 100.0, 400.0, 0.3, 60
"""The noise of the oracle is ``σ²r/(1+r)``, ``r = ‖∇F‖²/knee``: at most ``(σ²/knee)‖∇F‖²``, and so at most ``2L(σ²/knee)(F - F*)``."""
FORMS = {"gradient": (0.0, SIGMA2 / KNEE), "gap": (SIGMA2 / KNEE, 0.0)}


def is_not_exceeded(form: str, part: float) -> None:
    """On a quadratic and on the sine valley, by 400 runs: A2′ in terms of the gradient alone, or of the gap alone, with C = 0."""
    for name in ("quadratic", "sine_valley"):
        problem = problems.get(name, dimension=2)
        share, B = FORMS[form]
        growth, k = Growth(A=share * problem.L, B=B), Constants(L=problem.L, sigma2=0, F0=problem.gap(problem.start))
        eta = ETA / problem.L
        a = problem.L * float(growth.A) * eta**2
        stage = Stage(np.asarray(eta), np.asarray(0.0), np.asarray(float(T)), weights=lambda t, a=a: (1 + a) ** -t)
        run = simulate(problem, Oracle(sigma2=SIGMA2, variance="rising", knee=KNEE), [stage], replicas=400, seed=0)
        bound = float(growing_noise.sgd_bound(k, growth, eta=eta, T=T).total)
        assert float(p_values(run.mean_grad2[-1], part * bound)) >= 0.001 / 4


@pytest.mark.claim("C20", "Monte Carlo")
@pytest.mark.parametrize("form", FORMS)
def test_no_run_exceeds_the_bound(form: str, evidence: Callable[..., None]) -> None:
    is_not_exceeded(form, 1.0)
    evidence("Under noise that grows, runs on 2 problems exceed no bound.")


@pytest.mark.claim("C20", "Monte Carlo", planted=True)
@pytest.mark.parametrize("form", FORMS)
def test_a_smaller_bound_is_refuted_by_runs(form: str, rejects: Rejects) -> None:
    rejects(lambda part: is_not_exceeded(form, part), right=1.0, wrong=0.25)


# --- refusals ---

K = Constants(L=10, sigma2=1, delta=0.5, F0=1)

test_refusals = premises(
    operator.call,
    (lambda: Growth(A=-1, B=0), "A = -1 must be a finite number at least 0"),
    (lambda: Growth(A=0, B=float("nan")), "B = nan must be a finite number at least 0"),
    (
        lambda: growing_noise.sgd_bound(K, Growth(A=0, B=3), eta=0.05, T=1),
        "eta = 0.05 is not below 2/(L(1+B)) = 0.05; C20 needs 0 < eta < 2/(L(1+B))",
    ),
    (
        lambda: growing_noise.lsr_bound(K, Growth(A=0, B=2), eta=0.05, T=1, theta=1),
        "B = 2 is not below 1/rho = 2, rho = 1-theta+theta*delta; C20 needs rho*B < 1",
    ),
)
