"""The second moment of the smoothed direction against θ, measured on the ResNet: lemma, exact, and the shrinkage control."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.empirics.moments.columns import measured
from tsla.empirics.statistics.intervals import student_t
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory.moments import MOMENTS, Moments

CAPTION = (
    "Second moment about ∇F of the direction of one example against the smoothing strength θ, divided by that of plain SGD, on the "
    "ResNet along plain SGD's path (digits, 20 % label noise, ten seeds, 95 % Student-t bands): the lemma V(θ) (C2), the exact value "
    "(C11), and plain SGD with step (1-θ)η (C17). Smoothing does more than shrink only where the exact curve is below the control. "
    "Diamond: the best θ* and its minimum, with its interval."
)
THETA = np.linspace(0, 1, 41)


def draw(load: Load) -> Figure:
    """One panel an epoch: before training, in the middle, at the end."""
    record = load("digits")
    rows = measured(record.table[record.table["method"] == "sgd"], theta=0.0, batch_size=1)
    epochs = sorted(rows["epoch"].unique())
    chosen = (epochs[0], epochs[len(epochs) // 2], epochs[-1])
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6))
    for ax, epoch in zip(axes, chosen, strict=True):
        at = rows[rows["epoch"] == epoch]
        _panel(ax, at)
        ax.set(title=f"epoch {epoch}, δ = {at['delta'].mean():.2f}", xlabel="smoothing strength θ", ylabel="", ylim=(0, 1.6))
    axes[0].set_ylabel("E‖g_LS - ∇F‖² / E‖g - ∇F‖²")
    axes[0].legend()
    return figure


def _panel(ax: Axes, at: pd.DataFrame) -> None:
    found = Moments(*(at[name].to_numpy()[:, None] for name in MOMENTS))
    curves = (
        ("lsr", "lemma V(θ)", found.lemma(THETA)),
        ("sgd", "exact", found.second_moment(THETA)),
        ("shrink", "step (1-θ)η instead", found.shrunk.second_moment(THETA)),
    )
    for look, label, values in curves:
        rows = pd.DataFrame(np.asarray(values / found.s2), columns=THETA).melt(var_name="theta", value_name="ratio")
        style.band(ax, rows, "theta", "ratio", method=look, label=label, marker=None)
    star = student_t(at["theta_star"].to_numpy())
    least = student_t(np.ravel(found.second_moment(found.theta_star) / found.s2))
    ax.errorbar(
        float(star.estimate),
        float(least.estimate),
        xerr=float(star.high - star.estimate),
        color="#0072B2",
        marker="D",
        linestyle="none",
        label="θ*",
    )
