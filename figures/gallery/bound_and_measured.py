"""Bound and measurement against the number of steps: C4 and C5 on five problems, and the instances that attain them."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.empirics.statistics.intervals import log_log_slope
from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "Mean squared gradient of a random iterate against the number of steps T: bounds (lines) and means over 200 replicas (markers, 95"
    " % Student-t intervals). Left: SGD at the step size that minimises C4 for each T; the slopes are least-squares fits over T ≥ "
    "256, bound then measured. Middle: LSR at η = 1/L, θ = 1/(1+δ), δ = 0.1, whose bound stalls at V(θ) (C6). Right: the instances "
    "that attain the bounds, so that a bound half as large would be refuted."
)
PANELS = (("SGD, bound C4", "sgd"), ("LSR, bound C5", "lsr"), ("attained: (L/2)w², η = 1/L", None))
LOOKS = (("#000000", "-", "o"), ("#0072B2", "--", "^"), ("#D55E00", "-.", "s"), ("#009E73", ":", "D"))


def draw(load: Load) -> Figure:
    """Three panels."""
    table = load("rates").table
    figure, axes = plt.subplots(1, 3, figsize=(11, 4.4))
    for ax, (title, method) in zip(axes, PANELS, strict=True):
        attained = table["instance"] == "attained"
        rows = table[attained if method is None else ~attained & (table["method"] == method)]
        for look, ((instance, name), group) in zip(LOOKS, rows.groupby(["instance", "method"], sort=False), strict=False):
            _curve(ax, group, str(name).upper() if method is None else str(instance), look, slopes=method == "sgd")
        ax.set(title=title, xlabel="steps T", ylabel="", xscale="log", yscale="log")
        style.legend_below(ax, columns=2 if method == "sgd" else 1)
    axes[0].set_ylabel("E‖∇F(w_R)‖²")
    return figure


def _curve(ax: Axes, group: pd.DataFrame, label: str, look: tuple[str, str, str], *, slopes: bool) -> None:
    color, line, marker = look
    if slopes:
        late = group[group["T"] >= 256].groupby("T")[["bound", "mean_grad2"]].mean()
        label += "\n  slopes " + ", ".join(f"{float(log_log_slope(late.index, late[y]).estimate):.2f}" for y in late)
    shared: dict[str, Any] = {"data": group, "x": "T", "color": color, "legend": False, "ax": ax} | style.MARKERS
    sns.lineplot(y="bound", errorbar=None, linestyle=line, **shared)
    sns.lineplot(y="mean_grad2", errorbar=style.students, err_style="bars", linestyle="none", marker=marker, label=label, **shared)
