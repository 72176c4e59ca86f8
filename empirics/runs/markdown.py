"""Tables and lists in Markdown, and documents that a command puts its tables into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tsla.empirics.runs.files import replacing


def table(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of cells."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (titles, ["---"] * len(titles), *lines))


def listed(words: Iterable[str]) -> str:
    """Each once: "a, b and c"."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} and {last}" if most else last


def around(document: str, begin: str, end: str) -> tuple[str, str]:
    """What of the document stands before and after the place between two lines of it. Raises ValueError where it has none."""
    before, found_begin, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the document has no lines {begin!r} and {end!r}; must have both around its tables")
    return f"{before}{begin}\n\n", f"\n\n{end}{after}"


def put(path: Path, begin: str, end: str, text: str) -> None:
    """Put the text into the document at ``path``, between the two lines, in place of what is there."""
    before, after = around(path.read_text(encoding="utf-8"), begin, end)
    with replacing(path) as temporary:
        temporary.write_text(before + text + after, encoding="utf-8")
