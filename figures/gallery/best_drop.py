"""Outcomes against the epoch from which smoothing is dropped, with step sizes tuned for each: E3 and E4 of the study."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.experiments.study.outcomes import differences, summary, tuned
from tsla.empirics.experiments.study.settings import CONFIRMATORY, EPOCHS, PRIMARY, TUNING, WHOLE
from tsla.figures import style
from tsla.figures.gallery import Load

SETTINGS = [name for name in PRIMARY if name in WHOLE]
CAPTION = (
    "The study's primary settings of the MLP, one a column: log F, log test loss and test accuracy after 20 epochs of TSLA(s), less "
    "those of training without smoothing, against the epoch s from which smoothing is dropped (0: never smoothed, 20: never dropped). "
    "The step size is tuned for each s and outcome on other seeds; paired by seed, 95 % Student-t bands. A benefit that has a best s "
    "inside the run (E4) would be a dip (losses) or a bump (accuracy). "
    "All of it is of these settings alone: MLP-64 on digits and Fashion-MNIST, 20 and 40 % wrong labels; 1,000 examples, 20 epochs, "
    "batches of 16, SGD with momentum 0 and weight decay 0, constant step size."
)
ROWS = {"loss": "log F", "test loss": "log test loss", "accuracy": "test accuracy"}
LOOKS = {"0.1": "tsla", "0.3": "lsr"}


def draw(load: Load) -> Figure:
    """A grid: outcomes by primary settings."""
    tuning, runs = load(TUNING).table, summary(load(CONFIRMATORY).table)
    figure, axes = plt.subplots(len(ROWS), len(SETTINGS), figsize=(12, 7), sharex=True)
    for (row, (outcome, label)), (column, setting) in product(enumerate(ROWS.items()), enumerate(SETTINGS)):
        ax = axes[row, column]
        ax.axhline(0, color="0.4", linewidth=0.8)
        for theta, look in LOOKS.items():
            style.band(ax, _less_none(tuning, runs, setting, outcome, theta), "drop", "difference", method=look, label=f"θ = {theta}")
        ax.set(ylabel="" if column else f"{label}, less none", xlabel="s, the epoch of the drop", title="" if row else setting)
    axes[0, 0].legend(loc="upper left")
    return figure


def _less_none(tuning: pd.DataFrame, runs: pd.DataFrame, setting: str, outcome: str, theta: str) -> pd.DataFrame:
    """The paired differences to training without smoothing, a row a drop and seed."""
    none = tuned(tuning, setting, "none", outcome)
    arms = [arm for arm in tuning.loc[tuning["setting"] == setting, "arm"].unique() if arm.startswith((f"tsla-{theta}-", f"lsr-{theta}"))]
    named = {_drop(arm): differences(runs, setting, tuned(tuning, setting, arm, outcome), none, outcome) for arm in arms}
    return pd.concat([pd.DataFrame({"drop": drop, "difference": found}) for drop, found in ({0: np.zeros(2)} | named).items()])


def _drop(arm: str) -> int:
    return EPOCHS if arm.startswith("lsr") else int(arm.rsplit("-", 1)[1])
