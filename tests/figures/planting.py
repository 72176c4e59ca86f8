"""Errors that are planted in records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures.gallery import Load

Change = Callable[[pd.DataFrame], pd.DataFrame]


def planted(load: Load, change: Change) -> Load:
    """The same records, each with a changed table."""

    def wrong(name: str) -> Record:
        found = load(name)
        return replace(found, table=change(found.table))

    return wrong


def with_error(source: Path, folder: Path, name: str, change: Change) -> Path:
    """The folder, with the records of ``source`` of which one has a changed table."""
    for path in source.glob("*.parquet"):
        if path.stem != name:
            (folder / path.name).symlink_to(path)
    found = records.read(source / f"{name}.parquet")
    records.write(folder / f"{name}.parquet", change(found.table), found.config, found.command)
    return folder


def swapped(*columns: str) -> Change:
    """Two columns exchanged, where a table has them."""
    there = dict(zip(columns, reversed(columns), strict=True))
    return lambda table: table.rename(columns=there) if set(columns) <= set(table) else table


def taken(column: str, other: str) -> Change:
    """One column in place of another, where a table has both."""
    return lambda table: table.assign(**{column: table[other]}) if {column, other} <= set(table) else table


def exchanged(column: str, *values: str) -> Change:
    """Two values of a column exchanged, such as two methods."""
    there = dict(zip(values, reversed(values), strict=True))
    return lambda table: table.assign(**{column: table[column].replace(there)}) if column in table else table
