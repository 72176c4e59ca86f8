"""The worst case of a theorem: the program that its step rule and its premises make, and what that says of its bound.

The noise of an unbiased oracle has two outcomes a step. A run that exceeds the bound refutes it; that none does is not a proof where there
is noise, for an oracle may have more outcomes. Errors of any mean need one outcome only (``trees.inexact`` says why), and runs without
noise none: there the program is the whole truth for its constants and its number of steps, but for "PL", of which it is a relaxation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PEPit import PEP, Expression, Function, Point

from tsla.theory.certificates import outcome_of
from tsla.theory.certificates.worst_case.engine.program import Worst, between, solve, unsolved
from tsla.theory.certificates.worst_case.engine.trees import (
    PL,
    STRONGLY_CONVEX,
    End,
    Level,
    Oracle,
    bounded_below,
    follow,
    inexact,
    mean,
    mean_squared_gradient,
    smooth,
    unbiased,
    with_minimum,
)
from tsla.theory.testing.theorem import WITH_MU, Given, Theorem, averaging


def worst(theorem: Theorem, k: Given, T: int, *, end: End = "F*", outcomes: int | None = None) -> Worst:
    """The largest ``measure`` after T steps. ``outcomes``: of a step's noise; 2 where it is unbiased, else 1.

    Of "PL" it is between an instance, which is strongly convex, and a relaxation.
    """
    if theorem.functions == "PL":
        return between(*(_worst(theorem, k, T, end, outcomes, functions) for functions in (STRONGLY_CONVEX, PL)))
    return _worst(theorem, k, T, end, outcomes, STRONGLY_CONVEX)


def _worst(theorem: Theorem, k: Given, T: int, end: End, outcomes: int | None, functions: type) -> Worst:
    problem = PEP()
    F, start, lowest = _objective(problem, theorem, k, functions, end)
    rule = theorem.rule(k)
    if theorem.measure == "gap of the average":
        rule = averaging(rule, lambda t: theorem.weights(k, t))
    try:
        levels = follow(F, [start], _oracle(problem, theorem, k, lowest, outcomes), rule, T)
    except Exception as error:  # of any kind: a rule may ask of a point what only arrays have, such as a norm
        return unsolved(f"its steps make no program: {outcome_of(error)}")
    _start(problem, theorem, k, levels, lowest, end)
    problem.set_performance_metric(_measured(theorem, k, F, levels, lowest))
    return solve(problem)


def _objective(problem: PEP, theorem: Theorem, k: Given, functions: type, end: End) -> tuple[Function, Point, Any]:
    """F, ``w_0``, and ``F*``: None where it doesn't matter."""
    if theorem.functions != "smooth":
        mu = k.mu if theorem.functions in WITH_MU else 0.0
        return *with_minimum(problem, functions, k.L, mu), 0.0
    F, start = smooth(problem, k.L)
    return F, start, None if end == "F(w_T)" else Expression()


def _oracle(problem: PEP, theorem: Theorem, k: Given, lowest: Any, count: int | None) -> Oracle:
    def oracle(gradient: Point, value: Expression) -> list[Point]:
        allowed = theorem.variance(k, value if lowest is None else value - lowest, gradient**2)
        if isinstance(allowed, int | float) and allowed == 0:
            return [gradient]
        if theorem.biased:
            return inexact(problem, allowed, count or 1)(gradient)
        return unbiased(problem, allowed)(gradient)

    return oracle


def _start(problem: PEP, theorem: Theorem, k: Given, levels: Sequence[Level], lowest: Any, end: End) -> None:
    """``F0`` and ``D2``, and that F is not below its infimum."""
    if end == "F(w_T)":
        problem.set_initial_condition(levels[0].value - levels[-1].value <= k.F0)
        return
    if theorem.functions == "smooth":
        bounded_below(problem, levels, k.L, lowest)
    if hasattr(k, "F0"):
        problem.set_initial_condition(levels[0].value - lowest <= k.F0)
    if hasattr(k, "D2"):
        problem.set_initial_condition(levels[0].points[0] ** 2 <= k.D2)


def _measured(theorem: Theorem, k: Given, F: Function, levels: Sequence[Level], lowest: Any) -> Expression:
    if theorem.measure == "last iterate":
        return levels[-1].gradient2
    if theorem.measure == "gap":
        return levels[-1].value - lowest
    weights = [float(theorem.weights(k, t)) for t in range(len(levels) - 1)]
    if theorem.measure == "random iterate":
        return mean_squared_gradient(levels[:-1], weights)
    return mean([F(total / sum(weights)) for _, total in levels[-1].states]) - lowest
