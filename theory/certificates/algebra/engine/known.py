"""What a step of a claim may start from: what the claim says, and what earlier steps conclude, as it stands or by chaining."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import z3

from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, follows, once, symbols_of


@dataclass(frozen=True, eq=False)
class Gap:
    """A formula that a step, or the claim, needs and nothing gives."""

    where: str
    what: str
    formula: Formula

    def __str__(self) -> str:
        return f"{self.where}: {self.what}, {line_of(self.formula)}"


@dataclass(frozen=True, eq=False)
class Known:
    """What a step may start from.

    numbers:  what is said of numbers, from which z3 may draw conclusions
    facts:    what holds at every step of a run; facts may be chained
    final:    what holds at the end of a run, likewise
    """

    numbers: tuple[Formula, ...]
    facts: tuple[Formula, ...]
    final: tuple[Formula, ...] = ()

    def plus(self, conclusion: Formula, *, final: bool) -> Known:
        """With the conclusion of a step, ``final`` if it is about the end of a run."""
        field = "final" if final else "facts"
        return replace(self, **{field: (*getattr(self, field), conclusion)})

    def at_a_step(self, *facts: Formula) -> Known:
        """With facts about a step that is not the last one."""
        return replace(self, facts=(*self.facts, *facts), final=())

    @cached_property
    def _everything(self) -> tuple[Formula, ...]:
        return (*self.numbers, *self.facts, *self.final)

    @cached_property
    def _stated(self) -> set[int]:
        return {fact.get_id() for fact in self._everything}

    def chains_to(self, formula: Formula) -> bool:
        """Whether the facts give ``formula`` without algebra."""
        return formula.get_id() in self._stated or self._chains(_opaque(formula))

    @cached_property
    def _opaque(self) -> list[Formula]:
        return [*map(_opaque, self._everything)]

    @cached_property
    def _spoken_of(self) -> set[int]:
        return set().union(*map(names_of, self._opaque))

    def _chains(self, asked: Formula) -> bool:
        if not names_of(asked) <= self._spoken_of:
            return False
        solver = z3.SimpleSolver()
        solver.add(*self._opaque, z3.Not(asked))
        return bool(solver.check() == z3.unsat)

    def gives(self, formula: Formula) -> bool:
        """Whether ``formula`` may be a hypothesis."""
        if z3.is_and(formula):
            return all(map(self.gives, formula.children()))
        return self.chains_to(formula) or follows(self.numbers, formula)

    def gaps(self, obligation: Obligation) -> Iterator[Gap]:
        """Its hypotheses that nothing gives."""
        for name, formula in obligation.hypotheses.items():
            if not self.gives(formula):
                yield Gap(obligation.name, f"nothing gives its hypothesis {name!r}", formula)


@once
def _opaque(formula: Formula) -> Formula:
    """The formula with each side of a comparison as a name for itself."""
    if z3.is_arith(formula) and formula.num_args():
        return z3.Real(f"term {formula.get_id()}")
    if not formula.num_args():
        return formula
    connective = {z3.Z3_OP_AND: z3.And, z3.Z3_OP_OR: z3.Or}.get(formula.decl().kind(), formula.decl())
    return connective(*map(_opaque, formula.children()))


@once
def names_of(formula: Formula) -> frozenset[int]:
    """Ids of its symbols."""
    return frozenset(symbol.get_id() for symbol in symbols_of(formula))


def line_of(formula: Formula) -> str:
    """Without line breaks."""
    return " ".join(str(formula).split())
