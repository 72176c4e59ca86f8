"""Numbers of the digits record, over its seeds, and how far a new run is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsla.empirics.statistics.differences import relative_differences
from tsla.empirics.statistics.intervals import Interval, student_t
from tsla.theory.constants import Array


def _rows(table: pd.DataFrame, method: str, epoch: int) -> pd.DataFrame:
    """In the order of the seeds."""
    rows = table[(table["method"] == method) & (table["epoch"] == epoch)].sort_values("seed")
    if rows.empty:
        raise ValueError(f"the record has no row of method {method!r} at epoch {epoch}")
    return rows


def over_seeds(table: pd.DataFrame, column: str, *, method: str, epoch: int) -> Interval:
    """Mean of ``column`` over the seeds with Student's 95 % interval. Raises ValueError where there are none."""
    return student_t(_rows(table, method, epoch)[column].to_numpy(dtype=np.float64))


def differences(table: pd.DataFrame, column: str, *, method: str, baseline: str, epoch: int) -> Array:
    """``column`` of ``method`` less that of ``baseline``, seed by seed, shape (seeds,). Raises ValueError where they have other seeds."""
    pair = [_rows(table, name, epoch) for name in (method, baseline)]
    if list(pair[0]["seed"]) != list(pair[1]["seed"]):
        raise ValueError(f"{method} and {baseline} have other seeds at epoch {epoch}; a paired difference needs the same")
    found: Array = np.subtract(*(rows[column].to_numpy(dtype=np.float64) for rows in pair))
    return found


@dataclass(frozen=True)
class Apart:
    """How far two tables are apart: the largest relative difference of their numbers, and where it is."""

    relative: float
    where: str

    def __str__(self) -> str:
        return f"apart by at most {self.relative:.2g} of a number, of {self.where}" if self.relative else "equal to the last bit"


def apart(new: pd.DataFrame, old: pd.DataFrame, keys: Sequence[str]) -> Apart:
    """The largest difference between a number of ``new`` and that of ``old``, relative to the larger; ``keys`` tell which row is which.

    ``old`` may have more rows and columns; two nan are equal, and one is infinitely far. Raises ValueError where ``old`` lacks a row or
    column.
    """
    fresh, known = (table.set_index(list(keys)).select_dtypes("number") for table in (new, old))
    missing = [*fresh.index.difference(known.index), *fresh.columns.difference(known.columns)]
    if missing:
        raise ValueError(f"the record has no {missing[0]}; must have all rows and columns of the new run")
    relative = relative_differences(*(table.to_numpy(np.float64) for table in (fresh, known.loc[fresh.index, fresh.columns])))
    row, column = divmod(int(relative.argmax()), relative.shape[1])
    where = ", ".join(f"{key} {value}" for key, value in zip(keys, fresh.index[row], strict=True))
    return Apart(float(relative[row, column]), f"{fresh.columns[column]} ({where})")
