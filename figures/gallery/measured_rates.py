"""Measured rates: samples needed against the target ε, beside the plans, with the slopes that C9 and C15 predict."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "Samples needed until the mean over the replicas is at most ε². Filled markers: the theorem's own quantity, a random iterate of the "
    "plan's last stage (95 % bootstrap intervals). Open markers: a single iterate. Thin lines: what the plans ask for, which is the "
    "prediction. Grey: the exponent predicted, through the last point measured. The numbers are the exponents fitted, random then single "
    "iterate. Where open markers are less steep, the rate is that of averaging over the way there."
)
PANELS = (
    ("SGD (C4)", "sgd", 0.0),
    ("TSLA, δ ∝ ε (C8)", "tsla", 1.0),
    ("TSLA, δ ∝ ε² (C8)", "tsla", 2.0),
    ("TSLA, δ ∝ ε³ (C8)", "tsla", 3.0),
    ("LSR, δ ∝ ε² (C5)", "lsr", 2.0),
    ("SGD, PL-aware (C15b)", "sgd-pl", 0.0),
)
LOOKS = (("#000000", "o"), ("#D55E00", "s"), ("#0072B2", "^"), ("#009E73", "D"), ("#CC79A7", "v"), ("#56B4E9", "P"))


def draw(load: Load) -> Figure:
    """Six panels: a method and a row of C9 each, a colour a problem."""
    table = load("measured_rates").table
    looks = dict(zip(table["problem"].unique(), LOOKS, strict=False))
    figure, axes = plt.subplots(2, 3, figsize=(11, 8.5))
    for ax, (title, method, q) in zip(axes.flat, PANELS, strict=True):
        for problem, rows in table[(table["method"] == method) & (table["q"] == q)].groupby("problem", sort=False):
            _curve(ax, rows, str(problem), *looks[str(problem)])
        ax.set(title=title, xlabel="target ε", ylabel="samples", xscale="log", yscale="log")
        ax.xaxis.set_minor_formatter(NullFormatter())  # on short axes they would overlap
        ax.invert_xaxis()
        style.legend_below(ax)
    return figure


def _curve(ax: Axes, rows: pd.DataFrame, problem: str, color: str, marker: str) -> None:
    eps, needed = rows["eps"].to_numpy(), rows["needed"].to_numpy()
    first = rows.iloc[0]
    label = f"{problem}: {first['exponent']:.2f}, {first['single_exponent']:.2f}; predicted {first['predicted']:g}"
    reach = np.stack([needed - rows["needed_low"].to_numpy(), rows["needed_high"].to_numpy() - needed])
    finite = np.isfinite(reach).all(axis=0)
    ax.errorbar(eps[finite], needed[finite], yerr=reach[:, finite], color=color, marker=marker, linestyle="none", label=label)
    ax.plot(eps, rows["single"], color=color, marker=marker, markerfacecolor="none", linestyle="none")
    ax.plot(eps, rows["planned"], color=color, linewidth=0.7)
    ax.plot(eps, needed[-1] * (eps[-1] / eps) ** first["predicted"], color="0.5", linestyle=":", linewidth=0.9)
