"""What a record says as a pilot: paired differences, a row a checkpoint; what is mixed in it is refused."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tsla.theory.constants import Array, single

AXES, UNITS = ("epoch", "step", "T"), ("seed", "replica")
"""The columns of our records that say when, and those that say which run is paired with which."""
MANY = 8
"""Columns, and values of a column, that a refusal lists."""


@dataclass(frozen=True, eq=False)
class Pilot:
    """Paired differences, shape (k, m): at k checkpoints, for m seeds. ``axis`` is what counts the checkpoints; None where there is one."""

    checkpoint: Array
    differences: Array
    axis: str | None


def pilot(table: pd.DataFrame, *, column: str | None, a: str | None, b: str | None, where: Mapping[str, str] | None = None) -> Pilot:
    """The paired differences in the table of a record.

    a and b are two columns:                        their difference, row by row; ``column`` is None
    a and b are two values of the column "method":  the difference of ``column``, paired by "seed" or "replica"
    a and b are None:                               ``column`` holds the differences

    ``where`` keeps the rows whose columns have these values, given as text. Rows in which both values are missing are left out: what was
    not measured at all. A sample is a seed, or a replica. Raises ValueError for unknown names, where rows don't pair one to one, where a
    seed has several rows at one checkpoint, and where the seeds were run with other settings than each other.
    """
    table = table.astype(dict.fromkeys(table.columns[table.dtypes == np.float16], np.float64))  # by which pandas groups nothing
    rows, names = kept(table, where or {}), {str(name) for name in (column, a, b)}
    _check_names(rows, column, a, b)
    axis, unit = (next((name for name in known if name in rows), None) for known in (AXES, UNITS))
    if unit is None:
        raise ValueError(f"the record must have a column {' or '.join(UNITS)}, by which its rows are paired")
    groups = _groups(rows, a, b)
    samples = [_samples(group, _values(group, column, a, b), axis, unit) for group in groups.values()]
    whole_runs = kept(table, {name: value for name, value in (where or {}).items() if name != axis})  # they tell settings from values
    for method, group in _groups(whole_runs, a, b).items():
        _one_setting(group, axis, unit, names, f"{method}: " if method else "")
    if len(groups) == 1:
        return _stacked(samples[0], axis, unit)
    _alike(groups)
    first, second = samples[0].align(samples[1])
    unpaired = int((first.isna() != second.isna()).to_numpy().sum())
    if unpaired:
        keys = unit if axis is None else f"{axis} and {unit}"
        raise ValueError(f"a = {a!r} and b = {b!r} must have the same {keys}: {unpaired} don't pair")
    return _stacked(first - second, axis, unit)


def _check_names(rows: pd.DataFrame, column: str | None, a: str | None, b: str | None) -> None:
    if (a is None) != (b is None):
        raise ValueError(f"a = {a!r} and b = {b!r} go together: two methods, or two columns")
    if a is not None and a == b:
        raise ValueError(f"a = {a!r} and b = {b!r} must be two: nothing is to be told apart")
    columns = a in rows and b in rows
    if columns and column is not None:
        raise ValueError(f"column = {column!r} has no use where a and b are columns themselves")
    if not columns:
        _named(rows, "column", column)


def _groups(rows: pd.DataFrame, a: str | None, b: str | None) -> dict[str, pd.DataFrame]:
    """The rows of each of the two methods; all rows as those of "" where a and b are no methods."""
    if a is None or b is None or (a in rows and b in rows):
        return {"": rows}
    methods = rows[_named(rows, "a column for a and b,", "method")]
    for name, method in (("a", a), ("b", b)):
        if not (methods == method).any():
            raise ValueError(f"{name} = {method!r} must be a method of the record, or with the other a column: {_list(methods.unique())}")
    return {method: rows[methods == method] for method in (a, b)}


def _values(rows: pd.DataFrame, column: str | None, a: str | None, b: str | None) -> Array:
    if column is not None:
        return _numbers(rows, column)
    first, second = (_numbers(rows, str(name)) for name in (a, b))
    if (np.isnan(first) != np.isnan(second)).any():
        raise ValueError(f"a = {a!r} and b = {b!r} must be missing together: a row that has only one of them would be left out")
    return first - second


def conditions(texts: Iterable[str]) -> dict[str, str]:
    """What each ``NAME=VALUE`` asks of a column. Raises ValueError for other texts, and where one column is asked two things."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise ValueError(f"where = {text!r} must be NAME=VALUE, a column and what it must hold")
        if found.setdefault(name, value) != value:
            raise ValueError(f"where = {text!r} must not follow {name}={found[name]}: a column holds one value")
    return found


def kept(table: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """The rows whose columns have these values, given as text. Raises ValueError for an unknown column, and where no row is left."""
    rows = table
    for name, value in where.items():
        values = rows[_named(rows, "where", name)]
        same = values == single(name, _as_number(name, value)) if pd.api.types.is_numeric_dtype(values) else values.astype(str) == value
        rows = rows[same]
        if rows.empty:
            raise ValueError(f"where {name} = {value}: must leave some rows; the column has {_list(values.unique())}")
    return rows


def _as_number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"where {name} = {value} must be a number, as the column is") from None


def _named(rows: pd.DataFrame, what: str, name: str | None) -> str:
    if name is None or name not in rows:
        raise ValueError(f"{what} = {name!r} must be a column of the record: {', '.join(map(str, rows.columns))}")
    return name


def _numbers(rows: pd.DataFrame, name: str) -> Array:
    if not pd.api.types.is_numeric_dtype(rows[name]) or pd.api.types.is_bool_dtype(rows[name]):
        raise ValueError(f"column = {name!r} must hold numbers")
    return np.asarray(rows[name].to_numpy(dtype=np.float64))


def _samples(rows: pd.DataFrame, values: Array, axis: str | None, unit: str) -> pd.DataFrame:
    """The values, a row a checkpoint and a column a seed. Raises ValueError where a seed has more than one row there."""
    keys = [unit] if axis is None else [axis, unit]
    for name in keys:
        if rows[name].isna().any():
            raise ValueError(f"{name} must not be missing in any row of the record; it is in {int(rows[name].isna().sum())}")
    repeated = rows[rows.duplicated(keys, keep=False)]
    if len(repeated):
        mixed = _mixed(repeated.drop(columns=keys), int(repeated.groupby(keys).size().max()))
        raise ValueError(f"a {unit} must have one row{'' if axis is None else f' at each {axis}'}; {mixed}")
    at = np.zeros(len(rows)) if axis is None else _numbers(rows, axis)
    samples = pd.DataFrame({"at": at, "of": rows[unit].to_numpy(), "value": values})
    return samples.pivot(index="at", columns="of", values="value")  # noqa: PD010 - pivot_table would average


def _mixed(rows: pd.DataFrame, most: int) -> str:
    """What is mixed in these rows, and what to give: texts, if any differ, else numbers of which there are at ``most`` so many."""
    values = {str(name): rows[name].dropna().unique() for name in rows if not pd.api.types.is_bool_dtype(rows[name])}
    texts = [name for name, found in values.items() if len(found) > 1 and not pd.api.types.is_numeric_dtype(rows[name])]
    numbers = sorted((name for name, found in values.items() if 1 < len(found) <= most), key=lambda name: len(values[name]))
    names = (texts or numbers)[:MANY]
    if not names:
        return "the record holds rows more than once"
    choice = values[names[0]]
    example = shlex.quote(f"{names[0]}={choice[0]}")
    return f"these rows mix {', '.join(names)}; choose one, such as --where {example} (there are {'; '.join(map(str, choice[:MANY]))})"


def _one_setting(rows: pd.DataFrame, axis: str | None, unit: str, measured: set[str], method: str) -> None:
    """Raise ValueError where seeds were run with other settings than each other, which no two rows of a seed show.

    A text is a setting. Of numbers the same path along the checkpoints in several runs shows one: what is measured differs from seed to
    seed. The step size is known by its name.
    """
    runs = rows.sort_values([unit] if axis is None else [axis, unit]).groupby(unit)
    several = axis is not None and len(rows[axis].unique()) > 1
    for name in sorted(set(map(str, rows)) - {str(axis), unit, *measured}):
        paths = runs[name].agg(tuple)
        if len(paths.unique()) == 1 or pd.api.types.is_bool_dtype(rows[name]):
            continue
        shared = several and not rows[name].isna().any() and len(paths.unique()) < len(paths)
        if shared or name == "eta" or not pd.api.types.is_numeric_dtype(rows[name]):
            raise ValueError(f"{method}every {unit} must have been run alike; {_mixed(rows[[name]], len(rows))}")


def _alike(groups: Mapping[str, pd.DataFrame]) -> None:
    """Raise ValueError where the two methods were run on something else; a claim goes with its method."""
    (a, first), (b, second) = groups.items()
    for name in set(first) - {"method", "claim"}:
        found, other = (sorted(map(str, rows[name].unique())) for rows in (first, second))
        if found != other and not pd.api.types.is_numeric_dtype(first[name]):
            raise ValueError(f"{a} and {b} must have the same {name}; they have {_list(found)} and {_list(other)}: choose one by --where")


def _stacked(samples: pd.DataFrame, axis: str | None, unit: str) -> Pilot:
    """One row a checkpoint; what was not measured there in any run is left out."""
    measured = samples.dropna(how="all").dropna(how="all", axis="columns")
    if measured.empty:
        raise ValueError("the record must hold values that are not missing")
    if measured.isna().to_numpy().any():
        raise ValueError(f"every {axis} must have the same {unit}s; {int(measured.isna().to_numpy().sum())} values are missing")
    return Pilot(measured.index.to_numpy(dtype=np.float64), measured.to_numpy(dtype=np.float64), axis)


def _list(values: Any) -> str:
    """The first MANY, and how many more there are."""
    more = f", and {len(values) - MANY:,} more" if len(values) > MANY else ""
    return ", ".join(map(str, values[:MANY])) + more
