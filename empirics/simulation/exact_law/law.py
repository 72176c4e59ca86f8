"""The expectations along a run, on panels that are halved until they no longer change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsla.empirics.simulation.exact_law.coordinates import Coordinate, Noise, coordinates
from tsla.empirics.simulation.exact_law.mesh import FIRST_PANELS, margin_of, mesh_of
from tsla.empirics.simulation.exact_law.steps import propagated
from tsla.empirics.simulation.legs import Rule, checkpoint_steps, rules_of
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array, real, single
from tsla.theory.plan import Stage

TOLERANCE = 1e-10
MOST_PANELS, MOST_WIDENINGS = 128, 8
SMALL = 1e-6  # errors of a quantity are relative to itself, or to this part of its largest value along the run


@dataclass(frozen=True, eq=False)
class Law:
    """Expectations at k steps, named as in :class:`tsla.empirics.simulation.simulate.Trajectory`; arrays of shape (k,).

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


def exact_law(
    problem: Problem,
    oracle: Oracle,
    stages: Sequence[Stage],
    *,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
    tolerance: float = TOLERANCE,
) -> Law:
    """The expectations that a run of :func:`tsla.simulate` with the same arguments estimates.

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
    target = single("tolerance", tolerance, above=0)
    if oracle.noise not in ("normal", "rademacher"):
        raise ValueError(f"noise = {oracle.noise!r} must be normal or rademacher for an exact law")
    if oracle.variance != "constant":
        raise ValueError(f"variance = {oracle.variance!r} must be constant for an exact law")
    if oracle.bias == "opposing" and oracle.beta2 > 0 and problem.dimension > 1 and any(rule.theta > 0 for rule in rules):
        raise ValueError(f"bias = 'opposing' must be 'fixed' for {problem.name} in {problem.dimension} dimensions: it couples coordinates")
    noise = Noise(oracle, problem.dimension)
    total, error = np.zeros((3, len(marks))), 0.0
    for coordinate in coordinates(problem, _start(problem, start)):
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


def _converged(
    coordinate: Coordinate, noise: Noise, rules: list[Rule], marks: list[int], L: float, tolerance: float
) -> tuple[Array, float]:
    """``grad2``, ``mean_grad2``, ``gap``, shape (3, k), of one coordinate, and their error."""
    margin = margin_of(coordinate, noise, rules, L)
    for _ in range(MOST_WIDENINGS):
        values, change, leak = _refined(coordinate, noise, rules, marks, margin, tolerance)
        if leak <= tolerance:
            break
        margin *= 2
    return values, max(change, leak)


def _refined(
    coordinate: Coordinate, noise: Noise, rules: list[Rule], marks: list[int], margin: float, tolerance: float
) -> tuple[Array, float, float]:
    """Halve the panels of a domain until the values no longer change: the values, their last change, and the error by what left."""
    panels, before, change = FIRST_PANELS, None, np.inf
    while True:
        mesh = mesh_of(coordinate, noise, rules, margin, panels)
        with np.errstate(over="ignore", invalid="ignore"):  # panels too wide may let rounding errors grow from step to step
            values, leak = propagated(mesh, coordinate, noise, rules, marks)
        size = np.maximum(np.abs(values), SMALL * np.abs(values).max(axis=1, keepdims=True)) + np.finfo(float).tiny
        if before is not None:
            change = _largest(np.abs(values - before) / size)
        if change <= tolerance or 2 * panels > MOST_PANELS:
            return values, change, _largest(leak / size)
        panels, before = 2 * panels, values


def _largest(errors: Array) -> float:
    return float(errors.max()) if np.isfinite(errors).all() else np.inf
