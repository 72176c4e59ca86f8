"""Bound and measurement against the number of steps: C4 and C5 on five problems, and the instances that attain them."""

from __future__ import annotations

from itertools import cycle

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.empirics.statistics.intervals import log_log_slope
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.figures.intervals import means

CAPTION = (
    "Mean squared gradient of a random iterate against the number of steps T: bounds (lines) and means over 200 replicas (markers, 95"
    " % Student-t intervals). Above: SGD at the step size that minimises C4 for each T; the slopes are least-squares fits over T ≥ "
    "256, bound then measured. Left: LSR at η = 1/L, θ = 1/(1+δ), δ = 0.1, whose bound stalls at V(θ) (C6). Right: the instances "
    "that attain the bounds, (L/2)w² at η = 1/L, so that a bound half as large would be refuted."
)
PANELS = {"sgd": "SGD, bound C4; slopes of bound and measured", "lsr": "LSR, bound C5", "attained": "instances that attain them"}
LATE = 256
"""The slopes are fitted from here on."""


def numbers(load: Load) -> pd.DataFrame:
    """A row a curve and T: the bound, and the mean measured with its interval."""
    found = means(load("rates").table, ["instance", "method", "T", "bound"], "mean_grad2")
    return found.assign(panel=found["method"].where(found["instance"] != "attained", "attained"))


def finding(numbers: pd.DataFrame) -> str:
    """How near the means come to the bounds."""
    ratio = numbers["mean"] / numbers["bound"]
    attained = numbers["panel"] == "attained"
    return (
        f"Runs reach {ratio[~attained].min():.2f} to {ratio[~attained].max():.2f} of their bounds, and "
        f"{ratio[attained].min():.2f} to {ratio[attained].max():.2f} on the instances that attain them"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """Three panels."""
    figure, axes = plt.subplot_mosaic([["sgd", "sgd"], ["lsr", "attained"]], figsize=(style.PAGE, 4.8))
    for panel, title in PANELS.items():
        ax = axes[panel]
        curves = numbers[numbers["panel"] == panel].groupby(["instance", "method"], sort=False)
        for look, ((instance, method), rows) in zip(cycle(style.LINES), curves, strict=False):
            label = style.LABELS[str(method)] if panel == "attained" else str(instance)
            _curve(ax, rows, label + (_slopes(rows) if panel == "sgd" else ""), look | {"color": style.METHODS[str(method)]["color"]})
        ax.set(title=title, xlabel="steps T", ylabel=f"E‖∇F(w_R)‖²\n{style.LOWER}", xscale="log", yscale="log")
        style.label_ends(ax)
    return figure


def _curve(ax: Axes, rows: pd.DataFrame, label: str, look: dict[str, str]) -> None:
    ax.plot(rows["T"], rows["bound"], color=look["color"], linestyle=look["linestyle"], label=label)
    style.bars(ax, rows, "T", "mean", color=look["color"], marker=look["marker"])


def _slopes(rows: pd.DataFrame) -> str:
    late = rows[rows["T"] >= LATE]
    return ": " + ", ".join(f"{log_log_slope(late['T'], late[of]):.2f}" for of in ("bound", "mean"))
