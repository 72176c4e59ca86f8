"""Steps against the target in the regimes of C9: what the bounds ask for, and what was needed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.empirics.runs.records import Record
from tsla.empirics.simulation import problems
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.text import number

CAPTION = (
    "Samples to reach E‖∇F‖² ≤ ε², at δ = 0.2·ε^q, one panel a row of C9, on the sine valley (L = 8, μ = 0.1755, σ² = 1). Lines: what"
    " the bounds ask for, to ε = 10⁻³. Markers: the samples after which the mean over 100 replicas was there, running each bound's "
    "own plan. SGD (C4) is the paper's baseline and knows nothing of A4, which TSLA uses; PL-aware SGD (C15b) uses it without "
    "smoothing. Smoothing that is never dropped (LSR with A4) is ahead of TSLA wherever it gets there at all."
)
DRAWN = ("sgd", "lsr", "tsla", "sgd-pl", "lsr-pl")
ROWS = {1: "δ ∝ ε", 2: "δ ∝ ε²", 3: "δ ∝ ε³", 4: "δ ∝ ε⁴"}
ASKED, NEEDED = "asked for", "needed"


def numbers(load: Load) -> pd.DataFrame:
    """A row a row of C9, method and target: samples asked for by the bound, or needed by the run; none where it does not get there."""
    record = load("regimes")
    found = pd.concat([part for q in ROWS for part in (_asked(record, q), _needed(record, q))], ignore_index=True)
    return found.query("samples < inf").reset_index(drop=True)


def _asked(record: Record, q: int) -> pd.DataFrame:
    config = record.config["configs"][0]
    problem = problems.get(config["problem"])
    eps = np.geomspace(1e-3, 0.7, 60)
    delta = config["scale"] * eps**q
    constants = Constants(L=problem.L, mu=problem.mu, sigma2=config["oracle"]["sigma2"], delta=delta, F0=problem.gap(problem.start))
    lines = [{"method": name, "eps": eps, "delta": delta, "samples": METHODS[name](constants, eps=eps).total} for name in DRAWN]
    return pd.concat([pd.DataFrame(line) for line in lines]).assign(q=q, kind=ASKED)


def _needed(record: Record, q: int) -> pd.DataFrame:
    table = record.table[record.table["method"].isin(DRAWN)]
    table = table[table["q"] == np.where(table["method"].isin(("lsr", "tsla")), q, 1)]  # the others know nothing of δ
    first = table.groupby(["method", "eps"], as_index=False)[["delta", "needed"]].first()
    return first.rename(columns={"needed": "samples"}).assign(q=q, kind=NEEDED)


def finding(numbers: pd.DataFrame) -> str:
    """Which bound asks for the fewest samples at the smallest target."""
    ahead = [str(_at_smallest(numbers, q).idxmin()) for q in ROWS]
    others = "; ".join(f"{style.LABELS[name]}: {ahead.count(name)}" for name in DRAWN if name in ahead and name != "tsla")
    return (
        f"At ε = {number(numbers['eps'].min())} TSLA's bound asks for the fewest samples in {ahead.count('tsla')} of the "
        f"{len(ROWS)} rows of C9 ({others})"
    )


def _at_smallest(numbers: pd.DataFrame, q: int) -> pd.Series:
    rows = numbers[(numbers["q"] == q) & (numbers["kind"] == ASKED) & (numbers["eps"] == numbers["eps"].min())]
    found: pd.Series = rows.set_index("method")["samples"]
    return found


def draw(numbers: pd.DataFrame) -> Figure:
    """Four panels."""
    figure, axes = plt.subplots(2, 2, figsize=(style.PAGE, 4.6), sharex=True, sharey=True)
    for ax, (q, row) in zip(axes.flat, ROWS.items(), strict=True):
        _panel(ax, numbers[numbers["q"] == q])
        least = _at_smallest(numbers, q)
        ax.set(title=f"{row}: TSLA asks for {number(least['tsla'] / least.min())} times the fewest", xscale="log", yscale="log")
    axes[0, 0].invert_xaxis()  # the axes are shared: once is enough
    for ax in axes.flat:
        style.label_ends(ax)
    for ax in axes[-1]:
        ax.set_xlabel("target ε")
    for ax in axes[:, 0]:
        ax.set_ylabel(f"samples\n{style.LOWER}")
    return figure


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    for method in DRAWN:
        look = style.METHODS[method]
        asked, needed = (rows[(rows["method"] == method) & (rows["kind"] == kind)] for kind in (ASKED, NEEDED))
        if len(asked):
            ax.plot(asked["eps"], asked["samples"], color=look["color"], linestyle=look["linestyle"], label=style.LABELS[method])
        ax.plot(needed["eps"], needed["samples"], color=look["color"], marker=look["marker"], linestyle="none")
