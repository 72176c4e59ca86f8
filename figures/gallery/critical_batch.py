"""The critical batch size along training (C14): below which smoothing lowers the second moment of the direction."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.moments.columns import moments_of
from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "The critical batch size B_c(θ) of C14 along training (digits, 20 % label noise; median over ten seeds, and their range): smoothing at "
    "θ lowers the second moment of the direction of batches smaller than it. Left: at the θ of the run. Right: at θ = 1, where B_c is "
    "the batch size whose δ is 1. Grey line: the batch size of the run. Shaded: at no batch size. Logarithmic, but linear between -1 and 1."
)
PATHS = ("sgd", "lsr")


def numbers(load: Load) -> pd.DataFrame:
    """A row a path, epoch and θ: the median over the seeds, and the range as ``low`` and ``high``."""
    record = load("digits")
    config = record.config["configs"][0]
    rows = record.table[record.table["method"].isin(PATHS)].dropna(subset="s2")
    found = []
    for theta in (config["theta"], 1.0):
        sizes = rows.assign(size=moments_of(rows).critical_batch_size(theta)).groupby(["method", "epoch"], sort=False)["size"]
        found.append(pd.DataFrame({"median": sizes.median(), "low": sizes.min(), "high": sizes.max()}).reset_index().assign(theta=theta))
    return pd.concat(found, ignore_index=True).assign(batch_size=config["batch_size"])


def finding(numbers: pd.DataFrame) -> str:
    """The critical batch sizes on SGD's path, before training and at the end."""
    of_path = numbers[numbers["method"] == "sgd"].groupby("theta")["median"].agg(["first", "last"])
    said = [f"from {_size(row['first'])} to {_size(row['last'])} at θ = {theta:g}" for theta, row in of_path.iterrows()]
    return f"Along SGD's path the critical batch size goes {' and '.join(said)}; the run has batches of {numbers['batch_size'].iloc[0]}"


def _size(found: float) -> str:
    return f"{found:.0f}" if found > 0 else "none"


def draw(numbers: pd.DataFrame) -> Figure:
    """One panel a strength."""
    figure, axes = plt.subplots(1, 2, figsize=(style.PAGE, 2.8), sharey=True)
    for ax, (theta, rows) in zip(axes, numbers.groupby("theta"), strict=True):
        for path in PATHS:
            of_path = rows[rows["method"] == path].rename(columns={"median": "mean"})
            style.band(ax, of_path, "epoch", label=f"path of {style.LABELS[path]}", **style.METHODS[path])
        ax.axhline(numbers["batch_size"].iloc[0], color="0.4", linewidth=0.8)
        ax.set_yscale("symlog", linthresh=1)
        ax.set(title=f"θ = {theta:g}", xlabel="epoch")
    low, high = axes[0].get_ylim()
    for ax in axes:
        ax.axhspan(min(low, -1), 0, color="0.92", linewidth=0, zorder=0)
        ax.set_ylim(min(low, -1), high)
        style.label_ends(ax)
    axes[0].set_ylabel(f"critical batch size B_c(θ)\n{style.HIGHER}")
    return figure
