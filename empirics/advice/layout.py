"""Text for a terminal: lines of at most 80 columns, and rows whose notes go on below themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tsla.theory.text import aligned

WIDTH = 80


def wrapped(text: str) -> str:
    """A paragraph, its lines after the first indented."""
    return "\n".join(textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False))


def noted(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows as columns, of which the last one is a note; the columns in ``right`` are aligned to the right."""
    blank = aligned([[*row[:-1], ""] for row in rows], right=right).splitlines()
    start = max(map(len, blank)) + 2
    lines = []
    for line, row in zip(blank, rows, strict=True):
        first, *more = textwrap.wrap(row[-1], WIDTH - start) or [""]
        lines += [f"{line:{start}}{first}".rstrip(), *(" " * start + part for part in more)]
    return "\n".join(lines)
