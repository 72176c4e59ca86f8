"""The tables of ``docs/estimators.md``: ``python -m tsla.empirics.experiments.interval_coverage.document`` writes them from the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from tsla.empirics.experiments.interval_coverage.experiment import UNTIL_NAMES, UNTIL_SIZE
from tsla.empirics.experiments.interval_coverage.rules import CHOSEN, MEASURED, RULES
from tsla.empirics.moments.estimators.spread import LEVEL
from tsla.empirics.runs import markdown, records

DOCUMENT = Path("docs/estimators.md")
BEGIN, END = "<!-- written by python -m tsla.empirics.experiments.interval_coverage.document -->", "<!-- end -->"
INDEPENDENT, WITHOUT = "independent", "without replacement"


def tables(record: pd.DataFrame) -> str:
    """The record as Markdown: percentages of intervals that cover, each with its own 95 % interval (Wilson, 1927)."""
    chosen = record[record["rule"] == CHOSEN]
    designs = {
        f"{examples} in {groups}" + ("" if sampling == INDEPENDENT else ", w/o"): _design(chosen, sampling, examples, groups)
        for sampling, examples, groups in (
            *((INDEPENDENT, 128, 8), (INDEPENDENT, 256, 16), (INDEPENDENT, 512, 16), (INDEPENDENT, 512, 32)),
            *((WITHOUT, 256, 16), (WITHOUT, 512, 16), (WITHOUT, 512, 32)),
        )
    }
    same_draws = _design(record, INDEPENDENT, 256, 16)
    by_rule = {rule: same_draws[same_draws["rule"] == rule] for rule in RULES}
    populations = {f"{key[0]} {key[1]}": rows for key, rows in designs["512 in 32"].groupby(["network", "epoch"], sort=False)}
    parts = (
        ("Examples and groups (w/o: drawn without replacement)", _table("quantity", _quantities(designs, _pooled))),
        ("512 independent examples in 32 groups, by population (network and epoch)", _population_table(populations)),
        ("Rules, on the same draws of 256 in 16 groups", _table("quantity", _quantities(by_rule, _pooled))),
        (f"Drawing groups of {UNTIL_SIZE} until δ and θ* are known to a relative half-width", _until_table(record)),
        ("Sketches, on the same draws of 256 in 16 groups", _sketch_table(same_draws)),
    )
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def _design(rows: pd.DataFrame, sampling: str, examples: int, groups: int) -> pd.DataFrame:
    return rows[(rows["sampling"] == sampling) & (rows["examples"] == examples) & (rows["groups"] == groups)]


def _quantities(columns: Mapping[str, pd.DataFrame], cell: Callable[[pd.DataFrame], str]) -> dict[str, list[str]]:
    """By column, the cells of all quantities."""
    names = {"quantity": [f"`{name}`" for name in MEASURED]}
    return names | {title: [cell(rows[rows["quantity"] == name]) for name in MEASURED] for title, rows in columns.items()}


def _pooled(rows: pd.DataFrame) -> str:
    """Coverage in all rows together and, where there are several, its range over them."""
    if rows.empty:
        return ""
    covered, trials = int(rows["covered"].sum()), int(rows["trials"].sum())
    ends = stats.binomtest(covered, trials).proportion_ci(LEVEL, method="wilson")
    pooled = f"{100 * covered / trials:.1f} ± {50 * (ends.high - ends.low):.1f}"
    each = 100 * rows["covered"] / rows["trials"]
    return pooled if len(rows) == 1 else f"{pooled} ({each.min():.1f}-{each.max():.1f})"


def _population_table(populations: Mapping[str, pd.DataFrame]) -> str:
    columns = _quantities(populations, _pooled)
    first = ["kurtosis of ‖g_i‖²", *(f"{rows['kurtosis'].iloc[0]:.1f}" for rows in populations.values())]
    return _table("quantity", {title: [cell, *cells] for cell, (title, cells) in zip(first, columns.items(), strict=True)})


def _until_table(record: pd.DataFrame) -> str:
    columns: dict[str, list[str]] = {"population": [], "until": [], "examples": [], "given up": [], "`delta`": [], "`theta_star`": []}
    until = record[record["rule"].str.startswith("until")].assign(population=lambda rows: rows["network"] + " " + rows["epoch"].astype(str))
    for (population, rule), rows in pd.concat((until, until.assign(population="all"))).groupby(["population", "rule"], sort=False):
        cells = (str(population), str(rule).split()[1], f"{rows['examples'].mean():.0f}", f"{100 * rows['given_up'].mean():.0f} %")
        coverages = (_pooled(rows[rows["quantity"] == name]) for name in UNTIL_NAMES)
        for column, value in zip(columns.values(), (*cells, *coverages), strict=True):
            column.append(value)
    return _table("population", columns)


def _sketch_table(rows: pd.DataFrame) -> str:
    exact = rows[rows["rule"] == CHOSEN]
    sketched = {rule: rows[rows["rule"] == rule] for rule in rows["rule"].unique() if rule.startswith("sketch")}
    widths = {f"width, {rule}": [f"{_width_ratio(table, exact, name):.3f}" for name in MEASURED] for rule, table in sketched.items()}
    return _table("quantity", _quantities({"exact": exact} | sketched, _pooled) | widths)


def _width_ratio(rows: pd.DataFrame, exact: pd.DataFrame, name: str) -> float:
    """Of median half-widths, the median over the populations where they are bounded."""
    widths, exact_widths = (table[table["quantity"] == name]["half_width"].to_numpy() for table in (rows, exact))
    bounded = np.isfinite(widths) & np.isfinite(exact_widths)
    return float(np.median(widths[bounded] / exact_widths[bounded]))


def _table(first: str, columns: Mapping[str, list[str]]) -> str:
    titles = [first, *(title for title in columns if title != first)]
    return markdown.table(titles, zip(*(columns[title] for title in titles), strict=True))


def with_tables(document: str, record: pd.DataFrame) -> str:
    """The document with the tables of this record. Raises ValueError where it has no place for them."""
    before, after = markdown.around(document, BEGIN, END)
    return f"{before}{tables(record)}{after}"


if __name__ == "__main__":
    found = records.read(records.FOLDER / "coverage.parquet").table
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8"), found), encoding="utf-8")
