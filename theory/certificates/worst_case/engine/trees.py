"""Runs as trees: every point of a run, and after each of its equally likely outcomes the points that follow.

A tree with one outcome a step is a run without chance. Two outcomes a step make a random run of which everything is known, and an
expectation is a mean over a level. These are a part of the oracles that A2 or A3 allow; where their worst case is a bound that holds for
all, it is the worst case of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PEPit import PEP, Expression, Function, Point, null_expression, null_point
from PEPit.functions import SmoothFunction, SmoothQuadraticLojasiewiczFunctionExpensive, SmoothStronglyConvexFunction

from tsla.theory.testing.theorem import StepRule

End = Literal["F(w_T)", "F*"]
"""What ``F(w_0)`` is at most F0 above: ``E F(w_T)``, or ``F* = inf F``."""

Outcomes = Callable[[Point], list[Point]]
"""From the gradient at a point to the equally likely directions of the step from there."""

Oracle = Callable[[Point, Expression], list[Point]]
"""The same where they depend on F there too."""

PL = SmoothQuadraticLojasiewiczFunctionExpensive
"""Necessary conditions for A1 with A4 (Rubbens, Hendrickx and Taylor, 2025), not known to be sufficient: upper certificates only."""

STRONGLY_CONVEX = SmoothStronglyConvexFunction
"""A part of A1 with A4 whose conditions are sufficient: what is found here is a true instance, and refutes a wrong bound."""


@dataclass(frozen=True)
class Level:
    """All points that a run may have reached after some number of steps, equally likely; and what its rule keeps in mind at each."""

    points: Sequence[Point]
    gradients: Sequence[Point]
    values: Sequence[Expression]
    states: Sequence[Any]

    @property
    def value(self) -> Expression:
        """``E F(w_t)``."""
        return mean(self.values)

    @property
    def gradient2(self) -> Expression:
        """``E‖∇F(w_t)‖²``."""
        return mean([g**2 for g in self.gradients])


def smooth(problem: PEP, L: float) -> tuple[Function, Point]:
    """An L-smooth F and the first point of a run on it: the origin, and ``F = 0`` there, because only differences matter."""
    F = problem.declare_function(SmoothFunction, L=L)
    F.add_point((null_point, Point(), null_expression))
    return F, null_point


def with_minimum(problem: PEP, functions: type, L: float, mu: float) -> tuple[Function, Point]:
    """An F of the class ``PL`` or ``STRONGLY_CONVEX`` with ``F* = 0`` at the origin, and the first point of a run on it."""
    F = problem.declare_function(functions, L=L, mu=mu)
    F.add_point((null_point, null_point, null_expression))
    return F, Point()


def mean(expressions: Sequence[Expression]) -> Expression:
    """Their mean."""
    return sum(expressions) / len(expressions)


def mean_squared_gradient(levels: Sequence[Level], weights: Sequence[float] | None = None) -> Expression:
    """``E‖∇F(w_R)‖²`` for R uniform over the levels, or by their weights."""
    if weights is None:
        return mean([level.gradient2 for level in levels])
    return sum(weight * level.gradient2 for weight, level in zip(weights, levels, strict=True)) / sum(weights)


def run(F: Function, points: Sequence[Point], outcomes: Outcomes, eta: float, steps: int) -> list[Level]:
    """The levels of ``steps`` steps ``w ← w - ηd`` from the given points, the first and the last included: ``steps + 1`` of them."""
    return follow(F, points, lambda gradient, _: outcomes(gradient), lambda w, d, state, t: (w - eta * d, state), steps)


def follow(F: Function, points: Sequence[Point], oracle: Oracle, rule: StepRule, steps: int) -> list[Level]:
    """The levels of a run by any rule."""
    levels = [_level(F, points, [None] * len(points))]
    for t in range(steps):
        here = levels[-1]
        at_each = zip(here.points, here.gradients, here.values, here.states, strict=True)
        following = [rule(w, d, state, t) for w, g, value, state in at_each for d in oracle(g, value)]
        levels.append(_level(F, [w for w, _ in following], [state for _, state in following]))
    return levels


def unbiased(problem: PEP, sigma2: float | Expression) -> Outcomes:
    """A2 with two outcomes: ``∇F ± ξ``, ``‖ξ‖² <= σ²``, with another ξ at every point."""

    def outcomes(gradient: Point) -> list[Point]:
        noise = Point()
        problem.add_constraint(noise**2 <= sigma2)
        return [gradient + noise, gradient - noise]

    return outcomes


def inexact(problem: PEP, V: float | Expression, count: int = 1) -> Outcomes:
    """C2 with ``count`` outcomes: ``∇F + e``, ``E‖e‖² <= V``, with other errors at every point, and no condition on their mean.

    One outcome is as bad as many: the worst case is a concave function of the sizes of the errors, because it is the value of a
    semidefinite program as a function of its right-hand sides. So a random run is, in the mean, at most as bad as the run without chance
    whose errors have the same mean squares.
    """

    def outcomes(gradient: Point) -> list[Point]:
        errors = [Point() for _ in range(count)]
        problem.add_constraint(mean([e**2 for e in errors]) <= V)
        return [gradient + e for e in errors]

    return outcomes


def two_oracles(problem: PEP, sigma2: float, delta: float, theta: float) -> Outcomes:
    """A2 and A3 as they are, mixed at ``theta``, with two outcomes: ``g = ∇F ± ξ``, ``‖ξ‖² <= σ²``; ``ĝ = ∇F + ê``, ``E‖ê‖² <= δσ²``.

    The errors of ĝ come with those of g, so that the two may be coupled in every way, and differ from point to point.
    """

    def outcomes(gradient: Point) -> list[Point]:
        noise, errors = Point(), [Point(), Point()]
        problem.add_constraint(noise**2 <= sigma2)
        problem.add_constraint(mean([e**2 for e in errors]) <= delta * sigma2)
        return [gradient + (1 - theta) * xi + theta * e for xi, e in zip((noise, -noise), errors, strict=True)]

    return outcomes


def begin_above(problem: PEP, levels: Sequence[Level], L: float, F0: float, end: End) -> None:
    """The condition that ``F(w_0)`` is at most F0 above its end."""
    first = levels[0].value
    if end == "F(w_T)":
        problem.set_initial_condition(first - levels[-1].value <= F0)
    else:
        bounded_below(problem, levels, L, first - F0)


def bounded_below(problem: PEP, levels: Sequence[Level], L: float, lowest: Expression) -> None:
    """The condition that F may be at least ``lowest`` everywhere.

    ``inf F >= lowest`` for some L-smooth F through the points iff ``F - ‖∇F‖²/(2L) >= lowest`` at all of them (Drori and Shamir, 2020).
    """
    for level in levels:
        for value, gradient in zip(level.values, level.gradients, strict=True):
            problem.add_constraint(value - gradient**2 / (2 * L) >= lowest)


def _level(F: Function, points: Sequence[Point], states: Sequence[Any]) -> Level:
    found = [F.oracle(w) for w in points]
    return Level(points, [g for g, _ in found], [value for _, value in found], states)
