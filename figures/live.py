"""What the report ran itself, beside the records: a figure, two tables, and what they say."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from tsla.empirics.runs.records import Record
from tsla.figures import style
from tsla.figures.digits import apart
from tsla.figures.gallery.training_curves import COLUMNS

CAPTION = (
    "One seed of each arm, trained when this page was made (lines), over the record of digits: means of its ten seeds (thin lines) and "
    "their range (bands). Everything is evaluated without smoothing."
)
KEYS = ("method", "seed", "epoch")
Rows = list[list[str]]
"""Of a table, its head first."""


def draw(record: Record, live: Record) -> Figure:
    """A grid: outcomes by arms."""
    arms = list(live.table["method"].unique())
    figure, axes = plt.subplots(len(COLUMNS), len(arms), figsize=(13, 6.5), sharex=True, sharey="row")
    for (row, (outcome, title)), (column, method) in product(enumerate(COLUMNS.items()), enumerate(arms)):
        ax = axes[row, column]
        recorded, fresh = (of.table[of.table["method"] == method].groupby("epoch")[outcome] for of in (record, live))
        look = style.METHODS[method]
        range_ = recorded.agg(mean="mean", low="min", high="max").reset_index()
        style.band(ax, range_, "epoch", **look | {"linewidth": 0.7, "marker": None})
        ax.plot(fresh.mean(), markevery=5, **look)
        ax.set(title="" if row else style.LABELS[method], ylabel=title, xlabel="epoch")
    return figure


def comparison(record: Record, live: Record) -> str:
    """Whether the live rows are those of the record."""
    seeds = ", ".join(map(str, live.table["seed"].unique()))
    return f"The {len(live.table)} live rows of seed {seeds} and those of the record: {apart(live.table, record.table, KEYS)}."


def plans(live: Record) -> Rows:
    """A row a method: what the bound of its plan promises, and what was measured."""
    head = ["method", "claim", "samples of the plan", "promised, ε²", "measured E‖∇F‖²"]
    body = [
        (row.method, row.claim, f"{row.samples:,}", f"{row.bound:.3g}", f"{row.measured:.3g} [{row.low:.3g}, {row.high:.3g}]")
        for row in live.table.itertuples()
    ]
    return [head, *([str(cell) for cell in row] for row in body)]


def rechecked(live: Record) -> Rows:
    """A row a part of a record that was made again: how far it is from the record, and why it is current or not.

    Without the seconds that it took: a report that is made twice says the same twice.
    """
    head = ["record", "part", "current", "apart", "allowed", "reason"]
    body = [
        (
            row.record,
            row.part,
            "yes" if row.current else "no",
            *map("{:.2g}".format, (row.difference, row.tolerance)),
            row.reason,
        )
        for row in live.table.itertuples()
    ]
    return [head, *([str(cell) for cell in row] for row in body)]
