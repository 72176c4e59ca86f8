"""The steps of a run: stages in plain numbers, cut into legs at the steps that are recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tsla.theory.constants import Array, array_of, real, said, shown, single, step_count
from tsla.theory.plan import OfStep, Stage

DEFAULT_CHECKPOINTS = 60


@dataclass(frozen=True)
class Rule:
    """A stage in plain numbers; ``decay_steps`` is infinite where the step size doesn't fall so. ``factor``, ``weights``: as of a Stage."""

    eta: float
    theta: float
    steps: int
    decay_steps: float
    factor: OfStep | None = field(default=None, repr=False)
    weights: OfStep | None = field(default=None, repr=False)

    @property
    def steady(self) -> bool:
        """Whether all its steps are the same."""
        return self.decay_steps == np.inf and self.factor is None and self.weights is None

    def step_sizes(self, t: Array) -> Array:
        """``eta_t`` at steps of the stage, shape (k,). Raises ValueError for what is no step size."""
        decayed = self.eta / (1 + t / self.decay_steps)
        return decayed if self.factor is None else _of_steps("eta*factor(t)", self.eta * np.asarray(self.factor(t)), t)

    def weights_at(self, t: Array) -> Array:
        """The weights of the iterates ``w_t``, shape (k,). Raises ValueError for what are no weights."""
        return np.ones(t.shape) if self.weights is None else _of_steps("weights(t)", self.weights(t), t)


def _of_steps(name: str, values: Array, t: Array) -> Array:
    found = real(name, values, at_least=0)
    if found.shape != t.shape:
        raise ValueError(f"{name} has shape {found.shape}; a run needs a number for each of the steps t, shape {t.shape}")
    return found


@dataclass(frozen=True)
class Leg:
    """Steps ``begin`` to ``end`` of a stage that begins after ``before`` steps of the run; ``row``: where to record the end, or None.

    Its k steps have ``step_sizes``, and their iterates ``weights``, shape (k,); all iterates of the stage so far weigh ``weighed``.
    """

    rule: Rule
    before: int
    begin: int
    end: int
    row: int | None
    step_sizes: Array
    weights: Array
    weighed: float

    @property
    def done(self) -> int:
        """Steps of the run that are done after the leg."""
        return self.before + self.end


def rules_of(stages: Sequence[Stage]) -> list[Rule]:
    """The stages in plain numbers. Raises ValueError unless there is one, and each is of single numbers and of whole steps."""
    if not isinstance(stages, Sequence):
        raise ValueError(f"stages is a {type(stages).__name__}; must be a list of Stage")  # noqa: TRY004 - bad input is a ValueError
    if not stages:
        raise ValueError("stages = () is empty; a run needs at least one Stage")
    return [_rule(f"stages[{position}]", stage) for position, stage in enumerate(stages)]


def _rule(name: str, stage: Stage) -> Rule:
    if not isinstance(stage, Stage):
        raise ValueError(f"{name} = {said(stage)} must be a Stage")  # noqa: TRY004 - bad input is a ValueError
    for part in ("eta", "theta", "steps", "decay_steps"):
        shape = array_of(getattr(stage, part)).shape
        if shape != ():
            raise ValueError(f"{name}.{part} has shape {shape}; a run needs a single number, one plan at a time")
    return Rule(
        eta=float(stage.eta),
        theta=float(stage.theta),
        steps=int(single(f"{name}.steps", stage.steps, at_least=0, integral=True)),
        decay_steps=np.inf if stage.decay_steps is None else float(stage.decay_steps),
        factor=stage.factor,
        weights=stage.weights,
    )


def default_checkpoints(stages: Sequence[Stage]) -> frozenset[int]:
    """The steps at which :func:`simulate` records unless told otherwise."""
    ends = np.cumsum([rule.steps for rule in rules_of(stages)])
    spaced = np.rint(np.geomspace(1, max(ends[-1], 1), DEFAULT_CHECKPOINTS))
    return frozenset(int(step) for step in (0, *spaced, *ends) if step <= ends[-1])


def checkpoint_steps(stages: Sequence[Stage], given: Iterable[int] | None) -> frozenset[int]:
    """The ``given`` steps, or those of :func:`default_checkpoints`. Raises ValueError for none and for steps after the last one."""
    if given is None:
        return default_checkpoints(stages)
    total = sum(rule.steps for rule in rules_of(stages))
    if not isinstance(given, Iterable):
        raise ValueError(f"checkpoints = {said(given)} must be a list of steps")  # noqa: TRY004 - bad input is a ValueError
    steps = step_count("checkpoints", list(given), at_least=0)
    if steps.ndim != 1:
        raise ValueError(f"checkpoints has shape {steps.shape}; must be a list of steps")
    if steps.size == 0:
        raise ValueError("checkpoints = [] is empty; a run needs at least one step to record at")
    if steps.max() > total:
        raise ValueError(f"checkpoints = {shown(steps.max())} must be at most {total}, the steps of the run")
    return frozenset(steps.astype(int).tolist())


def legs(rules: Sequence[Rule], marks: Sequence[int], longest: int) -> Iterator[Leg]:
    """Cut the stages at every checkpoint, and so that no leg has more than ``longest`` steps."""
    before, row_of = 0, {mark: row for row, mark in enumerate(marks)}
    for rule in rules:
        within = (mark - before for mark in marks if before < mark < before + rule.steps)
        weighed = 0.0
        for begin, end in _cuts(sorted({*within, rule.steps} - {0}), longest):
            t = np.arange(begin, end, dtype=np.float64)
            weights = rule.weights_at(t)
            weighed += float(weights.sum())
            yield Leg(rule, before, begin, end, row_of.get(before + end), rule.step_sizes(t), weights, weighed)
        before += rule.steps


def _cuts(ends: Sequence[int], longest: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each leg, up to each of the ``ends`` and to each multiple of ``longest``, one after the other: there may be many."""
    begin = 0
    for stop in ends:
        while begin < stop:
            end = min(stop, begin - begin % longest + longest)
            yield begin, end
            begin = end
