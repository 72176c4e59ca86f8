"""Outcomes against the epoch from which smoothing is dropped, with step sizes tuned for each: E3 and E4 of the study."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.empirics.experiments.study.drops import LINES, SETTINGS, less_none
from tsla.empirics.experiments.study.outcomes import OUTCOMES, summary
from tsla.empirics.experiments.study.settings import CONFIRMATORY, EPOCHS, TUNING
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.figures.intervals import interval

CAPTION = (
    "The study's primary settings of the MLP, one a column: log F, log test loss and test accuracy after 20 epochs of TSLA(s), less "
    "those of training without smoothing, against the epoch s from which smoothing is dropped. Smoothing that is never dropped stands "
    "apart on the right. The step size is tuned for each s and outcome on other seeds; paired by seed, 95 % Student-t bands, each of "
    "them for one s alone. A benefit that has a best s inside the run (E4) would be a dip (losses) or a bump (accuracy). "
    "All of it is of these settings alone: MLP-64 on digits and Fashion-MNIST, 20 and 40 % wrong labels; 1,000 examples, 20 epochs, "
    "batches of 16, SGD with momentum 0 and weight decay 0, constant step size."
)
ROWS = {"loss": "log F", "test loss": "log test loss", "accuracy": "test accuracy"}
LOOKS = {0.1: style.SHADES[1], 0.3: style.SHADES[0]}
"""Of a strength."""
NEVER = EPOCHS + 3
"""Where smoothing that is never dropped is drawn."""


def numbers(load: Load) -> pd.DataFrame:
    """A row a setting, outcome, strength and drop, with the mean paired difference; ``drop`` is EPOCHS where it is never dropped."""
    tuning, runs = load(TUNING).table, summary(load(CONFIRMATORY).table)
    return pd.DataFrame([row for line in LINES for row in _less_none(tuning, runs, *line)])


def _less_none(tuning: pd.DataFrame, runs: pd.DataFrame, setting: str, outcome: str, theta: float) -> list[dict[str, object]]:
    found = less_none(tuning, runs, setting, outcome, theta)
    key: dict[str, object] = {"setting": setting, "outcome": outcome, "theta": theta}
    return [{**key, "drop": drop, **interval(found[drop])} for drop in sorted(found)]


def finding(numbers: pd.DataFrame) -> str:
    """In how many panels and strengths some drop beats training without smoothing."""
    inside = numbers[numbers["drop"] < EPOCHS]
    said = []
    for outcome, label in ROWS.items():
        rows = inside[inside["outcome"] == outcome]
        better = (rows["low"] > 0) if OUTCOMES[outcome].higher_is_better else (rows["high"] < 0)
        of_line = better.groupby([rows["setting"], rows["theta"]]).any()
        said.append(f"{label} in {of_line.sum()} of {len(of_line)} lines")
    return f"Some drop inside the run beats no smoothing, by its own 95 % interval: {', '.join(said)}"


def draw(numbers: pd.DataFrame) -> Figure:
    """A grid: outcomes by primary settings."""
    figure, axes = plt.subplots(len(ROWS), len(SETTINGS), figsize=(style.PAGE, 5.4), sharex=True)
    for (row, (outcome, label)), (column, setting) in product(enumerate(ROWS.items()), enumerate(SETTINGS)):
        ax = axes[row, column]
        _panel(ax, numbers[(numbers["setting"] == setting) & (numbers["outcome"] == outcome)])
        better = style.HIGHER if OUTCOMES[outcome].higher_is_better else style.LOWER
        ax.set(ylabel="" if column else f"{label}, less none\n{better}", title="" if row else setting)
    for ax in axes[-1]:
        ax.set(xlabel="s, epoch of the drop")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    ax.axhline(0, color="0.4", linewidth=0.8)
    for theta, look in LOOKS.items():
        of_theta = rows[rows["theta"] == theta]
        dropped, never = of_theta[of_theta["drop"] < EPOCHS], of_theta[of_theta["drop"] == EPOCHS]
        style.band(ax, dropped, "drop", **look, label=f"θ = {theta}")
        style.bars(ax, never.assign(drop=NEVER), "drop", "mean", color=look["color"], marker=look["marker"])
    ax.set_xticks([0, EPOCHS // 4, EPOCHS // 2, 3 * EPOCHS // 4, NEVER], ["0", *(str(k * EPOCHS // 4) for k in (1, 2, 3)), "never"])
