"""δ(t) along training, beside the δ that the zero vector has, and the variance ratio beside its shrinkage control."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.moments.columns import measured
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.figures.intervals import means

CAPTION = (
    "Along training (digits, 20 % label noise, ten paired seeds, 95 % Student-t bands). Left: δ = ŝ²/s² on the path of plain SGD and "
    "of LSR, and δ0 = ‖∇F‖²/s², the δ of the zero vector (C17): δ < 1 is what the paper asks for, and δ far above δ0 means that ŷ "
    "tells nothing that zero doesn't, unless through the covariance. Middle: second moment of the smoothed batch direction over that "
    "of the plain one, and the same ratio for plain SGD with step (1-θ)η. Right: their difference; below 0 smoothing does more than "
    "shrink."
)
LINES = {  # quantity: the panel, its name, and whether it is that of the control
    "delta": (0, "δ", False),
    "delta0": (0, "δ0", True),
    "ratio": (1, "smoothed", False),
    "shrink_ratio": (1, "step (1-θ)η", True),
    "beyond": (2, "", False),
}
PATHS = ("sgd", "lsr")


def numbers(load: Load) -> pd.DataFrame:
    """A row a quantity, path and epoch."""
    record = load("digits")
    config = record.config["configs"][0]
    rows = measured(record.table, theta=config["theta"], batch_size=config["batch_size"])
    rows = rows[rows["method"].isin(PATHS)]
    found = pd.concat([means(rows, ["method", "epoch"], quantity).assign(quantity=quantity) for quantity in LINES], ignore_index=True)
    return found.assign(theta=config["theta"], batch_size=config["batch_size"])


def _at_end(numbers: pd.DataFrame, quantity: str, path: str) -> float:
    rows = numbers[(numbers["quantity"] == quantity) & (numbers["method"] == path)]
    return float(rows["mean"].iloc[rows["epoch"].argmax()])


def finding(numbers: pd.DataFrame) -> str:
    """δ beside δ0 at the end, and what smoothing does beyond shrinking."""
    delta, zero = (_at_end(numbers, quantity, "sgd") for quantity in ("delta", "delta0"))
    beyond = {path: _at_end(numbers, "beyond", path) for path in PATHS}
    more = [style.LABELS[path] for path in PATHS if beyond[path] < 0]
    return (
        f"At the end of SGD's path δ is {delta:.2f}, {delta / zero:.0f} times that of the zero vector; "
        f"smoothing does more than shrink there on the path of {' and '.join(more) or 'neither'}"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """Three panels, against epochs."""
    figure, axes = plt.subplots(1, 3, figsize=(style.PAGE, 2.7))
    for path, (quantity, (panel, name, control)) in product(PATHS, LINES.items()):
        rows = numbers[(numbers["quantity"] == quantity) & (numbers["method"] == path)]
        look = style.METHODS[path] | ({"alpha": 0.6, "markerfacecolor": "white"} if control else {})
        style.band(axes[panel], rows, "epoch", label=", ".join(filter(None, (name, style.LABELS[path]))), **look)
    B, theta = numbers["batch_size"].iloc[0], numbers["theta"].iloc[0]
    axes[0].set(title="δ of single examples", yscale="log")
    axes[1].set(title=f"variance over plain SGD's,\nB = {B}, θ = {theta:g}", ylabel=style.LOWER)
    axes[2].set(title="smoothed less step (1-θ)η", ylabel=style.LOWER)
    for ax, neutral in zip(axes, (1, 1, 0), strict=True):
        ax.axhline(neutral, color="0.4", linewidth=0.8)
        ax.set(xlabel="epoch")
        style.label_ends(ax)
    axes[0].set(ylabel=style.LOWER)
    return figure
