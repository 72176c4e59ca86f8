"""δ(t) along training, beside the δ that the zero vector has, and the variance ratio beside its shrinkage control."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.analysis import measured
from tsla.empirics.statistics import Interval, student_t
from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "Along training (digits, 20 % label noise, ten paired seeds, 95 % Student-t bands). Left: δ = ŝ²/s² on the path of plain SGD and "
    "of LSR, and δ0 = ‖∇F‖²/s², the δ of the zero vector (C17): δ < 1 is what the paper asks for, and δ far above δ0 means that ŷ "
    "tells nothing that zero doesn't, unless through the covariance. Middle: second moment of the smoothed batch direction over that "
    "of the plain one, and the same ratio for plain SGD with step (1-θ)η. Right: their difference; below 0 smoothing does more than "
    "shrink."
)


def draw(load: Load) -> Figure:
    """Three panels, against epochs."""
    record = load("digits")
    config = record.config["configs"][0]
    rows = measured(record.table, theta=config["theta"], batch_size=config["batch_size"])
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 4.6))
    for method in ("sgd", "lsr"):
        path = f"on the path of {style.LABELS[method]}"
        _line(axes[0], rows, "delta", method, f"δ, {path}")
        _line(axes[0], rows, "delta0", method, f"δ0, {path}", alpha=0.45)
        _line(axes[1], rows, "ratio", method, f"smoothed, {path}")
        _line(axes[1], rows, "shrink_ratio", method, f"step (1-θ)η, {path}", alpha=0.45)
        _line(axes[2], rows, "beyond", method, path)
    axes[0].set(title="δ of single examples", yscale="log")
    axes[1].set(title=f"variance ratio, B = {config['batch_size']}, θ = {config['theta']}")
    axes[2].set(title="beyond shrinking (smoothed less control)")
    for ax, neutral in zip(axes, (1, 1, 0), strict=True):
        ax.axhline(neutral, color="0.4", linewidth=0.8)
        ax.set_xlabel("epoch")
        style.legend_below(ax)
    return figure


def _line(ax: Any, rows: pd.DataFrame, column: str, method: str, label: str, **options: Any) -> None:
    table = rows[rows["method"] == method].pivot_table(index="epoch", columns="seed", values=column)
    interval: Interval = student_t(table.to_numpy(), axis=1)
    style.band(ax, np.asarray(table.index), interval, method=method, label=label, **options)
