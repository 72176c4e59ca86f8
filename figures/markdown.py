"""Markdown: tables, sections, and a document with texts in its places, which two lines mark."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

BEGIN, END = "<!-- written by tsla docs -->", "<!-- end -->"


def table(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of cells, in which bars are escaped."""
    ruled = (titles, ["---"] * len(titles), *lines)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in ruled)


def paragraph(text: str) -> str:
    """Sentences, in lines that a reader of the source can see whole."""
    return "\n".join(textwrap.wrap(text, 160, break_on_hyphens=False, break_long_words=False))


def sections(parts: Iterable[tuple[str, str]]) -> str:
    """Bodies below their titles."""
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def filled(document: str, texts: Sequence[str], begin: str = BEGIN) -> str:
    """The document with the texts in place of what stands between ``begin`` and END, in this order.

    Raises ValueError where it has not as many such places.
    """
    before, *places = document.split(begin)
    rests = [place.split(END) for place in places]
    if len(rests) != len(texts) or any(len(rest) != 2 for rest in rests):
        raise ValueError(f"has {len(rests)} lines {begin} and {document.count(END)} lines {END}; must have {len(texts)} pairs of them")
    return before + "".join(f"{begin}\n\n{text}\n\n{END}{after}" for text, (_, after) in zip(texts, rests, strict=True))
