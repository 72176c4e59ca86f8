"""Losses and accuracy of the training arms, all evaluated without smoothing, and the paired differences at the end."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from tsla.empirics.analysis import difference
from tsla.empirics.statistics import student_t
from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "Training a ResNet on digits with 20 % label noise by plain SGD at one common step size (means of ten paired seeds, 95 % "
    "Student-t bands), everything evaluated without smoothing. TSLA and its control change at the dotted line. Right: test accuracy "
    "at the end, paired difference to plain SGD, and TSLA against its own control. The rates are not tuned for each arm: this "
    "compares methods at one rate."
)
COLUMNS = {"train_loss": "F, noisy training labels", "test_loss": "test loss", "test_accuracy": "test accuracy"}
PAIRS = (("lsr", "sgd"), ("tsla", "sgd"), ("shrink", "sgd"), ("lsr", "shrink"), ("tsla", "shrink-tsla"))


def draw(load: Load) -> Figure:
    """Three curves and a panel of differences."""
    record = load("digits")
    table, config = record.table, record.config["configs"][0]
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.6))
    for ax, (column, title) in zip(axes[:3], COLUMNS.items(), strict=True):
        for method in ("sgd", "lsr", "tsla", "shrink", "shrink-tsla"):
            rows = table[table["method"] == method].pivot_table(index="epoch", columns="seed", values=column)
            epochs = np.asarray(rows.index)
            style.band(ax, epochs, student_t(rows.to_numpy(), axis=1), method=method, label=style.LABELS[method], markevery=5)
        ax.axvline(config["drop"], color="0.4", linestyle=":", linewidth=0.8)
        ax.set(title=title, xlabel="epoch")
    axes[0].set_ylabel("nats (accuracy: fraction)")
    axes[2].legend()
    last = config["epochs"]
    for y, (method, baseline) in enumerate(reversed(PAIRS)):
        interval = difference(table, "test_accuracy", method=method, baseline=baseline, epoch=last)
        points = 100 * np.array([interval.estimate, interval.low, interval.high])
        axes[3].errorbar(points[0], y, xerr=[[points[0] - points[1]], [points[2] - points[0]]], color="black", marker="o")
    axes[3].axvline(0, color="0.4", linewidth=0.8)
    axes[3].set_yticks(range(len(PAIRS)), [f"{a} - {b}" for a, b in reversed(PAIRS)])
    axes[3].set(title=f"accuracy at epoch {last}", xlabel="difference, percentage points")
    return figure
