"""A run on a synthetic problem, looked at from its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from tsla.empirics.assumptions.curvature import difference_product, largest_curvature
from tsla.empirics.assumptions.judged import Noise, Point, Row, judged
from tsla.empirics.simulation.blocks import Sampler
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems._examples import ExampleOracle
from tsla.empirics.simulation.problems.problem import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.intervals import student_t
from tsla.theory.constants import Array, Constants, real, whole
from tsla.theory.plan import Stage

FALSE_ALARM = 1e-3
"""Largest probability that noise measured from draws makes a run that keeps A2, A3 and δ < 1 look as if it did not."""


def synthetic(
    problem: Problem,
    oracle: Sampler,
    stages: Sequence[Stage],
    *,
    seed: int,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
    stated: Constants | None = None,
    draws: int | None = None,
) -> list[Row]:
    """Run one replica through ``stages`` and look at every checkpoint; arguments as of :func:`tsla.simulate`.

    stated:  the constants that the prediction was made with; by default those that problem and oracle state
    draws:   measure σ² and ŝ² from so many samples at each checkpoint, at least 2; by default the oracle's own there

    A4 is judged where μ and the minimum are known. Time: a checkpoint costs up to 200 gradients, and the draws.
    """
    steps, path = iterates(problem, oracle, stages, seed=seed, start=start, checkpoints=checkpoints)
    return along(problem, oracle, stages, steps, path, stated=stated, draws=draws, seed=seed)


def iterates(
    problem: Problem,
    oracle: Sampler,
    stages: Sequence[Stage],
    *,
    seed: int,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
) -> tuple[list[int], Array]:
    """The steps of the checkpoints of one replica, and where it was then, shape (k, d)."""
    seen: list[Array] = []

    def value(w: Array) -> Array:  # the simulator asks for F at checkpoints, and only there
        seen.append(np.array(w[0]))
        return problem.value(w)

    watched = replace(problem, value=value)
    run = simulate(watched, oracle, stages, replicas=1, seed=seed, start=start, checkpoints=checkpoints)
    return run.step.tolist(), np.stack(seen)


def along(
    problem: Problem,
    oracle: Sampler,
    stages: Sequence[Stage],
    steps: Sequence[int],
    path: ArrayLike,
    *,
    stated: Constants | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> list[Row]:
    """As :func:`synthetic`, for a run that is done: at ``steps`` it was at ``path``, shape (k, d)."""
    points = real("path", path)
    if points.shape != (len(steps), problem.dimension):
        raise ValueError(f"path has shape {points.shape}; {len(steps)} steps of {problem.name} need ({len(steps)}, {problem.dimension})")
    if draws is not None:
        whole("draws", draws, at_least=2)
    rng = np.random.default_rng(seed)
    known = _stated(problem, oracle) if stated is None else stated
    level = 1 - 2 * FALSE_ALARM / (3 * len(steps))  # two-sided; three limits a row
    seen = []
    for step, w in zip(steps, points, strict=True):
        gradient = problem.gradient(w)
        noise = _known_noise(oracle, w, gradient) if draws is None else _drawn_noise(oracle, w, gradient, draws, level, rng)
        curvature = largest_curvature(difference_product(problem, w), problem.dimension, rng)
        seen.append(Point(step, step_size_at(stages, step), w, gradient, _gap(problem, w), curvature, noise))
    befores = [None, *seen[:-1]]
    return [judged(before, point, known, minimum_known=problem.minimiser is not None) for before, point in zip(befores, seen, strict=True)]


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


def _stated(problem: Problem, oracle: Sampler) -> Constants:
    sigma2: float | None = getattr(oracle, "sigma2", None)
    if sigma2 is None:
        raise ValueError(f"stated = None must be the constants of the prediction: {type(oracle).__name__} states no sigma2")
    delta = oracle.delta if isinstance(oracle, Oracle) and sigma2 > 0 else None  # without noise A3 has no δ to state
    F0 = max(float(problem.gap(problem.start)), np.finfo(np.float64).tiny)  # a run may start at the minimum
    return Constants(L=problem.L, mu=problem.mu, sigma2=sigma2, delta=delta, F0=F0)


def _gap(problem: Problem, w: Array) -> float:
    """``F - F*``; 0 where it is not more than the rounding error of F."""
    value, gap = float(problem.value(w)), float(problem.gap(w))
    return gap if gap > 8 * np.finfo(np.float64).eps * max(abs(value), abs(problem.minimum)) else 0.0


def _known_noise(oracle: Sampler, w: Array, gradient: Array) -> Noise:
    """What the oracle says of itself at w. Raises ValueError where it can't."""
    if isinstance(oracle, ExampleOracle):
        moments = oracle.moments(w)
        return Noise.exact(moments.s2, moments.shat2)
    if not isinstance(oracle, Oracle):
        raise ValueError(f"draws = None must be a number of samples: {type(oracle).__name__} does not know its own noise")  # noqa: TRY004
    bias, share = oracle.offset(gradient), float(oracle.share(gradient))
    return Noise.exact(share * oracle.sigma2, float(bias @ bias) + share * oracle.nu2)


def _drawn_noise(oracle: Sampler, w: Array, gradient: Array, draws: int, level: float, rng: Generator) -> Noise:
    """Both second moments from the same draws. Squares are skewed to the right: Student's lower limits are too low, not too high."""
    g, ghat = oracle.draw_at(np.tile(w, (draws, 1)), np.tile(gradient, (draws, 1)), rng)
    plain, smoothed = (((sample - gradient) ** 2).sum(axis=1) for sample in (g, ghat))
    limits = [student_t(values, level=level) for values in (plain, smoothed, smoothed - plain)]
    return Noise(float(limits[0].estimate), float(limits[1].estimate), *(float(limit.low) for limit in limits))
