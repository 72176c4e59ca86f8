"""The law of the iterates without Monte Carlo: ``E‖∇F(w_t)‖²`` and ``E[F(w_t)] - F*`` of one-dimensional and separable problems.

A step takes the coordinate x to ``m(x) + ζ``, ``m(x) = x - η(f'(x) + θ b(x))``, with noise ``ζ`` of variance ``η² N(θ)/d`` (N of C12). So
``E[φ(w_(t+1)) | w_t = x] = (Pφ)(x) = E φ(m(x) + ζ)``, and ``E φ(w_t)`` is ``P`` applied t times to φ, at the start. Functions are kept by
their values at 16 Gauss-Legendre nodes in each of some panels, which makes P a matrix: its rows are integrals of polynomials against a
normal density, or, for signs, values of polynomials at 2 or 4 points. What P acts on stays as smooth as the drift, however small η
is: the panels are as wide as the problem, not as the noise. A row of weights is carried from the start through the stages, by powers of
the matrix where ``η`` is constant, and so a stage of 10^5 steps costs what some hundred matrix products cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from empirics.oracles import Oracle
from empirics.problems.problem import Problem
from empirics.replica_blocks import Rule
from empirics.sgd import checkpoint_steps, rules_of
from theory.constants import Array, real
from theory.plan import Stage

TOLERANCE = 1e-10
FIRST_PANELS, MOST_PANELS, MOST_WIDENINGS = 8, 128, 8
ORDER = 16  # nodes of a panel
REACH = 8.5  # standard deviations: the normal mass beyond them is 2e-17
SMALL = 1e-6  # errors of a quantity are relative to itself, or to this part of its largest value along the run
SCANNED = 4001  # points among which the kinks of the opposing bias are looked for
ROWS = 64  # of the matrix that are made at once: some 50 MB

NODES, WEIGHTS = legendre.leggauss(ORDER)
TO_COEFFICIENTS = ((2 * np.arange(ORDER) + 1) / 2)[:, None] * legendre.legvander(NODES, ORDER - 1).T * WEIGHTS
# Polynomials of degree 15 times a normal density over ±8.5 standard deviations are integrated to 1e-15 by 48 nodes.
QUADRATURE_NODES, QUADRATURE_WEIGHTS = legendre.leggauss(48)


@dataclass(frozen=True, eq=False)
class Law:
    """Expectations at k steps, named as in :class:`empirics.sgd.Trajectory`; arrays of shape (k,).

    grad2:       ``E‖∇F(w_t)‖²``
    mean_grad2:  mean of ``E‖∇F(w_s)‖²`` over the iterates of the current stage before step t, the theorems' ``E‖∇F(w_R)‖²``; nan at 0
    gap:         ``E[F(w_t)] - F*``
    error:       estimate of the largest relative error of these numbers: the change under the last halving of all panels, and what
                 left the domain. Relative to the number, or to 1e-6 of the largest of its kind where that is more
    """

    step: NDArray[np.int64]
    grad2: Array
    mean_grad2: Array
    gap: Array
    error: float


@dataclass(frozen=True, eq=False)
class _Coordinate:
    """One summand of F, which ``count`` coordinates have in common with their start; ``slope`` and ``gap`` map (n,) to (n,).

    centre: its minimiser, or the start where none is known
    """

    count: int
    start: float
    centre: float
    slope: Callable[[Array], Array]
    gap: Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class _Noise:
    """The oracle in one coordinate: independent parts of standard deviation ``along`` and ``across`` times η, and the bias."""

    oracle: Oracle
    dimension: int

    def parts(self, theta: float) -> tuple[float, float]:
        """``((1-θ)σ + θνρ)/√d`` and ``θν√(1-ρ²)/√d``: factors of ξ and ξ' in the smoothed direction."""
        unit = float(1 / np.sqrt(self.dimension))
        along, across = self.oracle.mixing()
        return ((1 - theta) * float(np.sqrt(self.oracle.sigma2)) + theta * along) * unit, theta * across * unit

    def deviation(self, theta: float) -> float:
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


@dataclass(frozen=True, eq=False)
class _Mesh:
    """Panels between ``edges`` (Q+1,); a function is its values at ``nodes`` (16 Q,)."""

    edges: Array

    @property
    def panels(self) -> int:
        return len(self.edges) - 1

    @property
    def nodes(self) -> Array:
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
        for end, beyond in ((0, ndtr((self.edges[0] - mean) / deviation)), (-1, ndtr((mean - self.edges[-1]) / deviation))):
            flat += beyond[:, None] * self.evaluation(self.edges[[end]])
        return flat

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


def exact_law(
    problem: Problem,
    oracle: Oracle,
    stages: Sequence[Stage],
    *,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
    tolerance: float = TOLERANCE,
) -> Law:
    """The expectations that a run of :func:`empirics.sgd.simulate` with the same arguments estimates.

    start:        ``w_0``, shape (d,); the problem's own if None
    checkpoints:  steps to report at, 0 to the number of steps; those of ``simulate`` if None
    tolerance:    panels are halved until ``error`` of :class:`Law` is at most this, or 128 panels are reached: look at ``error``

    Normal noise with a smooth drift reaches the tolerance. Signs do not smooth: with the opposing bias each step adds jumps, and large
    steps over concave parts fold a function ever finer, so that ``error`` may stay at 1e-5 there. Time: that of tens of products of
    matrices of some hundred rows for a stage of constant step size, up to a tenth of a second for each step of a decaying one.
    Raises ValueError for a bad argument, for a problem that is not separable, for the opposing bias in more than one dimension, where it
    couples the coordinates, for noise that is neither normal nor signs, or depends on w.
    """
    rules = rules_of(stages)
    marks = sorted(checkpoint_steps(stages, checkpoints))
    target = float(real("tolerance", tolerance, above=0))
    if oracle.noise not in ("normal", "rademacher"):
        raise ValueError(f"noise = {oracle.noise!r} must be normal or rademacher for an exact law")
    if oracle.variance != "constant":
        raise ValueError(f"variance = {oracle.variance!r} must be constant for an exact law")
    if oracle.bias == "opposing" and oracle.beta2 > 0 and problem.dimension > 1 and any(rule.theta > 0 for rule in rules):
        raise ValueError(f"bias = 'opposing' must be 'fixed' for {problem.name} in {problem.dimension} dimensions: it couples coordinates")
    noise = _Noise(oracle, problem.dimension)
    total, error = np.zeros((3, len(marks))), 0.0
    for coordinate in _coordinates(problem, _start(problem, start)):
        values, its_error = _converged(coordinate, noise, rules, marks, problem.L, target)
        total += coordinate.count * values
        error = max(error, its_error)  # all terms are non-negative: the sum is relatively no worse than the worst of them
    step = np.array(marks, dtype=np.int64)
    grad2, mean_grad2, gap = total
    return Law(step, grad2, np.where(step == 0, np.nan, mean_grad2), gap, error)


def _start(problem: Problem, start: ArrayLike | None) -> Array:
    w = real("start", problem.start if start is None else start)
    if w.shape != (problem.dimension,):
        raise ValueError(f"start has shape {w.shape}; the exact law of {problem.name} needs ({problem.dimension},)")
    return w


def _coordinates(problem: Problem, start: Array) -> list[_Coordinate]:
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


def _coordinate(problem: Problem, start: Array, centre: Array, i: int, count: int) -> _Coordinate:
    left_over = float(problem.gap(centre)) * (1 - 1 / problem.dimension)  # 0 at a minimiser: the gaps of the coordinates add up to F - F*

    def at(x: Array) -> Array:
        points = np.repeat(centre[None], len(x), axis=0)
        points[:, i] = x
        return points

    def slope(x: Array) -> Array:
        return np.concatenate([problem.gradient(at(some))[:, i] for some in _chunks(x, problem.dimension)])

    def gap(x: Array) -> Array:
        return np.concatenate([problem.gap(at(some)) - left_over for some in _chunks(x, problem.dimension)])

    return _Coordinate(count, float(start[i]), float(centre[i]), slope, gap)


def _chunks(x: Array, dimension: int) -> list[Array]:
    """Parts of x such that points of all dimensions take some 10 MB."""
    return np.array_split(x, max(1, len(x) * dimension // 10**6))


def _converged(
    coordinate: _Coordinate, noise: _Noise, rules: list[Rule], marks: list[int], L: float, tolerance: float
) -> tuple[Array, float]:
    """``grad2``, ``mean_grad2``, ``gap``, shape (3, k), of one coordinate, and their error."""
    margin = _margin(coordinate, noise, rules, L)
    for _ in range(MOST_WIDENINGS):
        values, change, leak = _refined(coordinate, noise, rules, marks, margin, tolerance)
        if leak <= tolerance:
            break
        margin *= 2
    return values, max(change, leak)


def _refined(
    coordinate: _Coordinate, noise: _Noise, rules: list[Rule], marks: list[int], margin: float, tolerance: float
) -> tuple[Array, float, float]:
    """Halve the panels of a domain until the values no longer change: the values, their last change, and the error by what left."""
    panels, before, change = FIRST_PANELS, None, np.inf
    while True:
        mesh = _mesh(coordinate, noise, rules, margin, panels)
        with np.errstate(over="ignore", invalid="ignore"):  # panels too wide may let rounding errors grow from step to step
            values, leak = _propagate(mesh, coordinate, noise, rules, marks)
        size = np.maximum(np.abs(values), SMALL * np.abs(values).max(axis=1, keepdims=True)) + np.finfo(float).tiny
        if before is not None:
            change = _largest(np.abs(values - before) / size)
        if change <= tolerance or 2 * panels > MOST_PANELS:
            return values, change, _largest(leak / size)
        panels, before = 2 * panels, values


def _largest(errors: Array) -> float:
    return float(errors.max()) if np.isfinite(errors).all() else np.inf


def _margin(coordinate: _Coordinate, noise: _Noise, rules: list[Rule], L: float) -> float:
    """A first guess of how far the iterates go beyond the start and the minimiser, by a quadratic of curvature L."""
    margin = 0.1 * abs(coordinate.start - coordinate.centre)
    for rule in rules:
        forgotten = max(1 - (1 - rule.eta * L) ** 2, 1 / max(rule.steps, 1))
        margin = max(margin, REACH * rule.eta * noise.deviation(rule.theta) / np.sqrt(forgotten))
    return margin or 1.0


def _mesh(coordinate: _Coordinate, noise: _Noise, rules: list[Rule], margin: float, panels: int) -> _Mesh:
    """Equal panels, and narrower ones towards the kinks of the drift and towards the ends, down to the scale of the noise."""
    low, high = (f(coordinate.start, coordinate.centre) for f in (min, max))
    ends = np.array([low - margin, high + margin])
    kinks = _kinks(coordinate, noise, rules, ends)
    width = (ends[1] - ends[0]) / panels
    scales = [rule.eta / (1 + rule.steps / rule.decay_steps) * noise.deviation(rule.theta) for rule in rules]
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
    return _Mesh(np.unique([*required, *kept]))


def _kinks(coordinate: _Coordinate, noise: _Noise, rules: list[Rule], ends: Array) -> list[float]:
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


def _propagate(mesh: _Mesh, coordinate: _Coordinate, noise: _Noise, rules: list[Rule], marks: list[int]) -> tuple[Array, Array]:
    """The three expectations at the marks, (3, k), and what leaving the domain may have changed in them, (3, k).

    The row that is carried has the weights of the nodes, and behind them the sum of ``E f'(w_s)²`` over the stage and the probability,
    summed over the steps, of being clamped to the domain.
    """
    slope, gap = coordinate.slope(mesh.nodes), coordinate.gap(mesh.nodes)
    square, n = slope**2, len(slope)
    row = np.concatenate([mesh.evaluation(np.array([coordinate.start]))[0], [0.0, 0.0]])
    values, clamped = np.zeros((3, len(marks))), np.zeros(len(marks))

    def note(step: int, in_stage: int) -> None:
        if step in places:
            k = places[step]
            values[:, k] = row[:n] @ square, row[n] / max(in_stage, 1), row[:n] @ gap
            clamped[k] = row[n + 1]

    places = {step: k for k, step in enumerate(marks)}
    note(0, 0)
    done = 0
    for rule in rules:
        row[n] = 0
        inside = sorted({step - done for step in marks if done < step < done + rule.steps} | {rule.steps})
        at = 0
        powers: list[Array] = []
        for t in inside:
            if rule.decay_steps == np.inf:
                powers = powers or [_step_matrix(mesh, slope, noise, rule.eta, rule.theta)]
                row = _advance(row, powers, t - at)
            else:
                for s in range(at, t):
                    row = row @ _step_matrix(mesh, slope, noise, rule.eta / (1 + s / rule.decay_steps), rule.theta)
            at = t
            note(done + t, t)
        done += rule.steps
    return values, np.abs(clamped) * np.array([square.max(), square.max(), gap.max()])[:, None]


def _step_matrix(mesh: _Mesh, slope: Array, noise: _Noise, eta: float, theta: float) -> Array:
    """One step of the row of :func:`_propagate`, from the right; shape (n+2, n+2)."""
    n = len(slope)
    mean = mesh.nodes - eta * (slope + theta * noise.offset(slope))
    deviation = eta * noise.deviation(theta)
    if noise.oracle.noise == "normal" and deviation > 0:
        weights = mesh.averages(mean, deviation)
        leaving = ndtr((mesh.edges[0] - mean) / deviation) + ndtr((mean - mesh.edges[-1]) / deviation)
    else:
        points = np.add.outer(noise.atoms(eta, theta), mean)
        weights = np.mean([mesh.evaluation(y) for y in points], axis=0)
        leaving = np.mean((points < mesh.edges[0]) | (points > mesh.edges[-1]), axis=0)
    matrix = np.zeros((n + 2, n + 2))
    matrix[:n, :n] = weights / weights.sum(axis=1, keepdims=True)  # else rounding errors of the total mass add up over the steps
    matrix[:n, n], matrix[:n, n + 1] = slope**2, leaving
    matrix[n, n] = matrix[n + 1, n + 1] = 1
    return matrix


def _advance(row: Array, powers: list[Array], steps: int) -> Array:
    """``row A^steps``, where ``powers`` has ``A``, ``A²``, ``A⁴``, ..., and is filled as needed."""
    for bit in range(steps.bit_length()):
        if bit == len(powers):
            powers.append(powers[-1] @ powers[-1])
        if steps >> bit & 1:
            row = row @ powers[bit]
    return row
