"""Runs of SGD, LSR and TSLA on a problem with known constants, through stages such as the bounds ask for (C4-C8, C12-C17)."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsla.empirics.runs import arrays, provenance, records
from tsla.empirics.runs.locks import held
from tsla.empirics.runs.memory import must_fit
from tsla.empirics.runs.resume import StateFile
from tsla.empirics.simulation import blocks as replica_blocks
from tsla.empirics.simulation.blocks import Advance, Block, Sampler
from tsla.empirics.simulation.legs import Leg, Rule, checkpoint_steps, legs, rules_of
from tsla.empirics.simulation.problems.problem import Problem
from tsla.extras import needing
from tsla.theory.constants import Array, real, said, single, whole
from tsla.theory.plan import Stage
from tsla.theory.testing.theorem import StepRule
from tsla.theory.text import Printed, aligned, count, number

SHOWN = 10
RECORDED = ("grad2", "mean_grad2", "gap")
LEG = 4_000_000
"""Most coordinate-steps between two moments at which all blocks wait for each other: a tenth of a second, about."""
STEP = 1000
"""The coordinate-steps that the calls of one step, which don't depend on the number of replicas, cost as much as."""


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(Printed):
    """What a run recorded at k steps, for each of its replicas.

    step:        (k,) steps done so far, over all stages
    grad2:       (k, replicas) ``‖∇F(w_t)‖²``
    mean_grad2:  (k, replicas) mean of ``‖∇F(w_s)‖²`` over the iterates of the current stage before step t, by the weights of the stage: the
                 expectation over R of the theorems' ``‖∇F(w_R)‖²``. A step at which a stage ends belongs to that stage. nan at step 0,
                 before which there is none, and before the first iterate that has a weight
    gap:         (k, replicas) ``F(w_t) - F*``
    """

    step: NDArray[np.int64]
    grad2: Array
    mean_grad2: Array
    gap: Array

    def table(self) -> str:
        """Means over the replicas, at up to SHOWN of the recorded steps, the first and the last among them."""
        at = np.unique(np.linspace(0, len(self.step) - 1, SHOWN).astype(int))
        rows = [[count(self.step[k]), *(number(row[k].mean()) for row in (self.grad2, self.mean_grad2, self.gap))] for k in at]
        head = f"means over {self.grad2.shape[1]} replicas"
        return f"{head}\n{aligned([['step', '‖∇F(w_t)‖²', '‖∇F(w_R)‖²', 'F - F*'], *rows], right=frozenset(range(4)))}"


def simulate(
    problem: Problem,
    oracle: Sampler,
    stages: Sequence[Stage],
    *,
    replicas: int,
    seed: int,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
    compiled: bool = False,
    state: Path | None = None,
    step: StepRule | None = None,
) -> Trajectory:
    """Run ``w ← w - eta_t ((1-theta) g + theta ĝ)`` through ``stages``, for all replicas at once.

    stages:       of single numbers, not arrays; ``eta_t`` as in :class:`tsla.theory.plan.Stage`. A stage of 0 steps is skipped
    seed:         the run is the same to the last bit for the same seed; methods with the same seed and replicas see the same noise
    start:        ``w_0``, shape (d,) or (replicas, d); the problem's own start if None
    checkpoints:  steps to record at, 0 to the number of steps; 0, about 60 log-spaced steps and the ends of the stages if None
    progress:     called at each checkpoint with the steps done and the steps in all
    threads:      of which the bits don't depend; as many as OMP_NUM_THREADS or else the machine allows if None
    compiled:     by :mod:`tsla.empirics.simulation.compiled`, which needs numba and a coordinate-wise problem: the same run to rounding
    state:        a file that keeps where the run is, now and then and at its end. A call that finds the file of a killed run goes on there,
                  to the same bits, and tells ``progress`` of the checkpoints that are left. The file stays: that of a run that is over
                  gives the same again. Where it can't be written, a line on standard error says so, and the run goes on
    step:         another rule, of the direction ``(1-theta) g + theta ĝ``: the ``eta`` of the stages has no effect then

    Memory: some ten arrays of shape (replicas, d) at most, and what is recorded, however many the steps.
    Raises ValueError for a bad argument, for a rule that does not give ``(w, state)`` with ``w`` of the shape that it was given, and for a
    state that is another run's, damaged, or in use by another process. Raises FloatingPointError when the run leaves the range of float64,
    and for a rule that gives what is not finite.
    """
    whole("seed", seed, at_least=0)
    rules = rules_of(stages)
    marks = sorted(checkpoint_steps(stages, checkpoints))
    must_fit("replicas", int(single("replicas", replicas, at_least=1, integral=True)), bytes_a_replica(problem, len(marks)))
    w = _start(problem, start, int(replicas))
    if state is not None and not isinstance(state, Path):
        raise ValueError(f"state = {said(state)} must be a Path")
    if step is not None and not callable(step):
        raise ValueError(f"step = {said(step)} must be a function")
    if step is not None and (compiled or state is not None):
        raise ValueError("step must be None where compiled or state is given: a rule is not compiled, and its state is not kept in files")
    advance = _compiled(problem, oracle) if compiled else replica_blocks.advance if step is None else replica_blocks.following(step)
    run = _Run(problem, oracle, w, marks, seed)
    file = None if state is None else StateFile(state, _identity(run, rules, seed, compiled), arrays)
    with held("state", state), _each(run.blocks, _threads(threads)) as each:
        went_on = file is not None and run.restore(file.load())
        if not went_on and marks[0] == 0:
            each(run.begin)
            _tell(progress, 0, rules)
        for leg in legs(rules, marks, max(1, LEG // (w.size + STEP))):
            if leg.done > run.done:
                each(partial(run.advance, leg, advance))
                run.done = leg.done
                if file is not None:
                    file.save_if_due(run.arrays)
                if leg.row is not None:
                    _tell(progress, leg.done, rules)
        if file is not None:
            file.save_if_due(run.arrays, over=True)
    return run.recorded


def bytes_a_replica(problem: Problem, checkpoints: int) -> int:
    """Of the memory that a run takes."""
    return 8 * (10 * problem.dimension + 3 * checkpoints)


def shrunk(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Make the control of C17: each stage with ``eta (1-theta)`` for ``eta`` and no smoothing, as if ``ĝ`` were 0."""
    return tuple(replace(stage, eta=stage.eta * (1 - stage.theta), theta=np.zeros_like(stage.theta)) for stage in stages)


class _Run:
    """Where a run is: its iterates in blocks, the steps done, and what it recorded so far."""

    def __init__(self, problem: Problem, oracle: Sampler, w: Array, marks: Sequence[int], seed: int) -> None:
        self.w, self.grad2_sum, self.done = w, np.zeros(len(w)), 0
        self.blocks = replica_blocks.blocks(problem, oracle, w, self.grad2_sum, seed)
        shape = (len(marks), len(w))
        self.recorded = Trajectory(np.array(marks, dtype=np.int64), *(np.full(shape, np.nan) for _ in range(3)))

    def begin(self, block: Block) -> None:
        """Record step 0, of which there is no mean."""
        with _strict():
            self.record(block, 0, np.full(len(block.w), np.nan))

    def advance(self, leg: Leg, advance: Advance, block: Block) -> None:
        """Make the steps of a leg with one block, and record its end where the leg says so."""
        with _strict():
            if leg.begin == 0:
                block.grad2_sum[:] = 0
            advance(block, leg)
            if not np.isfinite(block.grad2_sum).all():  # einsum overflows in silence
                raise replica_blocks.diverged(block.problem, leg.rule, leg.done)
            if leg.row is not None:
                try:
                    self.record(block, leg.row, block.grad2_sum / leg.weighed if leg.weighed else np.full(len(block.w), np.nan))
                except FloatingPointError as error:
                    raise replica_blocks.diverged(block.problem, leg.rule, leg.done) from error

    def record(self, block: Block, row: int, mean_grad2: Array) -> None:
        """Write one block's part of a row of the trajectory."""
        self.recorded.grad2[row, block.rows] = replica_blocks.squares(block.problem.gradient(block.w))
        self.recorded.mean_grad2[row, block.rows] = mean_grad2
        self.recorded.gap[row, block.rows] = block.problem.gap(block.w)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that a run needs to go on."""
        rows = {name: getattr(self.recorded, name) for name in RECORDED}
        generators = np.stack([block.get_state() for block in self.blocks])
        return rows | {"w": self.w, "grad2_sum": self.grad2_sum, "done": np.array(self.done), "generators": generators}

    def restore(self, arrays: Mapping[str, NDArray[Any]] | None) -> bool:
        """Go to where :meth:`arrays` was called, if it was; whether it was."""
        if arrays is None:
            return False
        for name in RECORDED:
            getattr(self.recorded, name)[:] = arrays[name]
        self.w[:], self.grad2_sum[:], self.done = arrays["w"], arrays["grad2_sum"], int(arrays["done"])
        for block, numbers in zip(self.blocks, arrays["generators"], strict=True):
            block.set_state(numbers)
        return True


def _strict() -> np.errstate:
    """For every thread anew: NumPy keeps it by context, and a thread of a pool does not see what its caller has set."""
    return np.errstate(over="raise", invalid="raise", divide="raise")


@contextmanager
def _each(blocks: Sequence[Block], threads: int) -> Iterator[Callable[[Callable[[Block], None]], None]]:
    """A function that does something with every block, in ``threads`` threads, and returns when all are done."""

    def one_by_one(work: Callable[[Block], None]) -> None:
        for block in blocks:
            work(block)

    if min(threads, len(blocks)) == 1:
        yield one_by_one
        return
    with ThreadPoolExecutor(min(threads, len(blocks))) as pool:

        def together(work: Callable[[Block], None]) -> None:
            for _ in pool.map(work, blocks):
                pass  # an error is that of the first block that has one, whichever thread was first

        yield together


def _tell(progress: Callable[[int, int], None] | None, done: int, rules: Sequence[Rule]) -> None:
    if progress is not None:
        progress(done, sum(rule.steps for rule in rules))


def _threads(given: int | None) -> int:
    if given is not None:
        return int(single("threads", given, at_least=1, integral=True))
    asked = os.environ.get("OMP_NUM_THREADS", "")  # what joblib sets in its processes, each of which has a share of the cores
    return int(asked) if asked.isdecimal() and int(asked) else joblib.cpu_count()


def _compiled(problem: Problem, oracle: Sampler) -> Advance:
    """The compiled steps. Raises ValueError where there are none for the problem or the oracle, MissingExtraError without numba."""
    with needing("fast", "compiled = True"):
        module = import_module("tsla.empirics.simulation.compiled")
    advance: Advance = module.steps(problem, oracle)
    return advance


def _identity(run: _Run, rules: Sequence[Rule], seed: int, compiled: bool) -> str:
    """A hash of all that the bits depend on. A problem's functions are told apart by what they give at the start."""
    changing = [rule for rule in rules if rule.factor or rule.weights]
    of_steps = (numbers for leg in legs(changing, (), LEG) for numbers in (leg.step_sizes, leg.weights))  # at every step
    digest = hashlib.sha256()
    with np.errstate(all="ignore"), np.printoptions(threshold=sys.maxsize, floatmode="unique"):  # arrays whole
        problem, first, oracle = run.blocks[0].problem, run.w[:1], repr(run.blocks[0].oracle)
        for part in chain((run.w, problem.start, problem.gradient(first), problem.gap(first), run.recorded.step), of_steps):
            digest.update(np.ascontiguousarray(part).data)
    config = {"arrays": digest.hexdigest(), "shape": run.w.shape, "problem": problem.name, "oracle": oracle, "rules": repr(rules)}
    modules = (__name__, *(type(of).__module__ for of in (run.blocks[0].problem, run.blocks[0].oracle)))
    return records.config_hash(config | {"seed": repr(seed), "compiled": compiled, "environment": provenance.environment(*modules)})


def _start(problem: Problem, start: ArrayLike | None, replicas: int) -> Array:
    """``w_0`` as a new array of shape (replicas, d), row after row."""
    w = real("start", problem.start if start is None else start)
    allowed = ((problem.dimension,), (replicas, problem.dimension))
    if w.shape not in allowed:
        raise ValueError(f"start has shape {w.shape}; {problem.name} with {replicas} replicas needs {allowed[0]} or {allowed[1]}")
    return np.broadcast_to(w, allowed[1]).copy()  # np.array would lay it out column after column
