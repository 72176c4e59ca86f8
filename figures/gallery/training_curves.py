"""Losses and accuracy of the training arms, all evaluated without smoothing, and their paired differences."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from tsla.figures import style
from tsla.figures.digits import differences
from tsla.figures.gallery import Load
from tsla.figures.intervals import interval, means

CAPTION = (
    "Training a ResNet on digits with 20 % label noise by plain SGD at one common step size (ten paired seeds), everything evaluated "
    "without smoothing. Above: means over the seeds. TSLA and its control, plain SGD with step (1-θ)η and then η, are drawn from the "
    "dotted line on, where they change; before it they are LSR and its control. Middle: LSR and TSLA less plain SGD, paired by seed, 95 % "
    "Student-t bands. Below: the same less their controls. "
    "The step sizes are not tuned for each arm: this compares methods at one step size."
)
COLUMNS = {"train_loss": "F, noisy training labels", "test_loss": "test loss", "test_accuracy": "test accuracy"}
UNITS = {"train_loss": ("nats", 1), "test_loss": ("nats", 1), "test_accuracy": ("%", 100)}
"""Of an outcome, and how many of it are 1."""
ROWS = {"nothing": "mean", "sgd": "less SGD", "control": "less step (1-θ)η"}
"""What is taken off in each row of panels."""
CONTROLS = {"lsr": "shrink", "tsla": "shrink-tsla"}
ARMS = ("sgd", *CONTROLS, *CONTROLS.values())


def numbers(load: Load) -> pd.DataFrame:
    """A row an outcome, arm, row of panels and epoch, in the units drawn; ``drop`` is where TSLA changes."""
    record = load("digits")
    table, drop = record.table, record.config["configs"][0]["drop"]
    found = []
    for column, (_, scale) in UNITS.items():
        scaled = table.assign(**{column: scale * table[column]})
        found.append(means(scaled[scaled["method"].isin(ARMS)], ["method", "epoch"], column).assign(outcome=column, less="nothing"))
        for less, baselines in (("sgd", dict.fromkeys(CONTROLS, "sgd")), ("control", CONTROLS)):
            for method, baseline in baselines.items():
                pairs = [
                    {"method": method, "epoch": epoch}
                    | interval(differences(scaled, column, method=method, baseline=baseline, epoch=epoch))
                    for epoch in sorted(table["epoch"].unique())
                ]
                found.append(pd.DataFrame(pairs).assign(outcome=column, less=less))
    rows = pd.concat(found, ignore_index=True).assign(drop=drop)
    return rows.query("~method.str.endswith('tsla') | epoch >= drop").reset_index(drop=True)


def finding(numbers: pd.DataFrame) -> str:
    """Test accuracy at the end, less plain SGD's."""
    last = numbers[(numbers["outcome"] == "test_accuracy") & (numbers["less"] == "sgd") & (numbers["epoch"] == numbers["epoch"].max())]
    said = [f"{style.LABELS[row.method]} {row.mean:+.1f} [{row.low:+.1f}, {row.high:+.1f}]" for row in last.itertuples(index=False)]
    return f"Test accuracy at the end, less plain SGD's, in points: {', '.join(said)}"


def draw(numbers: pd.DataFrame) -> Figure:
    """Three rows of three panels."""
    figure, axes = plt.subplots(len(ROWS), len(COLUMNS), figsize=(style.PAGE, 5.6), sharex=True)
    for row, (less, name) in zip(axes, ROWS.items(), strict=True):
        paired = less != "nothing"
        for ax, (column, title) in zip(row, COLUMNS.items(), strict=True):
            rows = numbers[(numbers["less"] == less) & (numbers["outcome"] == column)]
            better = style.HIGHER if column == "test_accuracy" else style.LOWER
            ax.set(ylabel=f"{UNITS[column][0]}  {better}", title=name if paired else f"{title}\n{name}")
            ax.axvline(numbers["drop"].iloc[0], color="0.4", linestyle=":", linewidth=0.8)
            if paired:
                ax.axhline(0, color="0.4", linewidth=0.8)
            for method, of_method in rows.groupby("method", sort=False):
                look: dict[str, Any] = style.METHODS[str(method)] | {
                    "label": style.LABELS[str(method)].removeprefix("SGD, "),
                    "markevery": 5,
                }
                if paired:
                    style.band(ax, of_method, "epoch", **look)
                else:
                    ax.plot(of_method["epoch"], of_method["mean"], **look)
        style.label_ends(row[-1])
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    return figure
