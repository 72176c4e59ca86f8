"""Measured rates: the exponents of the samples needed against the target ε, beside those that C9 and C15 predict."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "The exponent r of the 1/ε^r samples until the mean over the replicas is at most ε², fitted over the targets of a run; a line a "
    "problem. Filled markers: the theorem's own quantity, a random iterate of the plan's last stage (95 % bootstrap intervals). Open "
    "markers: a single iterate. Ticks: the lengths of the plans at the same targets. Vertical line: the exponent predicted for small ε. "
    "Where open markers are left of filled ones, the rate is that of averaging over the way there."
)
PANELS = (
    ("SGD (C4)", "sgd", 0.0),
    ("SGD, PL-aware (C15b)", "sgd-pl", 0.0),
    ("LSR, δ ∝ ε² (C5)", "lsr", 2.0),
    ("TSLA, δ ∝ ε (C8)", "tsla", 1.0),
    ("TSLA, δ ∝ ε² (C8)", "tsla", 2.0),
    ("TSLA, δ ∝ ε³ (C8)", "tsla", 3.0),
)
NEAR = 0.2
"""So far from the prediction is still called near it."""


def numbers(load: Load) -> pd.DataFrame:
    """A row a panel and problem: the exponents predicted, planned, and measured at a random and at a single iterate."""
    table = load("measured_rates").table
    drawn = pd.DataFrame([{"method": method, "q": q} for _, method, q in PANELS])
    columns = [f"{which}{end}" for which in ("exponent", "single_exponent") for end in ("", "_low", "_high")]
    first = table.merge(drawn).drop_duplicates(["method", "q", "problem"])
    return first[["method", "q", "problem", "predicted", "planned_exponent", *columns]].reset_index(drop=True)


def finding(numbers: pd.DataFrame) -> str:
    """How many exponents are those that were predicted."""
    near = {which: (numbers[which] - numbers["predicted"]).abs().le(NEAR).sum() for which in ("exponent", "single_exponent")}
    return (
        f"The exponent is within {NEAR:g} of the predicted one in {near['exponent']} of {len(numbers)} runs at a random iterate, "
        f"and in {near['single_exponent']} at a single one"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """Six panels: a method and a row of C9 each, a line a problem."""
    problems = list(numbers["problem"].unique())
    figure, axes = plt.subplots(2, 3, figsize=(style.PAGE, 3.6), sharey=True)
    for ax, (title, method, q) in zip(axes.flat, PANELS, strict=True):
        rows = numbers[(numbers["method"] == method) & (numbers["q"] == q)]
        _panel(ax, rows.assign(place=rows["problem"].map(problems.index)), style.METHODS[method])
        ax.set(title=title, xlabel="exponent r  (← better)", xlim=(-0.4, 4.4))
    axes[0, 0].set_yticks(range(len(problems)), problems)
    axes[0, 0].invert_yaxis()
    axes[0, 0].margins(y=0.12)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, method: dict[str, str]) -> None:
    look = {"color": method["color"], "marker": method["marker"]}
    for predicted in rows["predicted"].unique():
        ax.axvline(predicted, color="0.4", linewidth=0.8, label="predicted")
    ax.plot(rows["planned_exponent"], rows["place"], color="0.4", marker="|", markersize=9, linestyle="none", label="plan")
    for which, name, face in (("exponent", "random iterate", look["color"]), ("single_exponent", "single iterate", "white")):
        ends = rows.rename(columns={which: "mean", f"{which}_low": "low", f"{which}_high": "high"})
        style.bars(ax, ends, "mean", "place", **look, markerfacecolor=face, label=name)
