"""A run on a synthetic problem, looked at from its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from tsla.empirics.assumptions.curvature import difference_product, largest_curvature
from tsla.empirics.assumptions.judged import Point, Seen, judged
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems.problem import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.constants import Array, Constants, real
from tsla.theory.plan import Stage


def synthetic(
    problem: Problem,
    oracle: Oracle,
    stages: Sequence[Stage],
    *,
    seed: int,
    stated: Constants,
    checkpoints: Iterable[int] | None = None,
) -> list[Seen]:
    """Run one replica through ``stages`` and look at every checkpoint; arguments as of :func:`tsla.simulate`.

    ``stated`` are the constants that the prediction was made with. σ² and ŝ² are the oracle's own where the run is. A4 is judged where μ
    and the minimum are known. Time: a checkpoint costs up to 200 gradients.
    """
    steps, path = iterates(problem, oracle, stages, seed=seed, checkpoints=checkpoints)
    return along(problem, oracle, stages, steps, path, stated=stated, seed=seed)


def iterates(
    problem: Problem,
    oracle: Oracle,
    stages: Sequence[Stage],
    *,
    seed: int,
    checkpoints: Iterable[int] | None = None,
) -> tuple[list[int], Array]:
    """The steps of the checkpoints of one replica, and where it was then, shape (k, d)."""
    seen: list[Array] = []

    def value(w: Array) -> Array:  # the simulator asks for F at checkpoints, and only there
        seen.append(np.array(w[0]))
        return problem.value(w)

    watched = replace(problem, value=value)
    run = simulate(watched, oracle, stages, replicas=1, seed=seed, checkpoints=checkpoints)
    return run.step.tolist(), np.stack(seen)


def along(
    problem: Problem,
    oracle: Oracle,
    stages: Sequence[Stage],
    steps: Sequence[int],
    path: ArrayLike,
    *,
    stated: Constants,
    seed: int = 0,
) -> list[Seen]:
    """As :func:`synthetic`, for a run that is done: at ``steps`` it was at ``path``, shape (k, d)."""
    rng = np.random.default_rng(seed)
    seen = []
    for step, w in zip(steps, real("path", path), strict=True):
        gradient = problem.gradient(w)
        curvature = largest_curvature(difference_product(problem, w), problem.dimension, rng)
        seen.append(Point(step, step_size_at(stages, step), w, gradient, _gap(problem, w), curvature, *_noise(oracle, gradient)))
    befores = [None, *seen[:-1]]
    return [judged(before, point, stated, minimum_known=problem.minimiser is not None) for before, point in zip(befores, seen, strict=True)]


def step_size_at(stages: Sequence[Stage], step: int) -> float:
    """``eta_t`` of the step that follows ``step`` steps; of the last step of all where none follows."""
    left = step
    last = float("nan")
    for stage in stages:
        length = int(stage.steps)
        if left < length:
            return float(stage.step_size(left))
        if length:
            last = float(stage.step_size(length - 1))
        left -= length
    return last


def _gap(problem: Problem, w: Array) -> float:
    """``F - F*``; 0 where it is not more than the rounding error of F."""
    value, gap = float(problem.value(w)), float(problem.gap(w))
    return gap if gap > 8 * np.finfo(np.float64).eps * max(abs(value), abs(problem.minimum)) else 0.0


def _noise(oracle: Oracle, gradient: Array) -> tuple[float, float]:
    """σ² and ŝ² where the gradient is this, as the oracle says of itself."""
    bias, share = oracle.offset(gradient), float(oracle.share(gradient))
    return share * oracle.sigma2, float(bias @ bias) + share * oracle.nu2
