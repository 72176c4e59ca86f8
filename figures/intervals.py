"""Means with their intervals as tables, which figures draw and which lie beside them as CSV."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tsla.empirics.statistics.intervals import student_t
from tsla.theory.constants import real


def means(rows: pd.DataFrame, by: Sequence[str], column: str) -> pd.DataFrame:
    """The mean of ``column`` over the rows that share ``by``, with Student's 95 % interval: the columns ``by``, mean, low, high.

    In the order in which ``by`` comes. Raises ValueError where a value is not finite: leaving it out would flatter the others.
    """
    real(column, rows[column])
    groups = list(rows.groupby(list(by), sort=False))
    ends = [interval(values[column].to_numpy(dtype=np.float64)) for _, values in groups]
    return pd.DataFrame([key for key, _ in groups], columns=list(by)).assign(**pd.DataFrame(ends))


def interval(samples: np.ndarray) -> dict[str, float]:
    """Mean of ``samples``, shape (n,), with Student's 95 % interval, as the columns of a row: mean, low, high."""
    found = student_t(samples)
    return {"mean": float(found.estimate), "low": float(found.low), "high": float(found.high)}
