"""Bias and noise of smoothing against its strength, measured along a run: C12's floor, and the θ° at which it is least."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.experiments.study.settings import BATCH_SIZE, PATHS, PRIMARY
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory.moments import MOMENTS, Moments

SETTING = next(iter(PRIMARY))
CAPTION = (
    "C12's floor θ²β² + ηL N(θ) of plain SGD's path against the smoothing strength θ, divided by plain SGD's ηL s²: the squared bias, "
    "which neither a smaller step nor a larger batch lowers, and the noise. Diamond: the strength θ° at which their sum is least. "
    f"The moments and ηL, L the largest eigenvalue that was measured, are means over ten seeds of {SETTING}, batches of {BATCH_SIZE}."
)
THETA = np.linspace(0, 1, 41)
PARTS = {"bias": "bias θ²β²", "noise": "noise ηL N(θ)", "floor": "floor"}
LOOKS = dict(zip(PARTS, (style.SHADES[0], style.SHADES[2], style.METHODS["lsr"]), strict=True))


def numbers(load: Load) -> pd.DataFrame:
    """A row an epoch (first, middle, last) and θ: bias, noise and their sum over ``ηL s²``, and θ° with the floor there."""
    table = load(PATHS).table
    measured = table[(table["setting"] == SETTING) & (table["arm"] == "none")].dropna(subset=["s2", "eta_L"])
    of_epoch = measured.groupby("epoch")[[*MOMENTS, "eta_L"]].mean()
    epochs = of_epoch.index
    return pd.concat([_at(of_epoch.loc[epoch]).assign(epoch=epoch) for epoch in (epochs[0], epochs[len(epochs) // 2], epochs[-1])])


def _at(row: pd.Series) -> pd.DataFrame:
    eta_L = float(row["eta_L"])
    batch = Moments(**{name: float(row[name]) for name in MOMENTS}).at_batch_size(BATCH_SIZE)
    best, plain = batch.theta_for_step(eta_L), batch.floor(0.0, eta_L)
    parts = {"bias": batch.bias(THETA), "noise": eta_L * np.asarray(batch.noise(THETA)), "floor": batch.floor(THETA, eta_L)}
    return pd.DataFrame(
        {"theta": THETA, **{name: part / plain for name, part in parts.items()}, "best": best, "least": batch.floor(best, eta_L) / plain}
    ).assign(eta_L=eta_L)


def finding(numbers: pd.DataFrame) -> str:
    """θ° along the run, and the floor there."""
    of_epoch = numbers.groupby("epoch")[["best", "least"]].first()
    best, least = (", ".join(f"{value:.2f}" for value in of_epoch[name]) for name in ("best", "least"))
    epochs = ", ".join(map(str, of_epoch.index))
    return f"The best strength θ° is {best} at epochs {epochs}, and leaves {least} of plain SGD's floor"


def draw(numbers: pd.DataFrame) -> Figure:
    """One panel an epoch."""
    figure, axes = plt.subplots(1, 3, figsize=(style.PAGE, 2.7), sharey=True)
    for ax, (epoch, rows) in zip(axes, numbers.groupby("epoch"), strict=True):
        for part, label in PARTS.items():
            ax.plot(rows["theta"], rows[part], label=label, **LOOKS[part] | {"marker": None})
        best = rows[["best", "least"]].iloc[0]
        ax.plot(*best, marker="D", color=LOOKS["floor"]["color"])
        ax.annotate("θ°", tuple(best), xytext=(3, 5), textcoords="offset points", fontsize=style.LABEL)
        ax.axhline(1, color="0.4", linewidth=0.8)
        ax.set(title=f"epoch {epoch}, ηL = {rows['eta_L'].iloc[0]:.2g}", xlabel="smoothing strength θ", ylim=(0, 1.6))
    for ax in axes:
        style.label_ends(ax)
    axes[0].set_ylabel(f"over plain SGD's floor\n{style.LOWER}")
    return figure
