"""The article of the miniature records, one of which has a name and a command that would be HTML, and that of the committed ones."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.figures.miniature import COMMITTED, write_miniature_runs
from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures import evidence, gallery, live
from tsla.figures.drawing import draw
from tsla.figures.page import article

CANARY = "canary"
HOSTILE = f"x<img src=x onerror=document.title='{CANARY}'>.parquet"
"""Where it is an element, the page gets another title."""
EVIDENCE = [
    {"id": "C5", "kind": "property", "planted": False, "test": "t", "passed": True, "finding": f"floor < 1 & > 0 {HOSTILE}"},
    {"id": "C5", "kind": "algebra", "planted": True, "test": "t", "passed": True},
]
LIMIT = 600_000
"""Bytes that the page may have."""


def write_miniature_article(source: Path, fresh: Path, drawn: Path, folder: Path) -> Path:
    """Write it to ``folder``, with its figures and a copy of the records beside it. Returns its path."""
    named = shutil.copytree(source, folder / "records")
    write_hostile(named)
    figures = shutil.copytree(drawn, folder / "figures")
    draw(figures / "live.svg", live.draw, *(records.read(of / "digits.parquet") for of in (source, fresh)))
    return article.write(named, fresh, figures, EVIDENCE, folder / "index.html")


def write_hostile(folder: Path) -> None:
    """A record whose name and command would be HTML."""
    stall = records.read(folder / "stall.parquet")
    records.write(folder / HOSTILE, stall.table, stall.config, f"tsla records {HOSTILE}")


BLANK = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>'


def write_undrawn_article(folder: Path) -> Path:
    """The article of the committed records, for a browser: the figures of the gallery, which are folded, are blank."""

    def load(name: str) -> Record:
        return records.read(COMMITTED / f"{name}.parquet")

    (figures := folder / "figures").mkdir(parents=True)
    for name, module in gallery.modules().items():
        (figures / f"{name}.svg").write_text(BLANK, encoding="utf-8")
        module.numbers(load).to_csv(figures / f"{name}.csv", index=False)
    (figures / "live.svg").write_text(BLANK, encoding="utf-8")
    fresh, digits = write_miniature_runs(folder / "live"), load("digits").table
    records.write(fresh / "digits.parquet", digits[digits["seed"] == 0], {"configs": []}, "tsla report")
    write_hostile(named := shutil.copytree(COMMITTED, folder / "records"))
    return article.write(named, fresh, figures, evidence.read(named / "evidence.json"), folder / "index.html")


def fits(page: str) -> None:
    """Whether the page is small enough to be sent around."""
    assert len(page.encode()) <= LIMIT
