"""The article of the miniature records, one of which has a name that would be HTML."""

from __future__ import annotations

import shutil
from pathlib import Path

from tsla.empirics.runs import records
from tsla.figures import live
from tsla.figures.drawing import draw
from tsla.figures.page import article

EVIDENCE = [
    {"id": "C5", "kind": "property", "planted": False, "test": "t", "passed": True, "finding": "floor < 1 & > 0"},
    {"id": "C5", "kind": "algebra", "planted": True, "test": "t", "passed": True},
]
HOSTILE = "x<img src=x onerror=alert(1)>.parquet"
LIMIT = 600_000
"""Bytes that the page may have."""


def write_miniature_article(source: Path, fresh: Path, drawn: Path, folder: Path) -> Path:
    """Write it to ``folder``, with its figures and a copy of the records beside it. Returns its path."""
    named = shutil.copytree(source, folder / "records")
    shutil.copy(named / "stall.parquet", named / HOSTILE)
    figures = shutil.copytree(drawn, folder / "figures")
    draw(figures / "live.svg", live.draw, *(records.read(of / "digits.parquet") for of in (source, fresh)))
    return article.write(named, fresh, figures, EVIDENCE, folder / "index.html")


def fits(page: str) -> None:
    """Whether the page is small enough to be sent around."""
    assert len(page.encode()) <= LIMIT
