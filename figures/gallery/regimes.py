"""Steps against the target in the regimes of C9: what the bounds ask for, and what was needed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.empirics.runs.records import Record
from tsla.empirics.simulation import problems
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS

CAPTION = (
    "Samples to reach E‖∇F‖² ≤ ε², at δ = 0.2·ε^q, one panel a row of C9, on the sine valley (L = 8, μ = 0.1755, σ² = 1). Lines: what"
    " the bounds ask for, to ε = 10⁻³. Markers: the samples after which the mean over 100 replicas was there, running each bound's "
    "own plan. SGD (C4) is the paper's baseline and knows nothing of A4, which TSLA uses; PL-aware SGD (C15b) uses it without "
    "smoothing. Smoothing that is never dropped (LSR with A4) is ahead of TSLA wherever it gets there at all."
)
DRAWN = ("sgd", "lsr", "tsla", "sgd-pl", "lsr-pl")
ROWS = {1: "q = 1: TSLA 1/ε³", 2: "q = 2: TSLA 1/ε², LSR 1/ε²", 3: "q = 3: TSLA 1/ε, LSR 1/ε²", 4: "q = 4: TSLA log(1/ε), LSR 1/ε²"}


def draw(load: Load) -> Figure:
    """Four panels."""
    record = load("regimes")
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.6), sharex=True, sharey=True)
    for ax, (q, title) in zip(axes, ROWS.items(), strict=True):
        _panel(ax, record, q)
        ax.set(title=title, xlabel="target ε", xscale="log", yscale="log")
        ax.invert_xaxis()
    axes[0].set_ylabel("samples")
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(DRAWN))
    return figure


def _panel(ax: Axes, record: Record, q: int) -> None:
    config = record.config["configs"][0]
    problem = problems.get(config["problem"])
    eps = np.geomspace(1e-3, 0.7, 60)
    delta = config["scale"] * eps**q
    constants = Constants(L=problem.L, mu=problem.mu, sigma2=config["oracle"]["sigma2"], delta=delta, F0=problem.F0)
    table = record.table.groupby(["method", "q", "eps"], as_index=False).first()
    for method in DRAWN:
        look = style.METHODS[method]
        total = METHODS[method](constants, eps=eps).total
        total = np.where(np.isfinite(total), total, np.nan)
        if np.isfinite(total).any():
            ax.plot(eps, total, color=look["color"], linestyle=look["linestyle"], label=style.LABELS[method])
        run = table[(table["method"] == method) & (table["q"] == (q if method in ("lsr", "tsla") else 1))]
        ax.plot(run["eps"], run["needed"], color=look["color"], marker=look["marker"], linestyle="none")
