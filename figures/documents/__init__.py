"""The documents of ``docs/`` whose tables follow from records: one module each, whose ``tables`` gives a text for each marked place.

What is too long for a page is one of TABLES. To add a document, add a module and its line here, and the lines ``markdown.BEGIN`` and
``markdown.END`` where its tables belong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tsla.empirics.runs import records
from tsla.figures import markdown
from tsla.figures.documents import (
    batch_norm,
    branches,
    estimators,
    intervals,
    known_architectures,
    one_sided_tests,
    planner,
    rates,
    sharper_decided,
    study,
    study_third,
)
from tsla.figures.documents.table import Long, Table
from tsla.options import among

DOCUMENTS: Mapping[str, Callable[[Path], Sequence[str]]] = {
    "batch_norm": batch_norm.tables,
    "branches": branches.tables,
    "estimators": estimators.tables,
    "intervals": intervals.tables,
    "known_architectures": known_architectures.tables,
    "one_sided_tests": one_sided_tests.tables,
    "planner": planner.tables,
    "rates": rates.tables,
    "sharper_decided": sharper_decided.tables,
    "study": study.tables,
    "study_third": study_third.tables,
}
"""Name of the file in ``docs/`` -> from a folder of records, the texts of its places, in order."""

TABLES: Mapping[str, Long] = {
    f"{page}.{name}": long
    for page, tables in (("study", study.LONG), ("study_third", study_third.LONG), ("planner", planner.LONG))
    for name, long in tables.items()
}
"""Page and name of a long table -> its title, and what makes it of a folder of records."""


def texts(names: Sequence[str]) -> dict[Path, str]:
    """The named documents, all for none: path -> the whole text, with what the records give in its places.

    Raises ValueError for an unknown name, and for a document without the places.
    """
    unknown = [name for name in names if name not in DOCUMENTS]
    if unknown:
        raise ValueError(f"name = {unknown[0]!r} is not a document; there are {', '.join(DOCUMENTS)}")
    return {path: _text(path, DOCUMENTS[path.stem](records.FOLDER)) for path in (Path(f"docs/{name}.md") for name in names or DOCUMENTS)}


def _text(path: Path, places: Sequence[str]) -> str:
    try:
        return markdown.filled(path.read_text(encoding="utf-8"), places)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error


def table(name: str, *, folder: Path = records.FOLDER) -> tuple[str, Table]:
    """One of TABLES by the records in ``folder``, with its title. Raises ValueError for an unknown name."""
    if name not in TABLES:
        raise ValueError(f"table = {name!r} is unknown; {among(name, list(TABLES))}")
    title, make = TABLES[name]
    return title, make(folder)


def stale(made: Mapping[Path, str]) -> list[Path]:
    """Those of the documents that say something else."""
    return [path for path, text in made.items() if path.read_text(encoding="utf-8") != text]
