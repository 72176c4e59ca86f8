"""Losses and accuracy of the training arms, all evaluated without smoothing, and the paired differences at the end."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.figures import style
from tsla.figures.digits import differences
from tsla.figures.gallery import Load

CAPTION = (
    "Training a ResNet on digits with 20 % label noise by plain SGD at one common step size (means of ten paired seeds, 95 % "
    "Student-t bands), everything evaluated without smoothing: the methods of the paper above, below the controls that take the step "
    "(1-θ)η where those smooth. TSLA and its control change at the dotted line. Right: test accuracy at the end, paired differences. "
    "The step sizes are not tuned for each arm: this compares methods at one step size."
)
COLUMNS = {"train_loss": "F, noisy training labels", "test_loss": "test loss", "test_accuracy": "test accuracy"}
ROWS = {  # the methods of a row, and the pairs that are compared at its end
    ("sgd", "lsr", "tsla"): (("lsr", "sgd"), ("tsla", "sgd")),
    ("sgd", "shrink", "shrink-tsla"): (("shrink", "sgd"), ("lsr", "shrink"), ("tsla", "shrink-tsla")),
}


def draw(load: Load) -> Figure:
    """Two rows of three curves and a panel of differences."""
    record = load("digits")
    table, config = record.table, record.config["configs"][0]
    figure, axes = plt.subplots(len(ROWS), len(COLUMNS) + 1, figsize=(13, 6), sharex="col")
    for row, (methods, pairs) in zip(axes, ROWS.items(), strict=True):
        for ax, (column, title) in zip(row, COLUMNS.items(), strict=False):
            for method in methods:
                of_method = table[table["method"] == method]
                style.band(ax, of_method, "epoch", column, method=method, label=style.LABELS[method], markevery=5)
            ax.axvline(config["drop"], color="0.4", linestyle=":", linewidth=0.8)
            ax.set(title=title, ylabel="")
        row[0].set_ylabel("nats (accuracy: fraction)")
        row[2].legend()
        _differences(row[3], table, pairs, config["epochs"])
    return figure


def _differences(ax: Axes, table: pd.DataFrame, pairs: tuple[tuple[str, str], ...], epoch: int) -> None:
    points = {f"{a} - {b}": 100 * differences(table, "test_accuracy", method=a, baseline=b, epoch=epoch) for a, b in pairs}
    look: dict[str, Any] = {"linestyle": "none", "color": "black", "markersize": 4, "err_kws": {"linewidth": 1.5}}
    sns.pointplot(pd.DataFrame(points), orient="h", errorbar=style.students, ax=ax, **look)
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set(title=f"accuracy at epoch {epoch}", xlabel="difference, percentage points")
