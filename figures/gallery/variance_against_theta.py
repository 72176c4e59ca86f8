"""The second moment of the smoothed direction against θ, measured on the ResNet: lemma, exact, and the shrinkage control."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.moments.columns import measured, moments_of
from tsla.empirics.statistics.intervals import student_t
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory.moments import Moments

CAPTION = (
    "Second moment about ∇F of the direction of one example against the smoothing strength θ, divided by that of plain SGD, on the "
    "ResNet along plain SGD's path (digits, 20 % label noise, ten seeds, 95 % Student-t bands): the lemma V(θ) (C2), the exact value "
    "(C11), and plain SGD with step (1-θ)η (C17). Smoothing does more than shrink only where the exact curve is below the control. "
    "Diamond: the mean over the seeds of the best strength θ* and of its minimum, with the interval of θ*."
)
THETA = np.linspace(0, 1, 41)
CURVES: dict[str, dict[str, Any]] = {
    "lemma V(θ)": {"color": "0.55", "linestyle": ":"},
    "exact": style.METHODS["lsr"],
    "step (1-θ)η": style.METHODS["shrink"],
}
BEST = "θ*"


def numbers(load: Load) -> pd.DataFrame:
    """A row an epoch, curve and θ: before training, in the middle, at the end. The row of θ* has the interval of θ*, not of the ratio."""
    table = load("digits").table
    rows = measured(table[table["method"] == "sgd"], theta=0.0, batch_size=1)
    epochs = sorted(rows["epoch"].unique())
    chosen = dict.fromkeys((epochs[0], epochs[len(epochs) // 2], epochs[-1]))
    return pd.concat([_at(rows[rows["epoch"] == epoch]) for epoch in chosen], ignore_index=True)


def _at(rows: pd.DataFrame) -> pd.DataFrame:
    of_seed = moments_of(rows)
    star, least = student_t(of_seed.theta_star), np.mean(of_seed.second_moment(of_seed.theta_star) / of_seed.s2)
    best = pd.DataFrame([{"curve": BEST, "theta": float(star.estimate), "mean": least, "low": float(star.low), "high": float(star.high)}])
    found = Moments(**{name: value[:, None] for name, value in vars(of_seed).items()})
    values = (found.lemma(THETA), found.second_moment(THETA), found.shrunk.second_moment(THETA))
    curves = [_curve(name, np.asarray(value / found.s2)) for name, value in zip(CURVES, values, strict=True)]
    return pd.concat([*curves, best]).assign(epoch=rows["epoch"].iloc[0], delta=rows["delta"].mean())


def _curve(name: str, ratio: np.ndarray) -> pd.DataFrame:
    over = student_t(ratio)
    return pd.DataFrame({"curve": name, "theta": THETA, "mean": over.estimate, "low": over.low, "high": over.high})


def finding(numbers: pd.DataFrame) -> str:
    """θ* along training, and how far the lemma is from the truth there."""
    best = numbers[numbers["curve"] == BEST]
    means = numbers[numbers["curve"] != BEST].pivot_table(index=["epoch", "theta"], columns="curve", values="mean")
    above = (means["lemma V(θ)"] / means["exact"]).groupby("epoch").max()
    return (
        f"The best strength θ* is {', '.join(f'{theta:.2f}' for theta in best['theta'])} at epochs "
        f"{', '.join(map(str, best['epoch']))}; the lemma is up to {above.max():.2g} times the exact second moment"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """One panel an epoch."""
    epochs = numbers.groupby("epoch")
    figure, axes = plt.subplots(1, len(epochs), figsize=(style.PAGE, 2.6), sharey=True)
    for ax, (epoch, rows) in zip(axes, epochs, strict=True):
        for name, look in CURVES.items():
            style.band(ax, rows[rows["curve"] == name], "theta", label=name, **look | {"marker": None})
        best = rows[rows["curve"] == BEST]
        ax.hlines(best["mean"], best["low"], best["high"], color=CURVES["exact"]["color"])
        ax.plot(best["theta"], best["mean"], color=CURVES["exact"]["color"], marker="D")
        ax.annotate(BEST, (best["theta"].iloc[0], best["mean"].iloc[0]), xytext=(0, 6), textcoords="offset points", fontsize=style.LABEL)
        ax.set(title=f"epoch {epoch}, δ = {rows['delta'].iloc[0]:.2f}", xlabel="smoothing strength θ", ylim=(0, 1.6))
    for ax in axes:
        style.label_ends(ax)
    axes[0].set_ylabel(f"second moment over plain SGD's\n{style.LOWER}")
    return figure
