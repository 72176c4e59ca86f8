"""The summands of a separable F, and the noise of an oracle in one coordinate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array


@dataclass(frozen=True, eq=False)
class Coordinate:
    """One summand of F, which ``count`` coordinates have in common with their start; ``slope`` and ``gap`` map (n,) to (n,).

    centre: its minimiser, or the start where none is known
    """

    count: int
    start: float
    centre: float
    slope: Callable[[Array], Array]
    gap: Callable[[Array], Array]


def coordinates(problem: Problem, start: Array) -> list[Coordinate]:
    """The different summands of F. Raises ValueError if the gradient at a coordinate depends on another one."""
    d = problem.dimension
    centre = start if problem.minimiser is None else problem.minimiser
    rng = np.random.default_rng(0)
    u, v = centre + rng.normal(size=(2, d)) * (1 + np.abs(start - centre))
    mask = rng.permutation(d) < d // 2
    mixed = np.where(mask, problem.gradient(u), problem.gradient(v))
    if not np.allclose(problem.gradient(np.where(mask, u, v)), mixed, rtol=1e-9, atol=1e-9 * np.abs(mixed).max()):
        raise ValueError(f"problem = {problem.name} must be separable: its gradient couples the coordinates")
    diagonal = centre + np.multiply.outer(np.array([-1.3, -0.41, 0.27, 0.9, 1.7]), np.ones(d))
    traits = np.vstack([start, centre, problem.gradient(diagonal)]).round(12)
    _, representatives, counts = np.unique(traits, axis=1, return_index=True, return_counts=True)
    return [_coordinate(problem, start, centre, int(i), int(count)) for i, count in zip(representatives, counts, strict=True)]


def _coordinate(problem: Problem, start: Array, centre: Array, i: int, count: int) -> Coordinate:
    left_over = float(problem.gap(centre)) * (1 - 1 / problem.dimension)  # 0 at a minimiser: the gaps of the coordinates add up to F - F*

    def at(x: Array) -> Array:
        points = np.repeat(centre[None], len(x), axis=0)
        points[:, i] = x
        return points

    def slope(x: Array) -> Array:
        return np.concatenate([problem.gradient(at(some))[:, i] for some in _parts(x, problem.dimension)])

    def gap(x: Array) -> Array:
        return np.concatenate([problem.gap(at(some)) - left_over for some in _parts(x, problem.dimension)])

    return Coordinate(count, float(start[i]), float(centre[i]), slope, gap)


def _parts(x: Array, dimension: int) -> list[Array]:
    """Parts of x such that points of all dimensions take some 10 MB."""
    return np.array_split(x, max(1, len(x) * dimension // 10**6))


@dataclass(frozen=True, eq=False)
class Noise:
    """The oracle in one coordinate: independent parts of standard deviation ``along`` and ``across`` times η, and the bias."""

    oracle: Oracle
    dimension: int

    def parts(self, theta: float) -> tuple[float, float]:
        """``((1-θ)σ + θνρ)/√d`` and ``θν√(1-ρ²)/√d``: factors of ξ and ξ' in the smoothed direction."""
        unit = float(1 / np.sqrt(self.dimension))
        along, across = self.oracle.mixing()
        return ((1 - theta) * float(np.sqrt(self.oracle.sigma2)) + theta * along) * unit, theta * across * unit

    def deviation(self, theta: float) -> float:
        """The standard deviation of both parts together, without η."""
        return float(np.hypot(*self.parts(theta)))

    def atoms(self, eta: float, theta: float) -> Array:
        """The values of ``ζ`` for signs, equally likely; a single 0 without noise."""
        along, across = self.parts(theta)
        signs = np.array([-1.0, 1.0])
        values = np.zeros(1) if along == 0 else eta * along * signs
        return values if across == 0 else np.add.outer(values, eta * across * signs).ravel()

    def offset(self, slope: Array) -> Array:
        """``b`` in the coordinate; the opposing bias only in one dimension, where the slope is all of the gradient."""
        return np.asarray(self.oracle.offset(slope[:, None])[:, 0] / np.sqrt(self.dimension))
