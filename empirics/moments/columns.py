"""From the digits record to the quantities of the theory, with intervals over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsla.empirics.statistics.intervals import Interval, student_t
from tsla.theory.constants import Array
from tsla.theory.moments import MOMENTS, Moments


def measured(table: pd.DataFrame, *, theta: float, batch_size: int) -> pd.DataFrame:
    """The rows at which moments were measured, with what follows from them for batches of ``batch_size`` (C11, C14, C17).

    Adds ``delta``, ``delta0`` and ``theta_star`` of single examples (A3, C17, C11); and for the batch, at strength ``theta`` and
    divided by the plain variance ``s²/B``: ``ratio`` of the smoothed direction, ``shrink_ratio`` of the control with step (1-θ)η,
    their difference ``beyond`` (negative: smoothing does more than shrink), and ``bias_share`` = ``θ²β²/(s²/B)``. Raises ValueError where a
    run diverged.
    """
    if not np.isfinite(table["train_loss"]).all():
        diverged = table[~np.isfinite(table["train_loss"])].iloc[0]
        raise ValueError(f"the run of {diverged['method']}, seed {diverged['seed']}, diverged; leaving it out would flatter the others")
    rows = table.dropna(subset="s2").copy()
    single = moments_of(rows)
    batch = single.at_batch_size(batch_size)
    rows["delta"], rows["delta0"], rows["theta_star"] = single.delta, single.shrunk.delta, single.theta_star
    rows["ratio"], rows["shrink_ratio"] = (of.second_moment(theta) / batch.s2 for of in (batch, batch.shrunk))
    rows["beyond"], rows["bias_share"] = batch.beyond(theta) / batch.s2, batch.bias(theta) / batch.s2
    return rows


def moments_of(rows: pd.DataFrame) -> Moments:
    """The moments in the columns of a record, as arrays of one number a row."""
    return Moments(*(rows[name].to_numpy(dtype=np.float64) for name in MOMENTS))


def samples(table: pd.DataFrame, column: str, *, method: str, epoch: int) -> Array:
    """The values of ``column``, shape (seeds,), in the order of the seeds. Raises ValueError where there are none."""
    values: Array = _rows(table, method, epoch)[column].to_numpy(dtype=np.float64)
    return values


def _rows(table: pd.DataFrame, method: str, epoch: int) -> pd.DataFrame:
    rows = table[(table["method"] == method) & (table["epoch"] == epoch)].sort_values("seed")
    if rows.empty:
        raise ValueError(f"the record has no row of method {method!r} at epoch {epoch}")
    return rows


def over_seeds(table: pd.DataFrame, column: str, *, method: str, epoch: int) -> Interval:
    """Mean of ``column`` over the seeds with Student's 95 % interval."""
    return student_t(samples(table, column, method=method, epoch=epoch))


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
    a, b = fresh.to_numpy(np.float64), known.loc[fresh.index, fresh.columns].to_numpy(np.float64)
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        relative = np.nan_to_num(np.where(equal, 0.0, np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))), nan=np.inf, posinf=np.inf)
    row, column = divmod(int(relative.argmax()), relative.shape[1])
    where = ", ".join(f"{key} {value}" for key, value in zip(keys, fresh.index[row], strict=True))
    return Apart(float(relative[row, column]), f"{fresh.columns[column]} ({where})")
