"""What puts obligations together: induction for all steps of a run, what a named axiom gives; and the wrong versions of such steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

import z3

from tsla.theory.certificates import because
from tsla.theory.certificates.algebra.engine.known import Gap, Known, line_of
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation
from tsla.theory.certificates.algebra.engine.premises import is_one_of
from tsla.theory.certificates.algebra.engine.table import INFERENCES, TABLE, WORLD

State: TypeAlias = Mapping[Formula, Formula]
"""Symbols, and what is put in their place."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Induction:
    """A formula that holds before the first step, and after a step if it did before: it holds after every step.

    name:       of the step
    first:      the obligation at t = 0
    next_step:  the obligation from t to t+1
    invariant:  the formula, at t
    start:      symbol -> its value at t = 0
    next:       symbol -> its value at t+1
    end:        symbol -> what it is called at the end, as T for t
    """

    name: str
    first: Obligation
    next_step: Obligation
    invariant: Formula
    start: State
    next: State
    end: State = field(default_factory=dict)
    final: ClassVar = True

    def __post_init__(self) -> None:
        if self.start.keys() != self.next.keys() or self.end.keys() - self.start.keys():
            raise ValueError(f"{self.name}: start and next must be of the same symbols, and end of some of them")
        if any(is_one_of(symbol, WORLD) for symbol in (*self.start, *self.end.values())):
            raise ValueError(f"{self.name}: start, next and end must not be of {WORLD}")

    @property
    def conclusion(self) -> Formula:
        """The invariant at the end."""
        return z3.substitute(self.invariant, *self.end.items())

    @property
    def axiom(self) -> str:
        """What the two obligations stand on; that of the next step is the induction itself."""
        return because(self.first.axiom, self.next_step.axiom)

    @property
    def flaw(self) -> str:
        """Why one of the two is not proved."""
        return because(self.first.flaw, self.next_step.flaw)

    def gaps(self, known: Known) -> Iterator[Gap]:
        """Hypotheses that nothing gives, and where the two obligations are not about the one invariant."""
        yield from replace(known, facts=(*known.facts, *(symbol == value for symbol, value in self.start.items()))).gaps(self.first)
        yield from known.at_a_step(self.invariant).gaps(self.next_step)
        if not self.first.conclusion.eq(self.invariant):
            yield Gap(self.first.name, "does not conclude its invariant", self.invariant)
        wanted = z3.substitute(self.invariant, *self.next.items())
        if not self.next_step.conclusion.eq(wanted):
            yield Gap(self.next_step.name, "does not conclude its invariant", wanted)


@dataclass(frozen=True)
class Inference:
    """What a named axiom gives from conclusions of earlier steps: one of the closed list in ``table.py``."""

    axiom: str
    flaw: ClassVar = ""
    final: ClassVar = False

    @property
    def name(self) -> str:
        """As the axiom says it."""
        return self.axiom

    @property
    def conclusion(self) -> Formula:
        """What it gives."""
        _, gives = INFERENCES[self.axiom]
        return TABLE[gives]

    def gaps(self, known: Known) -> Iterator[Gap]:
        """What it uses, and no step concludes."""
        uses, _ = INFERENCES[self.axiom]
        yield from (Gap(self.name, "nothing gives", used) for used in uses if not known.chains_to(used))


def wrong_versions(steps: Sequence[Any], extra: Formula) -> Iterator[tuple[str, list[Any], int]]:
    """Steps of which one is missing, assumes ``extra`` or concludes less, by name; and which one it is."""
    changes: dict[str, Callable[[Obligation], Obligation]] = {
        "with more assumed in": lambda step: replace(step, hypotheses={**step.hypotheses, line_of(extra): extra}),
        "with less concluded in": lambda step: replace(step, conclusion=_weaker(step.conclusion)),
    }
    for place, step in enumerate(steps):
        before, after = [*steps[:place]], steps[place + 1 :]
        yield f"without {step.name}", [*before, *after], place
        for what, change in changes.items():
            for name, changed in _changed(step, change):
                yield f"{what} {name}", [*before, changed, *after], place


def _changed(step: object, change: Callable[[Obligation], Obligation]) -> Iterator[tuple[str, object]]:
    """The step with each of its obligations changed in turn."""
    if isinstance(step, Obligation):
        yield step.name, change(step)
    if isinstance(step, Induction):
        yield step.first.name, replace(step, first=change(step.first))
        yield step.next_step.name, replace(step, next_step=change(step.next_step))


def _weaker(formula: Formula) -> Formula:
    if z3.is_and(formula):
        return z3.And(*map(_weaker, formula.children()))
    if z3.is_le(formula) or z3.is_lt(formula):
        return formula.decl()(formula.arg(0), formula.arg(1) + 1)
    if z3.is_eq(formula) and z3.is_arith(formula.arg(0)):
        return formula.arg(0) <= formula.arg(1)
    return z3.Or(formula, z3.Bool("something else"))
