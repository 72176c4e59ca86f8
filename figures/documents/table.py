"""Tables that are too long for a page: a command prints them from the records, as text, as CSV or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isinf, isnan
from pathlib import Path
from typing import TypeVar

from tsla.empirics.statistics.intervals import Interval, IntervalOf
from tsla.theory.text import Json, aligned, as_csv, finite

Cell = str | int | float | Interval
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Table:
    """Cells below the names of their columns. Numbers have the units of the records."""

    columns: tuple[str, ...]
    cells: Sequence[Sequence[Cell]]

    def text(self) -> str:
        """Aligned, numbers to three digits, a line a row."""
        return aligned([self.columns, *([_shown(cell) for cell in row] for row in self.cells)], width=inf)

    def rows(self) -> list[Json]:
        """A row a mapping, with all digits: an interval is three of its numbers, and None stands for what is not finite."""
        pairs = ((pair for name, cell in zip(self.columns, row, strict=True) for pair in _numbers(name, cell)) for row in self.cells)
        return [finite(dict(row)) for row in pairs]

    def csv(self) -> str:
        """A line of names, then a line a row; empty where there is no number."""
        return as_csv(self.rows())


Long = tuple[str, Callable[[Path], Table]]
"""A title, and what makes the table of the records in a folder."""


def of_records(load: Callable[[Path], Loaded], tables: Mapping[str, tuple[str, Callable[[Loaded], Table]]]) -> dict[str, Long]:
    """Tables that are made of what ``load`` makes of a folder, by name."""

    def long(title: str, make: Callable[[Loaded], Table]) -> Long:
        return title, lambda folder: make(load(folder))

    return {name: long(*table) for name, table in tables.items()}


def _shown(cell: Cell) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def three_digits(value: float) -> str:
    """Of a number, or all before the point."""
    if isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.0f}" if abs(value) >= 100 or value == 0 or isnan(value) else f"{value:#.3g}"


def _numbers(name: str, cell: Cell) -> list[tuple[str, str | int | float]]:
    if not isinstance(cell, IntervalOf):
        return [(name, cell)]
    ends = (("", cell.estimate), (" low", cell.low), (" high", cell.high))
    return [(f"{name}{end}", float(value)) for end, value in ends]
