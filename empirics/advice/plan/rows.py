"""What people have of a run, as the rows of a pilot: a record, a table in a file, a DataFrame, a list of dictionaries, or a monitor."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa

from tsla.empirics.runs.errors import first_line
from tsla.empirics.runs.files import must_be_there
from tsla.empirics.runs.numbers import with_numbers
from tsla.empirics.runs.records import KEY
from tsla.theory.moments import MOMENTS

TIMES = ("epoch", "step")
"""What a row is of, by the name of its column; the first one that is there."""
USED = (*MOMENTS, "train_loss", "eta_L", "alignment")
"""The columns of numbers beside the time, of which only the moments must be there."""
WHAT = "a record of `tsla train --out`, or a .csv, .parquet or .json file of the rows of a MomentsMonitor"


def rows_of(source: Any) -> tuple[pd.DataFrame, str]:
    """A table with the six moments (:data:`tsla.theory.moments.MOMENTS`), and the name of its column of time, one of TIMES.

    source: a path, a DataFrame, a list of dictionaries, or whatever has such ``rows``, as a MomentsMonitor has

    Raises ValueError, in one line, for a file that can't be read, and for a table that lacks a column.
    """
    name = f"pilot = {source}" if isinstance(source, str | Path) else "rows"
    table = read(Path(source)) if isinstance(source, str | Path) else _frame(getattr(source, "rows", source), name)
    if table.empty:
        raise ValueError(f"{name}: 0 rows; must be 1 at least. A MomentsMonitor has none in a short run, unless it is given every=")
    lacking = [column for column in MOMENTS if column not in table]
    times = [time for time in TIMES if time in table]
    if not times:
        lacking.insert(0, " or ".join(TIMES))
    if lacking:
        raise ValueError(f"{name} lacks {', '.join(lacking)}; must have a column of time and one for each of {', '.join(MOMENTS)}")
    table = table.reset_index(drop=True)  # whose name may be a column's, too
    return with_numbers(table, (times[0], *USED), name), times[0]


def read(path: Path) -> pd.DataFrame:
    """The table in a file."""
    must_be_there("pilot", path, WHAT)
    if path.suffix not in READ:
        raise ValueError(f"pilot = {path} must be {WHAT}")
    try:
        with path.open("rb") as file:  # opened here, for Arrow takes no name that is no UTF-8
            return READ[path.suffix](file)
    except Exception as error:  # whatever broken bytes lead to
        raise ValueError(f"pilot = {path} can't be read as {path.suffix}: {first_line(error)}; must be {WHAT}") from error


def is_record(path: Path) -> bool:
    """Whether a file is one of our records, which says of itself how its rows were made."""
    try:
        if path.suffix != ".parquet" or not path.is_file():
            return False
        with path.open("rb") as file:
            return KEY in (pa.parquet.read_schema(file).metadata or {})
    except (pa.ArrowException, OSError):  # broken bytes
        return False


def _json(file: IO[bytes]) -> pd.DataFrame:
    """A list of rows, or what `tsla train --json` printed."""
    found = json.loads(file.read().decode("utf-8"))
    return _frame(found["rows"] if isinstance(found, dict) else found, "rows")


READ: Mapping[str, Callable[[IO[bytes]], pd.DataFrame]] = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": _json}


def _frame(rows: Any, name: str) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError(
            f"{name} is a {type(rows).__name__}; must be a DataFrame, a list of dictionaries, a monitor, or the path of a file"
        )
    return pd.DataFrame(rows)
