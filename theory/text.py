"""Numbers, counts and columns as results and the command line print them. Results have ``json``, of scalars only, and ``table``."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np

from tsla.theory.constants import Array, UnrepresentableError

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

    def __str__(self) -> str:
        return self.table()

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


def aligned(rows: list[list[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows as columns two blanks apart; the columns in ``right`` are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )
    return "\n".join("  " + line.rstrip() for line in lines)


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
    first, *others = columns
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
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + more, break_on_hyphens=False, break_long_words=False
    )
    return "\n".join(lines)


def noted(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows as columns, of which the last one is a note; the columns in ``right`` are aligned to the right."""
    blank = aligned([[*row[:-1], ""] for row in rows], right=right).splitlines()
    start = max(map(len, blank)) + 2
    lines = []
    for line, row in zip(blank, rows, strict=True):
        first, *more = textwrap.wrap(row[-1], WIDTH - start) or [""]
        lines += [f"{line:{start}}{first}".rstrip(), *(" " * start + part for part in more)]
    return "\n".join(lines)


def listed(words: Iterable[str]) -> str:
    """Each once: "a, b and c"."""
    each = list(dict.fromkeys(words))
    return f"{', '.join(each[:-1])} and {each[-1]}" if len(each) > 1 else each[0]
