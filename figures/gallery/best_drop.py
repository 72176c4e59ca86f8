"""Outcomes against the epoch from which smoothing is dropped, with step sizes tuned for each: E3 and E4 of the study."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.statistics import Interval, student_t
from tsla.empirics.study.outcomes import differences, summary, tuned
from tsla.empirics.study.scope import scope
from tsla.empirics.study.settings import CONFIRMATORY, EPOCHS, EVERY, PRIMARY, TUNING, WHOLE
from tsla.figures import style
from tsla.figures.gallery import Load

SETTINGS = [name for name in PRIMARY if name in WHOLE]
CAPTION = (
    "The study's primary settings of the MLP, one a column: log F, log test loss and test accuracy after 20 epochs of TSLA(s), less "
    "those of training without smoothing, against the epoch s from which smoothing is dropped (0: never smoothed, 20: never dropped). "
    "The step size is tuned for each s and outcome on other seeds; paired by seed, 95 % Student-t bands. A benefit that has a best s "
    "inside the run (E4) would be a dip (losses) or a bump (accuracy). "
    f"All of it is of these settings alone: {scope([EVERY[name] for name in SETTINGS])}."
)
ROWS = {"loss": "log F", "test loss": "log test loss", "accuracy": "test accuracy"}
LOOKS = {"0.1": "tsla", "0.3": "lsr"}


def draw(load: Load) -> Figure:
    """A grid: outcomes by primary settings."""
    tuning, runs = load(TUNING).table, summary(load(CONFIRMATORY).table)
    figure, axes = plt.subplots(len(ROWS), len(SETTINGS), figsize=(12, 7), sharex=True)
    for column, setting in zip(axes.T, SETTINGS, strict=True):
        column[0].set_title(setting)
        for ax, (outcome, label) in zip(column, ROWS.items(), strict=True):
            ax.set(xlabel="s, the epoch of the drop", ylabel=f"{label}, less none")
            ax.axhline(0, color="0.4", linewidth=0.8)
            for theta, look in LOOKS.items():
                _line(ax, tuning, runs, setting, outcome, theta, look)
    axes[0, 0].legend(loc="upper left")
    return figure


def _line(ax: Any, tuning: pd.DataFrame, runs: pd.DataFrame, setting: str, outcome: str, theta: str, look: str) -> None:
    none = tuned(tuning, setting, "none", outcome)
    named = {
        arm: _drop(arm)
        for arm in tuning.loc[tuning["setting"] == setting, "arm"].unique()
        if arm.startswith((f"tsla-{theta}-", f"lsr-{theta}"))
    }
    intervals = [student_t(differences(runs, setting, tuned(tuning, setting, arm, outcome), none, outcome)) for arm in named]
    together = Interval(*(np.array([0.0, *(getattr(one, end) for one in intervals)]) for end in ("estimate", "low", "high")))
    order = np.argsort([0, *named.values()])
    drawn = Interval(*(getattr(together, end)[order] for end in ("estimate", "low", "high")))
    style.band(ax, np.sort([0, *named.values()]), drawn, method=look, label=f"θ = {theta}")


def _drop(arm: str) -> int:
    return EPOCHS if arm.startswith("lsr") else int(arm.rsplit("-", 1)[1])
