"""Functions as polynomials on panels, and where the panels lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from tsla.empirics.simulation.exact_law.coordinates import Coordinate, Noise
from tsla.empirics.simulation.legs import Rule
from tsla.theory.constants import Array

FIRST_PANELS = 8
ORDER = 16  # nodes of a panel
REACH = 8.5  # standard deviations: the normal mass beyond them is 2e-17
SCANNED = 4001  # points among which the kinks of the opposing bias are looked for
ROWS = 64  # of the matrix that are made at once: some 50 MB

NODES, WEIGHTS = legendre.leggauss(ORDER)
TO_COEFFICIENTS = ((2 * np.arange(ORDER) + 1) / 2)[:, None] * legendre.legvander(NODES, ORDER - 1).T * WEIGHTS
# Polynomials of degree 15 times a normal density over ±8.5 standard deviations are integrated to 1e-15 by 48 nodes.
QUADRATURE_NODES, QUADRATURE_WEIGHTS = legendre.leggauss(48)


@dataclass(frozen=True, eq=False)
class Mesh:
    """Panels between ``edges`` (Q+1,); a function is its values at ``nodes`` (16 Q,)."""

    edges: Array

    @property
    def panels(self) -> int:
        """Q, how many there are."""
        return len(self.edges) - 1

    @property
    def nodes(self) -> Array:
        """Where the values are, in order."""
        left, right = self.edges[:-1, None], self.edges[1:, None]
        return np.ravel((left + right) / 2 + (right - left) / 2 * NODES)

    def evaluation(self, y: Array) -> Array:
        """Weights that give a function's value at each y, clamped to the domain; shapes (n,) -> (n, 16 Q)."""
        inside = np.clip(y, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, self.panels - 1)
        weights = np.zeros((len(y), self.panels, ORDER))
        weights[np.arange(len(y)), panel] = self._basis(inside, panel)
        return weights.reshape(len(y), -1)

    def averages(self, mean: Array, deviation: float) -> Array:
        """Weights that give the expectation at a normal point, clamped to the domain; shapes (n,) -> (n, 16 Q)."""
        weights = np.zeros((len(mean), self.panels, ORDER))
        for first in range(0, len(mean), ROWS):
            rows = slice(first, first + ROWS)
            weights[rows] = self._averages(mean[rows], deviation)
        flat = weights.reshape(len(mean), -1)
        for end, share in zip((0, -1), self.beyond(mean, deviation), strict=True):
            flat += share[:, None] * self.evaluation(self.edges[[end]])
        return flat

    def beyond(self, mean: Array, deviation: float) -> tuple[Array, Array]:
        """Probabilities that a normal point lies below and above the domain, (n,) each."""
        return ndtr((self.edges[0] - mean) / deviation), ndtr((mean - self.edges[-1]) / deviation)

    def _averages(self, mean: Array, deviation: float) -> Array:
        weights = np.zeros((len(mean), self.panels, ORDER))
        low = np.maximum(self.edges[:-1], mean[:, None] - REACH * deviation)
        high = np.minimum(self.edges[1:], mean[:, None] + REACH * deviation)
        row, panel = np.nonzero(high > low)
        middle, half = (high + low)[row, panel] / 2, (high - low)[row, panel] / 2
        y = middle[:, None] + half[:, None] * QUADRATURE_NODES
        density = np.exp(-(((y - mean[row, None]) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
        basis = legendre.legvander(self._inside(y, panel[:, None]), ORDER - 1)
        weights[row, panel] = np.einsum("nq,nqk->nk", half[:, None] * QUADRATURE_WEIGHTS * density, basis) @ TO_COEFFICIENTS
        return weights

    def _basis(self, y: Array, panel: NDArray[np.intp]) -> Array:
        return np.asarray(legendre.legvander(self._inside(y, panel), ORDER - 1) @ TO_COEFFICIENTS)

    def _inside(self, y: Array, panel: NDArray[np.intp]) -> Array:
        """The place of y in [-1, 1] of its panel."""
        left, right = self.edges[panel], self.edges[panel + 1]
        return np.asarray((2 * y - left - right) / (right - left))


def margin_of(coordinate: Coordinate, noise: Noise, rules: list[Rule], L: float) -> float:
    """A first guess of how far the iterates go beyond the start and the minimiser, by a quadratic of curvature L."""
    margin = 0.1 * abs(coordinate.start - coordinate.centre)
    for rule in rules:
        forgotten = max(1 - (1 - rule.eta * L) ** 2, 1 / max(rule.steps, 1))
        margin = max(margin, REACH * rule.eta * noise.deviation(rule.theta) / np.sqrt(forgotten))
    return margin or 1.0


def mesh_of(coordinate: Coordinate, noise: Noise, rules: list[Rule], margin: float, panels: int) -> Mesh:
    """Equal panels, and narrower ones towards the kinks of the drift and towards the ends, down to the scale of the noise."""
    low, high = (f(coordinate.start, coordinate.centre) for f in (min, max))
    ends = np.array([low - margin, high + margin])
    kinks = _kinks(coordinate, noise, rules, ends)
    width = (ends[1] - ends[0]) / panels
    scales = [float(rule.step_sizes(np.array([float(rule.steps)]))[0]) * noise.deviation(rule.theta) for rule in rules]
    scale = min((scale for scale in scales if scale > 0), default=width) * FIRST_PANELS / panels
    near = np.concatenate([[0.0], scale * 2.0 ** np.arange(0, max(1, np.ceil(np.log2(width / scale))))])
    graded = [point for place in (*ends, *kinks) for point in np.concatenate([place - near, place + near])]
    required = np.unique([*ends, *kinks])
    optional = np.array(sorted([*np.linspace(ends[0], ends[1], panels + 1), *graded]))
    optional = optional[(optional > ends[0]) & (optional < ends[1])]
    apart = 0.3 * min(scale, width)
    clear = np.abs(np.subtract.outer(optional, required)).min(axis=1) >= apart
    kept: list[float] = []
    for point in optional[clear]:
        if not kept or point - kept[-1] >= apart:
            kept.append(float(point))
    return Mesh(np.unique([*required, *kept]))


def _kinks(coordinate: Coordinate, noise: Noise, rules: list[Rule], ends: Array) -> list[float]:
    """Where ``|f'|`` is the width under which the opposing bias shrinks: the drift has kinks there, and nowhere else."""
    oracle = noise.oracle
    if oracle.bias != "opposing" or oracle.beta2 == 0 or all(rule.theta == 0 for rule in rules):
        return []
    x = np.linspace(ends[0], ends[1], SCANNED)
    slope = coordinate.slope(x)
    return [
        float(brentq(lambda y, at=level: float(coordinate.slope(np.array([y]))[0]) - at, x[j], x[j + 1], xtol=1e-15))
        for level in (-oracle.width, oracle.width)
        for j in np.flatnonzero((slope[1:] > level) != (slope[:-1] > level))
    ]
