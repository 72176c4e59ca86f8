"""C12: the θ°(η) that is least for the floor, and where it goes with the step size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support.biased import Problem, problems
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tsla.theory.moments import Moments
from tsla.theory.testing.domain import for_all, step_sizes

OfMoments = Callable[[Moments, float], Any]
GRID = np.linspace(0, 1, 51)


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
