"""The fair verdict (C15): is TSLA's bound anywhere the best one when SGD may use A4 too, and what is smoothing worth with bias apart."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory import smoothed_pl
from tsla.theory.biased import SmoothingOracle
from tsla.theory.smoothing import lemma, paper_theta

CAPTION = (
    "Left: samples of the best rival over TSLA's, after the burn-ins (docs/fair_verdict.md counts them too), with δ and ε²/σ² as "
    "axes. The rivals are PL-aware SGD (C15b) and smoothing that is never dropped (LSR with A4). At most 1 everywhere: TSLA's bound "
    "C8 is nowhere the best one. Middle: the same with C8's constant sharpened from 8δ to 8δ/(1+δ); now TSLA is ahead, at most "
    "twofold, in the sliver 1 - ε²/(4σ²) < V/ε² < 1, which is blue and hatched. Right: with bias and noise told apart (C12), samples of "
    "PL-aware SGD smoothed at one well-chosen θ over those without smoothing, at c = 0 and ν² = σ²/10: smoothing always pays, and pays "
    "much where β² is not far above ε²."
)
MAPS = {"tsla": "best rival / TSLA (C8)", "sharpened": "best rival / TSLA, 8δ/(1+δ)", "apart": "smoothed / plain (C12)"}
X, Y = np.meshgrid(np.geomspace(1e-4, 10, 101), np.geomspace(1e-3, 2, 81))
"""δ, or β²/σ², and ε²/σ²."""
LEVELS = (-2.0, -1.5, -1.0, -0.5, -0.25, -0.1, 0.0)
"""Of the logarithm of the ratio."""
HATCHES = (*(None for _ in LEVELS), "////")
"""Where TSLA asks for fewer: in grey, its colour alone is one of the dark levels."""


def numbers(_: Load) -> pd.DataFrame:
    """A row a map and point: δ, or β²/σ² on the last map, ε²/σ², and the ratio of samples. From theory alone."""
    maps = {
        "tsla": best_rival(X, Y, sharpened=False),
        "sharpened": best_rival(X, Y, sharpened=True),
        "apart": smoothed_pl.gain(1.0, SmoothingOracle(beta2=X, nu2=0.1), np.sqrt(Y)),
    }
    return pd.concat(
        [pd.DataFrame({"map": name, "x": X.ravel(), "share": Y.ravel(), "ratio": ratio.ravel()}) for name, ratio in maps.items()]
    )


def best_rival(delta: np.ndarray, share: np.ndarray, *, sharpened: bool) -> np.ndarray:
    """``min(8κr, 2κV/(ε²-V)) / (16κδr²)`` with ``r = σ²/ε² = 1/share``: burn-ins left out, κ cancels. Shapes broadcast."""
    r = 1 / share
    V = lemma(r, delta, paper_theta(delta))  # in units of ε²
    with np.errstate(divide="ignore"):
        smoothing_alone = np.where(V < 1, 2 * V / np.maximum(1 - V, 1e-300), np.inf)
    tsla = 16 * delta * r**2 / (1 + delta if sharpened else 1)
    return np.minimum(8 * r, smoothing_alone) / tsla


def finding(numbers: pd.DataFrame) -> str:
    """Where TSLA's bound is the best one, and what smoothing is worth."""
    ratio = {name: rows["ratio"] for name, rows in numbers.groupby("map")}
    ahead = {name: f"{100 * (ratio[name] > 1).mean():.1f} %" for name in ("tsla", "sharpened")}
    return (
        f"Against fair rivals TSLA's bound is the best one on {ahead['tsla']} of the map, sharpened on {ahead['sharpened']}, "
        f"by at most {ratio['sharpened'].max():.2f}; with bias told apart, smoothing needs {ratio['apart'].min():.2f} to "
        f"{ratio['apart'].max():.2f} of plain SGD's samples"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """Three maps with one scale."""
    figure, axes = plt.subplots(1, len(MAPS), figsize=(style.PAGE, 2.7), sharey=True)
    greys = mpl.colors.ListedColormap(list(plt.get_cmap("Greys_r")(np.linspace(0.3, 1, len(LEVELS) - 1))))
    norm = mpl.colors.BoundaryNorm(LEVELS, greys.N)  # a shade a level, however far apart the levels are
    colours = greys.with_extremes(over=style.METHODS["tsla"]["color"], under="0.2")
    for ax, (name, title) in zip(axes, MAPS.items(), strict=True):
        ratio = numbers[numbers["map"] == name].pivot_table(index="share", columns="x", values="ratio")
        logs = np.log10(ratio.to_numpy())
        shown = ax.contourf(ratio.columns, ratio.index, logs, levels=LEVELS, cmap=colours, norm=norm, extend="both", hatches=HATCHES)
        ax.contour(ratio.columns, ratio.index, logs, levels=[-1.0, -0.25], colors="black", linewidths=0.6, linestyles=["dotted", "dashed"])
        ax.set(title=title, xscale="log", yscale="log", xlabel="β²/σ²" if name == "apart" else "δ")
        ax.minorticks_off()
    axes[0].set_ylabel("ε²/σ²")
    scale = figure.colorbar(shown, ax=axes, label="ratio of samples", ticks=LEVELS)
    scale.ax.set_yticklabels([f"{10**level:.2g}" for level in LEVELS])
    return figure
