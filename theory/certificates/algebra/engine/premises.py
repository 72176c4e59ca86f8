"""The premises of a manifest: entries of the table, as they stand there or of other symbols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import z3

from tsla.theory.certificates.algebra.engine.obligation import Formula, is_symbol
from tsla.theory.certificates.algebra.engine.symbols import gap, grad2, s2
from tsla.theory.certificates.algebra.engine.table import (
    ALSO,
    FOR_EVERY,
    FREE_IN_LAWS,
    LAWS,
    NUMBERS,
    SYMBOLS,
    TABLE,
    WORLD,
    error2,
    length2,
    slope,
)
from tsla.theory.constants import must_be_one_of


@dataclass(frozen=True, eq=False)
class Premise:
    """An entry of the table by its name, ``at`` other symbols than its own: A1 along g in place of d.

    Raises ValueError for a name that is not in the table, where ``at`` puts something in the place of a constant of the claim, or a
    constant, a term or a symbol of another meaning in the place of a symbol: with that a premise could say anything. The gap and the
    gradient of A4 are those of one point, and change together.
    """

    name: str
    at: Mapping[Formula, Formula] = field(default_factory=dict)

    def __post_init__(self) -> None:
        must_be_one_of("premise", self.name, TABLE)
        for old, new in self.at.items():
            meant = not is_one_of(new, SYMBOLS) or is_one_of(new, ALSO.get(old, ())) or new.eq(old)
            if is_one_of(old, WORLD) or not is_symbol(new) or not meant:
                raise ValueError(f"premise {self.name!r}: {old} = {new} must put a symbol in the place of one of its meaning; {WORLD} stay")
        if self.name == "A4" and (gap in self.at) != (grad2 in self.at):
            raise ValueError(f"premise {self.name!r} at {dict(self.at)} must be of one point: F - F* and ‖∇F‖² change together")

    @cached_property
    def formula(self) -> Formula:
        """What it says."""
        return z3.substitute(TABLE[self.name], *self.at.items())

    def __str__(self) -> str:
        moved = ", ".join(f"{old.decl().name()} = {new.decl().name()}" for old, new in self.at.items())
        return f"{self.name} at {moved}" if moved else self.name

    def moved(self, at: Mapping[Formula, Formula]) -> Premise:
        """The same of other symbols."""
        return Premise(self.name, {**at, **{old: at.get(new, new) for old, new in self.at.items()}})

    def for_every(self, symbol: Formula) -> bool:
        """Whether it holds whatever number the symbol stands for, so that a manifest may set it."""
        free = FREE_IN_LAWS if self.name in LAWS else (FOR_EVERY[self.name],) if self.name in FOR_EVERY else ()
        return is_one_of(symbol, [self.at.get(own, own) for own in free])

    @property
    def seen(self) -> bool:
        """Whether a function of ``theory`` can refuse what does not meet it."""
        return self.name in NUMBERS

    @property
    def about_numbers(self) -> bool:
        """Whether z3 may draw conclusions from it, beside chaining it."""
        return self.seen or self.name in LAWS


def premises(*names: str) -> tuple[Premise, ...]:
    """Several entries of the table, as they stand there."""
    return tuple(map(Premise, names))


def descent(direction: Formula, square: Formula) -> tuple[Premise, ...]:
    """A1 along a direction d, ``direction = ⟨∇F, E d⟩`` and ``square = E‖d‖²``, with a step size up to 1/L."""
    return (*premises("L > 0", "eta > 0", "eta <= 1/L"), Premise("A1: quadratic bound", {slope: direction, length2: square}))


def unbiased(direction: Formula, square: Formula) -> tuple[Premise, ...]:
    """A2 for g, ``direction = ⟨∇F, E g⟩`` and ``square = E‖g‖²``, and what squares are."""
    return (
        *premises("sigma2 >= 0", "A2: variance", "‖∇F‖² >= 0"),
        Premise("A2: E g = ∇F", {slope: direction}),
        Premise("square of a difference", {slope: direction, length2: square, error2: s2}),
    )


def is_one_of(term: Formula, terms: Iterable[Formula]) -> bool:
    """Whether it is the same as one of them: ``==`` of two terms is a formula."""
    return any(map(term.eq, terms))
