"""δ(t) along training, beside the δ that the zero vector has, and the variance ratio beside its shrinkage control."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from tsla.empirics.moments.columns import measured
from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "Along training (digits, 20 % label noise, ten paired seeds, 95 % Student-t bands). Left: δ = ŝ²/s² on the path of plain SGD and "
    "of LSR, and δ0 = ‖∇F‖²/s², the δ of the zero vector (C17): δ < 1 is what the paper asks for, and δ far above δ0 means that ŷ "
    "tells nothing that zero doesn't, unless through the covariance. Middle: second moment of the smoothed batch direction over that "
    "of the plain one, and the same ratio for plain SGD with step (1-θ)η. Right: their difference; below 0 smoothing does more than "
    "shrink."
)


def draw(load: Load) -> Figure:
    """Three panels, against epochs."""
    record = load("digits")
    config = record.config["configs"][0]
    rows = measured(record.table, theta=config["theta"], batch_size=config["batch_size"])
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 4.6))
    lines = (
        (axes[0], "delta", "δ, ", 1.0),
        (axes[0], "delta0", "δ0, ", 0.45),
        (axes[1], "ratio", "smoothed, ", 1.0),
        (axes[1], "shrink_ratio", "step (1-θ)η, ", 0.45),
        (axes[2], "beyond", "", 1.0),
    )
    for method, (ax, column, name, alpha) in product(("sgd", "lsr"), lines):
        label = f"{name}on the path of {style.LABELS[method]}"
        style.band(ax, rows[rows["method"] == method], "epoch", column, method=method, label=label, alpha=alpha)
    axes[0].set(title="δ of single examples", yscale="log")
    axes[1].set(title=f"variance ratio, B = {config['batch_size']}, θ = {config['theta']}")
    axes[2].set(title="beyond shrinking (smoothed less control)")
    for ax, neutral in zip(axes, (1, 1, 0), strict=True):
        ax.axhline(neutral, color="0.4", linewidth=0.8)
        ax.set(xlabel="epoch", ylabel="")
        style.legend_below(ax)
    return figure
