"""How many seeds, and how many steps, it takes to tell two methods apart: a paired t-test planned from a pilot record."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from tsla.theory.constants import Array, real, shown, whole
from tsla.theory.text import aligned, count, number

LEVEL, POWER, CONFIDENCE = 0.05, 0.8, 0.95
MOST = 10**9
"""Seeds beyond which there is no point in counting."""
SMALLEST = 1e-9
"""A noncentrality up to which the power is the level, to 1e-15; at 0 SciPy's noncentral F is wrong (1.17: ``ncf.sf`` is negative there)."""
LARGEST = 1e4
"""A noncentrality from which on only the estimated standard deviation is random, to 1e-9; SciPy's series stops converging beyond 1e5."""
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


@dataclass(frozen=True)
class Need:
    """Seeds that a paired t-test needs; ``low`` and ``high`` where the pilot's standard deviation is at the ends of its interval.

    effect, sd:  the difference to be found, and the standard deviation of the differences, in units of the column
    d:           ``effect/sd``, the standardised effect
    achieved:    the power at n seeds: at least that asked for, as n is whole
    """

    n: int
    low: int
    high: int
    effect: float
    sd: float
    d: float
    achieved: float


# --- the test


def paired_power(n: int, d: float, *, level: float = LEVEL) -> float:
    """Probability that the two-sided paired t-test of n normal differences rejects at ``level``, ``d`` = mean/standard deviation. Exact.

    The square of a noncentral t is a noncentral F of 1 and n-1 degrees of freedom and noncentrality ``n d²``; SciPy's noncentral t itself
    is nan in the far tail (1.17: ``nct.cdf(-4.3, 2, 35)``). Raises ValueError outside the ranges.
    """
    whole("n", n, at_least=2)
    reach = float(stats.t.isf(_inside("level", level) / 2, n - 1))
    shift = abs(float(real("d", d))) * math.sqrt(n)
    if shift > LARGEST:
        return float(stats.chi2.cdf((n - 1) * min(shift / reach, 1e100) ** 2, n - 1))
    return float(stats.ncf.sf(reach**2, 1, n - 1, shift**2)) if shift > SMALLEST else level


def seeds_for(d: float, *, level: float = LEVEL, power: float = POWER) -> int:
    """The smallest n whose :func:`paired_power` is at least ``power``. Raises ValueError for ``d = 0`` and where n is above 1e9."""
    size = abs(float(real("d", d)))
    _inside("level", level)
    _inside("power", power)
    if power <= level:
        raise ValueError(f"power = {shown(power)} must be above level = {shown(level)}: less is had by rejecting at random")
    if size == 0:
        raise ValueError("d = 0 must not be 0: no number of seeds finds an effect that is not there")
    low, high = 1, 2
    while paired_power(high, size, level=level) < power:
        if high == MOST:
            raise ValueError(f"d = {shown(size)} must be larger: at power {shown(power)} it takes more than {MOST:.0e} seeds")
        low, high = high, min(2 * high, MOST)
    while high - low > 1:  # power grows with n
        middle = (low + high) // 2
        low, high = (low, middle) if paired_power(middle, size, level=level) >= power else (middle, high)
    return high


def sd_interval(sd: float, m: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a standard deviation that m normal samples gave: ``(m-1) s²/σ²`` is chi-square of m-1 degrees of freedom. Exact."""
    whole("m", m, at_least=2)
    inside = _inside("confidence", confidence)
    squares = (m - 1) * float(real("sd", sd, at_least=0)) ** 2
    high, low = (squares / float(stats.chi2.ppf(q, m - 1)) for q in ((1 - inside) / 2, (1 + inside) / 2))
    return float(np.sqrt(low)), float(np.sqrt(high))


def need(differences: ArrayLike, *, effect: float | None = None, level: float = LEVEL, power: float = POWER) -> Need:
    """Seeds to find ``effect`` in differences like these of a pilot, shape (m,), with a two-sided paired t-test.

    ``effect``: the smallest difference worth finding, in units of the column; by default the pilot's own mean, which says how many seeds
    would find *that*, and is as uncertain as it is: the interval is that of the standard deviation alone. Raises ValueError for fewer than
    2 differences, for differences that are all equal, and for an effect of 0.
    """
    values = real("differences", differences)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"differences has shape {values.shape}, one for each seed of the pilot; must be (m,), m at least 2")
    sd = float(np.std(values, ddof=1))
    if sd <= 8 * np.finfo(np.float64).eps * float(np.abs(values).max()):
        raise ValueError(f"differences = {shown(values[0])} must not all be equal: the pilot has no spread to plan with")
    wanted = float(np.mean(values)) if effect is None else float(real("effect", effect))
    if wanted == 0:
        raise ValueError("effect = 0 must not be 0: no number of seeds finds an effect that is not there")
    n = seeds_for(wanted / sd, level=level, power=power)
    low, high = (_seeds_or_most(wanted / end, level, power) for end in sd_interval(sd, len(values)))
    return Need(n, low, high, wanted, sd, wanted / sd, paired_power(n, wanted / sd, level=level))


def _seeds_or_most(d: float, level: float, power: float) -> int:
    """The end of an interval may lie beyond what is counted; there it is MOST."""
    try:
        return seeds_for(d, level=level, power=power)
    except ValueError:
        return MOST


def _inside(name: str, value: float) -> float:
    inside = float(real(name, value, above=0))
    if inside >= 1:
        raise ValueError(f"{name} = {shown(inside)} must be below 1")
    return inside


# --- the pilot


def pilot(table: pd.DataFrame, *, column: str | None, a: str | None, b: str | None, where: Mapping[str, str] | None = None) -> Pilot:
    """The paired differences in the table of a record.

    a and b are two columns:                        their difference, row by row; ``column`` is None
    a and b are two values of the column "method":  the difference of ``column``, paired by "seed" or "replica"
    a and b are None:                               ``column`` holds the differences

    ``where`` keeps the rows whose columns have these values, given as text. Rows in which both values are missing are left out: what was
    not measured at all. A sample is a seed, or a replica. Raises ValueError for unknown names, where rows don't pair one to one, where a
    seed has several rows at one checkpoint, and where the seeds were run with other settings than each other.
    """
    rows, names = _kept(table, where or {}), {str(name) for name in (column, a, b)}
    _check_names(rows, column, a, b)
    axis, unit = (next((name for name in known if name in rows), None) for known in (AXES, UNITS))
    if unit is None:
        raise ValueError(f"the record must have a column {' or '.join(UNITS)}, by which its rows are paired")
    groups = _groups(rows, a, b)
    samples = [_samples(group, _values(group, column, a, b), axis, unit) for group in groups.values()]
    whole_runs = _kept(table, {name: value for name, value in (where or {}).items() if name != axis})  # they tell settings from values
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


def _kept(table: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    rows = table
    for name, value in where.items():
        values = rows[_named(rows, "where", name)]
        same = (
            values == float(real(name, _as_number(name, value))) if pd.api.types.is_numeric_dtype(values) else values.astype(str) == value
        )
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
    return ", ".join(map(str, values))


# --- checkpoints, and the answer


def plan(
    found: Pilot, *, effect: float | None = None, level: float = LEVEL, power: float = POWER, seeds: int | None = None
) -> dict[str, Any]:
    """What ``tsla power`` answers, as one JSON object.

    checkpoints:  a row each: ``at``, mean difference, sd, and the fields of :class:`Need`; n is null where there is no spread or no effect
    best:         the row of the largest standardised effect: the fewest seeds
    first:        the first row for which ``seeds`` suffice, so many steps are enough; null where none does, or where seeds is None

    The best of many checkpoints of a pilot looks better than it is: choose it on the pilot, and test on other seeds.
    Raises ValueError where no checkpoint can be planned with.
    """
    if seeds is not None:
        whole("seeds", seeds, at_least=2)
    _inside("level", level)
    _inside("power", power)
    checkpoints, why = [], ""
    for at, values in zip(found.checkpoint, found.differences, strict=True):
        row: dict[str, Any] = {"at": None if found.axis is None else float(at), "mean": float(np.mean(values))}
        try:
            row |= asdict(need(values, effect=effect, level=level, power=power))
        except ValueError as error:
            why = str(error)
            row |= dict.fromkeys(Need.__dataclass_fields__)
        checkpoints.append(row)
    possible = [row for row in checkpoints if row["n"] is not None]
    if not possible:
        raise ValueError(why)
    enough = [row for row in possible if seeds is not None and row["n"] <= seeds]
    return {
        "axis": found.axis,
        "pilot_seeds": found.differences.shape[1],
        "level": level,
        "power": power,
        "effect": effect,
        "seeds": seeds,
        "checkpoints": checkpoints,
        "best": max(possible, key=lambda row: abs(row["d"])),
        "first": enough[0] if enough else None,
    }


def table(answer: Mapping[str, Any]) -> str:
    """The answer for a person: a row a checkpoint, then what to do."""
    axis, seeds = answer["axis"], answer["seeds"]
    rows = [[axis or "", "mean difference", "sd", "effect/sd", "seeds", "95 % interval"]]
    for row in answer["checkpoints"]:
        at = "" if row["at"] is None else count(row["at"])
        rest = ["", "", "not to be planned with", ""] if row["n"] is None else _cells(row)
        rows.append([at, number(row["mean"]), *rest])
    best, first = answer["best"], answer["first"]
    where = "" if axis is None else f" at {axis} {count(best['at'])}"
    lines = [
        f"paired t-test at level {answer['level']:g}, power {answer['power']:g}; pilot of {answer['pilot_seeds']} seeds",
        aligned(rows, right=frozenset({0, 1, 2, 3, 4})),
        f"  Fewest seeds: {count(best['n'])} (interval {_span(best)}){where}, for an effect of {number(best['effect'])}.",
    ]
    if answer["effect"] is None:
        lines.append("  The effect is the pilot's own mean, whose error the interval leaves out; give the smallest effect worth finding.")
    if seeds is not None:
        verdict = (
            "are not enough" if first is None else "are enough" if axis is None else f"are first enough at {axis} {count(first['at'])}"
        )
        lines.append(f"  {count(seeds)} seeds {verdict}.")
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [number(row["sd"]), number(row["d"]), count(row["n"]), _span(row)]


def _span(row: Mapping[str, Any]) -> str:
    return f"{count(row['low'])} to {count(row['high']) if row['high'] < MOST else 'over 1e9'}"
