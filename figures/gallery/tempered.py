"""Test loss as it is and at the best temperature, with the calibration error: what is left of smoothing's harm and benefit."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.experiments.study.settings import CONFIRMATORY, EPOCHS, TEMPERING
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.figures.intervals import interval

CAPTION = (
    "The study's clean settings after 20 epochs, less training without smoothing, each arm as it was tuned for test loss; paired by seed "
    "(ten seeds), 95 % Student-t intervals. Left: log test loss as it is. Middle: log test loss at the best temperature, one "
    "number that all logits are divided by. Right: expected calibration error as it is, in points. Where a loss is worse on the left "
    "and not in the middle, smoothing only held the confidence down. Exploratory: the comparison was thought of after the first round."
)
PANELS = {"test_loss": "log test loss", "tempered": "log test loss, best temperature", "test_ece": "calibration error, points"}
FAMILIES = ("lsr", "tsla")
"""Of the arms that are compared with none: smoothed to the end, and dropped."""


def numbers(load: Load) -> pd.DataFrame:
    """A row a setting, method and outcome: the mean paired difference to training without smoothing."""
    last = _with_calibration(load)
    rows = []
    for setting, of_setting in last.groupby("setting", sort=False):
        arms = {str(arm).split("-")[0]: runs.set_index("seed").sort_index() for arm, runs in of_setting.groupby("arm")}
        for method in FAMILIES:
            for outcome in PANELS:
                less = (arms[method][outcome] - arms["none"][outcome]).to_numpy()
                rows.append({"setting": setting, "method": method, "outcome": outcome} | interval(less))
    return pd.DataFrame(rows)


def _with_calibration(load: Load) -> pd.DataFrame:
    """The last epoch of each run, losses as logarithms; the calibration error is that of the same run in the record of the study."""
    tempered, study = (record.table[record.table["epoch"] == EPOCHS] for record in map(load, (TEMPERING, CONFIRMATORY)))
    run = ["setting", "arm", "seed", "step"]
    a, b = (rows.assign(step=rows["eta"].round(6)) for rows in (tempered, study))
    both = a.merge(b[[*run, "test_ece"]], on=run, validate="one_to_one")
    return both.assign(test_loss=np.log(both["test_loss"]), tempered=np.log(both["tempered"]), test_ece=100 * both["test_ece"])


def finding(numbers: pd.DataFrame) -> str:
    """On how many settings smoothing to the end is worse, as it is and at the best temperature."""
    lsr = numbers[numbers["method"] == "lsr"]
    worse, better = ((lsr[end] * sign > 0).groupby(lsr["outcome"]).sum() for end, sign in (("low", 1), ("high", -1)))
    settings = lsr["setting"].nunique()
    return (
        f"Smoothed to the end, the test loss is worse than without smoothing on {worse['test_loss']} of {settings} settings; at the best "
        f"temperature on {worse['tempered']}, and better on {better['tempered']}"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """Three panels, a line a setting and method."""
    lines = numbers[["setting", "method"]].drop_duplicates()
    places = {(str(setting), str(method)): place for place, (setting, method) in enumerate(lines.to_numpy())}
    figure, axes = plt.subplots(1, len(PANELS), figsize=(style.PAGE, 0.26 * len(lines) + 1), sharey=True)
    for ax, (outcome, title) in zip(axes, PANELS.items(), strict=True):
        ax.axvline(0, color="0.4", linewidth=0.8)
        for method, rows in numbers[numbers["outcome"] == outcome].groupby("method"):
            place = [places[setting, str(method)] for setting in rows["setting"]]
            look = style.METHODS[str(method)]
            style.bars(ax, rows.assign(place=place), "mean", "place", color=look["color"], marker=look["marker"])
        ax.set(title=title, xlabel="less none  (← better)")
    axes[0].set_yticks(list(places.values()), [f"{setting.split(',')[1].strip()}, {style.LABELS[method]}" for setting, method in places])
    axes[0].invert_yaxis()
    axes[0].margins(y=0.12)
    return figure
