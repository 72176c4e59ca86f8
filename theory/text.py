"""Numbers, counts and columns as results and the command line print them. Results have ``json``, of scalars only, and ``table``.

Columns and paragraphs are laid out in what standard output can say: where its encoding lacks a sign, the word in its place is wider.
"""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from itertools import zip_longest
from math import inf
from typing import Any

import numpy as np

from tsla.streams import written
from tsla.theory.constants import Array
from tsla.theory.representable import UnrepresentableError

Json = dict[str, Any]
WIDTH = 80
"""Columns of a terminal."""


class Printed(ABC):
    """A result that is printed as its table: by ``print``, in an interactive session, and in a notebook, there escaped.

    A dataclass of this kind is declared with ``repr=False``.
    """

    @abstractmethod
    def table(self) -> str:
        """For a person, at most WIDTH columns wide; of arrays their smallest and largest numbers."""

    def __repr__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        from html import escape  # which only a notebook needs

        return f"<pre>{escape(self.table())}</pre>"


def finite(values: Mapping[str, Any]) -> Json:
    """The same with None, JSON's null, for numbers that are not finite, which JSON does not have."""
    return {name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in values.items()}


def sayable(answer: Json) -> Json:
    """The same. Raises UnrepresentableError for an infinity or nan anywhere in it, which JSON does not have."""
    if not _sayable(answer):
        raise UnrepresentableError("the answer holds a number that is not finite: it overflows float64; rescale F")
    return answer


def _sayable(part: Any) -> bool:
    if isinstance(part, dict):
        return all(map(_sayable, part.values()))
    if isinstance(part, list | tuple):
        return all(map(_sayable, part))
    return not isinstance(part, float) or bool(np.isfinite(part))


def number(value: Array | float) -> str:
    """Four significant digits, thousands separated: 0.1818, 800,000, 1.235e+12."""
    x = float(value)
    if x == 0 or 1e-4 <= abs(x) < 1e4:
        return f"{x:,.4g}"
    return f"{x:,.0f}" if 1e4 <= abs(x) < 1e12 else f"{x:.4g}"


def number_up(value: Array | float) -> str:
    """As :func:`number`, rounded up: what is printed of a bound is a bound, for inputs known to half an ulp, as decimals are."""
    x = float(value)
    if x <= 0 or not np.isfinite(x):
        return number(x)
    exact = Decimal(x * (1 - 32 * np.finfo(np.float64).eps))  # 1.2000000000000002 is 1.2, not 1.201
    raised = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 3), rounding=ROUND_CEILING)
    held = Decimal("1e-300") < raised < Decimal("1e300")  # else four digits may be more, or a larger number, than a float holds
    return number(float(raised)) if held else f"{raised.normalize():e}"


def count(value: Array | float) -> str:
    """A whole number of steps, exactly as far as it is readable; "never" where there is no such number."""
    x = float(value)
    if not np.isfinite(x):
        return "never"
    return f"{x:,.0f}" if x < 1e15 else f"{x:.4g}"


def extent(values: Array | float, said: Callable[[float], str] = number) -> str:
    """A number as ``said`` has it; of an array the smallest and the largest: "24 to 160,024". "-" where there is none."""
    if not np.size(values):
        return "-"
    low, high = said(float(np.min(values))), said(float(np.max(values)))
    return low if low == high else f"{low} to {high}"


def aligned(
    rows: Sequence[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    width: float = WIDTH,
    said: Callable[[str], str] = written,
) -> str:
    """Rows as columns two blanks apart; the columns in ``right`` are aligned to the right. ``said``: how a cell is written where it goes.

    Where they are more than ``width`` wide together, the cells of the widest columns are wrapped at their blanks.
    """
    columns = [[[said(cell)] for cell in column] for column in zip(*rows, strict=True)]
    while sum(2 + wide for wide in map(_wide, columns)) > width:
        narrower = [_narrower(column) for column in columns]
        can = [i for i, column in enumerate(columns) if _wide(narrower[i]) < _wide(column)]
        if not can:
            break
        widest = max(can, key=lambda i: _wide(columns[i]))
        columns[widest] = narrower[widest]
    lines = (line for row in zip(*columns, strict=True) for line in zip_longest(*row, fillvalue=""))
    widths = [_wide(column) for column in columns]
    padded = (
        "  ".join(cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )
    return "\n".join("  " + line.rstrip() for line in padded)


def _wide(column: Sequence[Sequence[str]]) -> int:
    return max(len(line) for cell in column for line in cell)


def _narrower(column: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells with their longest lines wrapped a little sooner, as far as there are blanks."""
    most = max(_wide(column) - 1, 1)
    return [_wrapped(" ".join(cell), most) if max(map(len, cell)) > most else list(cell) for cell in column]


def _wrapped(text: str, width: int, first: str = "", more: str = "") -> list[str]:
    """A paragraph of one line at least, broken at blanks alone."""
    lines = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=more, break_on_hyphens=False, break_long_words=False)
    return lines or [first]


def as_csv(rows: Sequence[Json]) -> str:
    """A line of names, then a line a row, of which there is one at least; empty where there is no number."""
    import csv  # which a command without it does not need
    import io

    written = io.StringIO()
    lines = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    return written.getvalue()


def blocks(columns: Sequence[Sequence[str]]) -> str:
    """Columns, aligned to the right, in as many blocks below each other as WIDTH asks for; the first column begins each of them."""
    first, *others = ([written(cell) for cell in column] for column in columns)
    shown: list[Sequence[str]] = [first]
    said: list[str] = []
    for column in others:
        if len(shown) > 1 and sum(2 + max(map(len, one)) for one in (*shown, column)) > WIDTH:
            said.append(_block(shown))
            shown = [first]
        shown.append(column)
    return "\n\n".join([*said, _block(shown)])


def _block(columns: Sequence[Sequence[str]]) -> str:
    return aligned([list(row) for row in zip(*columns, strict=True)], right=frozenset(range(len(columns))))


def wrapped(text: str, *, indent: str = "", more: str = "  ") -> str:
    """A paragraph: ``indent`` before its first line, and before the others ``more`` as well."""
    return "\n".join(_wrapped(written(text), WIDTH, indent, indent + more))


def noted(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows as columns, of which the last one is a note; the columns in ``right`` are aligned to the right."""
    blank = aligned([[*row[:-1], ""] for row in rows], right=right, width=inf).splitlines()
    start = max(map(len, blank)) + 2
    lines = []
    for line, row in zip(blank, rows, strict=True):
        first, *more = _wrapped(written(row[-1]), max(WIDTH - start, 1))
        lines += [f"{line:{start}}{first}".rstrip(), *(" " * start + part for part in more)]
    return "\n".join(lines)


def listed(words: Iterable[str]) -> str:
    """Each once: "a, b and c"."""
    each = list(dict.fromkeys(words))
    return f"{', '.join(each[:-1])} and {each[-1]}" if len(each) > 1 else each[0]
