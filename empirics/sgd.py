"""Runs of SGD, LSR and TSLA on a problem with known constants, through stages such as the bounds ask for (C4-C8, C12-C17)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from numpy.typing import ArrayLike, NDArray

from empirics.oracles import Oracle
from empirics.problems.problem import Problem
from theory.constants import Array, real, shown, step_count, strength
from theory.plan import Stage

DEFAULT_CHECKPOINTS = 60


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What a run recorded at k steps, for each of its replicas.

    step:        (k,) steps done so far, over all stages
    grad2:       (k, replicas) ``‖∇F(w_t)‖²``
    mean_grad2:  (k, replicas) mean of ``‖∇F(w_s)‖²`` over the iterates of the current stage before step t: the expectation over R of the
                 theorems' ``‖∇F(w_R)‖²``. A step at which a stage ends belongs to that stage. nan at step 0, before which there is none
    gap:         (k, replicas) ``F(w_t) - F*``
    """

    step: NDArray[np.int64]
    grad2: Array
    mean_grad2: Array
    gap: Array


@dataclass(frozen=True)
class _Rule:
    """A stage in plain numbers; ``decay_steps`` is infinite where the step size is constant."""

    eta: float
    theta: float
    steps: int
    decay_steps: float


def simulate(
    problem: Problem,
    oracle: Oracle,
    stages: Sequence[Stage],
    *,
    replicas: int,
    seed: int,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trajectory:
    """Run ``w ← w - eta_t ((1-theta) g + theta ĝ)`` through ``stages``, for all replicas at once.

    stages:       of single numbers, not arrays; ``eta_t`` as in :class:`theory.plan.Stage`. A stage of 0 steps is skipped
    seed:         the run is the same to the last bit for the same seed; methods with the same seed and replicas see the same noise
    start:        ``w_0``, shape (d,) or (replicas, d); the problem's own start if None
    checkpoints:  steps to record at, 0 to the number of steps; 0, about 60 log-spaced steps and the ends of the stages if None
    progress:     called at each checkpoint with the steps done and the steps in all

    Time: one step of S replicas costs 2Sd random numbers, one gradient, and some ten passes over an array of shape (S, d).
    Raises ValueError for a bad argument, FloatingPointError when the run leaves the range of float64.
    """
    rules = _rules(stages)
    count = int(step_count("replicas", replicas))
    w = _start(problem, start, count)
    marks = _checkpoints(rules, checkpoints)
    total = sum(rule.steps for rule in rules)
    rng = Generator(SFC64(SeedSequence(seed)))
    rows: list[tuple[int, Array, Array, Array]] = []

    def note(step: int, mean_grad2: Array) -> None:
        if step in marks:
            rows.append((step, _squares(problem.gradient(w)), mean_grad2, problem.gap(w)))
            if progress is not None:
                progress(step, total)

    with np.errstate(over="raise", invalid="raise", divide="raise"):
        note(0, np.full(count, np.nan))
        done = 0
        for rule in rules:
            _run_stage(problem, oracle, rule, w, rng, done, note)
            done += rule.steps
    step, grad2, mean_grad2, gap = zip(*rows, strict=True)
    return Trajectory(np.array(step, dtype=np.int64), np.stack(grad2), np.stack(mean_grad2), np.stack(gap))


def shrunk(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Make the control of C17: each stage with ``eta (1-theta)`` for ``eta`` and no smoothing, as if ``ĝ`` were 0."""
    return tuple(Stage(stage.eta * (1 - stage.theta), np.zeros_like(stage.theta), stage.steps, stage.decay_steps) for stage in stages)


def _run_stage(
    problem: Problem, oracle: Oracle, rule: _Rule, w: Array, rng: Generator, done: int, note: Callable[[int, Array], None]
) -> None:
    """Advance ``w``, in place, by the steps of one stage that begins after ``done`` steps."""
    grad2_sum = np.zeros(len(w))
    for t in range(rule.steps):
        try:
            gradient = problem.gradient(w)
            grad2_sum += _squares(gradient)
            g, ghat = oracle.draw(gradient, rng)
            g *= 1 - rule.theta
            ghat *= rule.theta
            g += ghat
            g *= rule.eta / (1 + t / rule.decay_steps)
            w -= g
            note(done + t + 1, grad2_sum / (t + 1))
        except FloatingPointError as error:
            raise FloatingPointError(
                f"the run left the range of float64 at step {done + t} with eta = {shown(rule.eta)}; "
                f"eta <= 1/L = {shown(1 / problem.L)} does not diverge"
            ) from error


def _squares(rows: Array) -> Array:
    """``‖·‖²`` of each row; shapes (S, d) -> (S,)."""
    squares: Array = np.einsum("ij,ij->i", rows, rows)
    return squares


def _rules(stages: Sequence[Stage]) -> list[_Rule]:
    if not stages:
        raise ValueError("stages = () is empty; a run needs at least one Stage")
    return [_rule(f"stages[{position}]", stage) for position, stage in enumerate(stages)]


def _rule(name: str, stage: Stage) -> _Rule:
    for field in ("eta", "theta", "steps", "decay_steps"):
        shape = np.shape(getattr(stage, field))
        if shape != ():
            raise ValueError(f"{name}.{field} has shape {shape}; a run needs a single number, one plan at a time")
    return _Rule(
        # 0 is allowed: the shrinkage control of theta = 1 stands still.
        eta=float(real(f"{name}.eta", stage.eta, at_least=0)),
        theta=float(strength(stage.theta)),
        steps=int(step_count(f"{name}.steps", stage.steps, at_least=0)),
        decay_steps=np.inf if stage.decay_steps is None else float(real(f"{name}.decay_steps", stage.decay_steps, above=0)),
    )


def _start(problem: Problem, start: ArrayLike | None, replicas: int) -> Array:
    """``w_0`` as a new array of shape (replicas, d)."""
    w = real("start", problem.start if start is None else start)
    allowed = ((problem.dimension,), (replicas, problem.dimension))
    if w.shape not in allowed:
        raise ValueError(f"start has shape {w.shape}; {problem.name} with {replicas} replicas needs {allowed[0]} or {allowed[1]}")
    return np.array(np.broadcast_to(w, allowed[1]))


def _checkpoints(rules: list[_Rule], given: Iterable[int] | None) -> frozenset[int]:
    ends = np.cumsum([rule.steps for rule in rules])
    total = int(ends[-1])
    if given is None:
        spaced = np.rint(np.geomspace(1, max(total, 1), DEFAULT_CHECKPOINTS))
        return frozenset(int(step) for step in (0, *spaced, *ends) if step <= total)
    steps = step_count("checkpoints", list(given), at_least=0)
    if steps.size == 0:
        raise ValueError("checkpoints = [] is empty; a run needs at least one step to record at")
    if steps.max() > total:
        raise ValueError(f"checkpoints = {shown(steps.max())} is after the last step; the run has {total} steps")
    return frozenset(steps.astype(int).tolist())
