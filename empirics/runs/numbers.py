"""Columns of tables that anybody may have written, as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.runs.errors import first_line


def with_numbers(table: pd.DataFrame, columns: Iterable[str], name: str) -> pd.DataFrame:
    """The table with numbers in these columns, of which those that it lacks are left out; what is missing is NaN.

    Raises ValueError, which calls the table by ``name``, for a column with anything else.
    """
    for column in table.columns.intersection([*columns]):
        try:
            table = table.assign(**{column: _numbers(table[column])})
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"{name}: column {column} must hold numbers; {first_line(error)}") from error
    return table


def _numbers(values: pd.Series[Any]) -> Any:
    """Whole ones as they are, and others in float64."""
    found = pd.to_numeric(values)
    if values.dtype.kind in "mMc":  # of which pandas makes numbers, and NumPy drops a part
        raise TypeError(f"it is of {values.dtype}")
    return found if isinstance(found.dtype, np.dtype) and found.dtype.kind in "iu" else found.to_numpy(dtype=np.float64, na_value=np.nan)
