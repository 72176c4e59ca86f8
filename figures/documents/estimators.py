"""The tables of ``docs/estimators.md``: percentages of intervals that cover, each with its own 95 % interval (Wilson, 1927)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.runs import records
from tsla.empirics.statistics.intervals import share
from tsla.figures import markdown

CHOSEN = "shifted"
"""The rule of the estimators, the only one in all designs. Beside rules the record has sketches, and drawing until an interval is short."""
INDEPENDENT, WITHOUT = "independent", "without replacement"


def tables(folder: Path) -> tuple[str]:
    """Coverage by design, by population, by rule, where drawing stops by itself, and from sketches."""
    record = records.of(folder, "coverage").table
    chosen = record[record["rule"] == CHOSEN]
    designs = {
        f"{examples} in {groups}" + ("" if sampling == INDEPENDENT else ", w/o"): _design(chosen, sampling, examples, groups)
        for sampling, examples, groups in (
            *((INDEPENDENT, 128, 8), (INDEPENDENT, 256, 16), (INDEPENDENT, 512, 16), (INDEPENDENT, 512, 32)),
            *((WITHOUT, 128, 16), (WITHOUT, 256, 16), (WITHOUT, 512, 16), (WITHOUT, 512, 32)),
        )
    }
    same_draws = _design(record, INDEPENDENT, 256, 16)
    until = record[record["rule"].str.startswith("until")]
    populations = {f"{key[0]} {key[1]}": rows for key, rows in designs["512 in 32"].groupby(["network", "epoch"], sort=False)}
    batches = {f"{size[0]} of {size[1]}": rows for size, rows in _of_batches(record).groupby(["groups", "batch_size"])}
    parts = (
        ("Examples and groups (w/o: drawn without replacement)", _table(_quantities(designs, _pooled))),
        ("512 independent examples in 32 groups, by population (network and epoch)", _population_table(populations)),
        ("Batches as the unit, independent ones (number and size)", _table(_quantities(batches, _pooled))),
        ("Rules, on the same draws of 256 in 16 groups", _table(_quantities(_by_rule(same_draws, sketched=False), _pooled))),
        (f"Drawing groups of {_size(until)} until δ and θ* are known to a relative half-width", _until_table(until)),
        ("Sketches, on the same draws of 256 in 16 groups", _sketch_table(same_draws)),
    )
    return (markdown.sections(parts),)


def _design(rows: pd.DataFrame, sampling: str, examples: int, groups: int) -> pd.DataFrame:
    return rows[(rows["sampling"] == sampling) & (rows["examples"] == examples) & (rows["groups"] == groups)]


def _of_batches(record: pd.DataFrame) -> pd.DataFrame:
    rows = record[record["rule"].str.startswith("batch of")]
    return rows.assign(batch_size=rows["rule"].str.split().str[-1].astype(int), groups=rows["groups"].astype(int))


def _quantities(columns: Mapping[str, pd.DataFrame], cell: Callable[[pd.DataFrame], str]) -> dict[str, list[str]]:
    """By column, the cells of all quantities."""
    names = _measured(next(iter(columns.values())))
    cells = {title: [cell(rows[rows["quantity"] == name]) for name in names] for title, rows in columns.items()}
    return {"quantity": [f"`{name}`" for name in names]} | cells


def _measured(rows: pd.DataFrame) -> list[str]:
    return list(rows["quantity"].unique())


def _by_rule(rows: pd.DataFrame, *, sketched: bool) -> dict[str, pd.DataFrame]:
    return {rule: rows[rows["rule"] == rule] for rule in rows["rule"].unique() if rule.startswith("sketch") == sketched}


def _size(until: pd.DataFrame) -> int:
    """Examples of a group, the same everywhere."""
    (size,) = set(np.rint(until["examples"] / until["groups"]))
    return int(size)


def _pooled(rows: pd.DataFrame) -> str:
    """Coverage in all rows together and, where there are several, its range over them.

    All populations have the same examples drawn, so that the trials of several tell no more than one's may.
    """
    if rows.empty:
        return ""
    covered, trials = int(rows["covered"].sum()), int(rows["trials"].sum())
    found = share(round(covered / len(rows)), trials // len(rows))
    pooled = f"{100 * (covered / trials):.1f} ± {50 * (found.high - found.low):.1f}"
    each = 100 * rows["covered"] / rows["trials"]
    return pooled if len(rows) == 1 else f"{pooled} ({each.min():.1f}-{each.max():.1f})"


def _population_table(populations: Mapping[str, pd.DataFrame]) -> str:
    columns = _quantities(populations, _pooled)
    first = ["kurtosis of ‖g_i‖²", *(f"{rows['kurtosis'].iloc[0]:.1f}" for rows in populations.values())]
    return _table({title: [cell, *cells] for cell, (title, cells) in zip(first, columns.items(), strict=True)})


def _until_table(until: pd.DataFrame) -> str:
    names, each = _measured(until), until.assign(population=until["network"] + " " + until["epoch"].astype(str))
    lines = []
    for (population, rule), rows in pd.concat((each, each.assign(population="all"))).groupby(["population", "rule"], sort=False):
        drawn = (f"{rows['examples'].mean():.0f}", f"{100 * rows['given_up'].mean():.0f} %")
        coverages = (_pooled(rows[rows["quantity"] == name]) for name in names)
        lines.append((str(population), str(rule).split()[1], *drawn, *coverages))
    return markdown.table(("population", "until", "examples", "given up", *(f"`{name}`" for name in names)), lines)


def _sketch_table(rows: pd.DataFrame) -> str:
    exact = rows[rows["rule"] == CHOSEN]
    sketched = _by_rule(rows, sketched=True)
    widths = {
        f"width, {rule}": [f"{_width_ratio(of_rule, exact, name):.3f}" for name in _measured(exact)] for rule, of_rule in sketched.items()
    }
    return _table(_quantities({"exact": exact} | sketched, _pooled) | widths)


def _width_ratio(rows: pd.DataFrame, exact: pd.DataFrame, name: str) -> float:
    """Of median half-widths, the median over the populations where they are bounded."""
    widths, exact_widths = (table[table["quantity"] == name]["half_width"].to_numpy() for table in (rows, exact))
    bounded = np.isfinite(widths) & np.isfinite(exact_widths)
    return float(np.median(widths[bounded] / exact_widths[bounded]))


def _table(columns: Mapping[str, list[str]]) -> str:
    return markdown.table(list(columns), zip(*columns.values(), strict=True))
