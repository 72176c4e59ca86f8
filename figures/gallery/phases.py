"""Which plan asks for the fewest samples, over δ and ε: C9 as the paper compares, and with the rivals of C15."""

from __future__ import annotations

from itertools import product

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS

CAPTION = (
    "Which plan asks for the fewest samples until E‖∇F‖² ≤ ε², with δ and ε²/σ² as axes, at σ² = F0 = μ = 1 and κ = L/μ. Left: "
    "the three methods that the paper compares (C9). Right: beside them plain SGD that knows of A4 too (C15b) and smoothing that is never "
    "dropped, with A4 (C15). Burn-ins and all constants are counted. Samples that bounds ask for, not those that algorithms need."
)
RIVALS = {"C9": ("sgd", "lsr", "tsla"), "C15": ("sgd", "lsr", "sgd-pl", "lsr-pl", "tsla")}
"""Of equally short plans the first counts: TSLA's is the shortest only where it is shorter than all others."""
KAPPAS = (10.0, 1000.0)
NAMES = {"sgd": "SGD", "lsr": "LSR", "tsla": "TSLA", "sgd-pl": "PL-aware SGD", "lsr-pl": "LSR with A4"}
TINTS = {"sgd": 1.0, "lsr": 0.6, "tsla": 0.85, "sgd-pl": 0.95, "lsr-pl": 0.35}
"""How full the colour of a method is: in grey, neighbours would look alike."""
DELTA, SHARE = np.meshgrid(np.geomspace(1e-5, 10, 73), np.geomspace(1e-4, 1, 61))


def numbers(_: Load) -> pd.DataFrame:
    """A row a map and point: κ, the rivals, δ, ε²/σ², the method that asks for the fewest samples, and how many. From theory alone."""
    return pd.concat([_map(kappa, rivals) for kappa, rivals in product(KAPPAS, RIVALS)], ignore_index=True)


def _map(kappa: float, rivals: str) -> pd.DataFrame:
    constants = Constants(L=kappa, mu=1.0, sigma2=1.0, delta=DELTA, F0=1.0)
    samples = np.stack([np.broadcast_to(METHODS[name](constants, eps=np.sqrt(SHARE)).total, DELTA.shape) for name in RIVALS[rivals]])
    fewest = np.array(RIVALS[rivals])[samples.argmin(axis=0)]
    columns = {"delta": DELTA, "share": SHARE, "fewest": fewest, "samples": samples.min(axis=0)}
    return pd.DataFrame({name: value.ravel() for name, value in columns.items()}).assign(kappa=kappa, rivals=rivals)


def finding(numbers: pd.DataFrame) -> str:
    """TSLA's share of each map."""
    share = (numbers["fewest"] == "tsla").groupby([numbers["rivals"], numbers["kappa"]]).mean()
    paper, fair = (" and ".join(f"{100 * share[rivals, kappa]:.0f} % (κ = {kappa:g})" for kappa in KAPPAS) for rivals in RIVALS)
    return f"TSLA's plan is the shortest on {paper} of the map among the paper's three methods, on {fair} where the others may use A4 too"


def draw(numbers: pd.DataFrame) -> Figure:
    """Two rivalries by two condition numbers."""
    figure, axes = plt.subplots(len(KAPPAS), len(RIVALS), figsize=(style.PAGE, 4.6), sharex=True, sharey=True)
    for (row, kappa), (column, rivals) in product(enumerate(KAPPAS), enumerate(RIVALS)):
        ax = axes[row, column]
        _panel(ax, numbers[(numbers["kappa"] == kappa) & (numbers["rivals"] == rivals)])
        among = "the paper's three (C9)" if rivals == "C9" else "those with A4 too (C15)"
        ax.set(title=f"among {among}, κ = {kappa:g}", ylabel="" if column else "ε²/σ²", xlabel="δ" if row else "")
    return figure


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    codes = rows["fewest"].map(list(TINTS).index).to_numpy().reshape(DELTA.shape)
    colours = mpl.colors.ListedColormap([mpl.colors.to_rgba(style.METHODS[name]["color"], tint) for name, tint in TINTS.items()])
    ax.grid(visible=False)
    ax.pcolormesh(DELTA, SHARE, codes, cmap=colours, vmin=-0.5, vmax=len(TINTS) - 0.5, shading="nearest", rasterized=True)
    ax.set(xscale="log", yscale="log")
    ax.minorticks_off()
    for name, region in rows.groupby("fewest"):
        delta, share = region["delta"].median(), region["share"].median()
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        ax.text(delta, share, NAMES[str(name)], fontsize=style.LABEL, ha="center", va="center", bbox=box)
