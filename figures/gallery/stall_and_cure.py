"""The stall of LSR that is real (C13), and its cure by TSLA."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.simulation.oracles import Oracle
from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory.smoothing import paper_theta

CAPTION = (
    "E‖∇F(w_t)‖² along the plans that the bounds give for ε = 0.1, on C13's instance F = w²/2, ĝ = w - sign(w)√δσ, δ = 0.1, σ² = 1 "
    "(400 replicas, 95 % Student-t bands). LSR settles at θ²δσ² plus the noise that is left, at about half of its bound's floor V(θ);"
    " TSLA drops smoothing after 2 steps and falls under ε². So does plain SGD that knows of A4 (C15b), with fewer steps and without "
    "smoothing. Each curve ends where its plan does; LSR's bound has no plan, and it runs as long as SGD's."
)
LEVELS = {
    "floor": ("floor V(θ) of C5", "right", "bottom"),
    "stall": ("θ²δσ² (C13)", "right", "top"),
    "target": ("target ε²", "left", "bottom"),
}
"""Column: its name in the figure, at which end of the line that stands, and which side of it is at the line."""


def numbers(load: Load) -> pd.DataFrame:
    """A row a method and step, with the three levels beside it."""
    record = load("stall")
    oracle = Oracle(**record.config["configs"][0]["oracle"])
    rows = record.table[record.table["step"] > 0].rename(columns={"grad2": "mean"})
    stall = float(paper_theta(oracle.delta)) ** 2 * oracle.beta2
    return rows.assign(stall=stall, target=rows["eps"] ** 2)[["method", "step", "mean", "low", "high", *LEVELS]].reset_index(drop=True)


def finding(numbers: pd.DataFrame) -> str:
    """Where LSR settles, and who is under the target after how many steps."""
    under = numbers[numbers["mean"] <= numbers["target"]].groupby("method", sort=False)["step"].first()
    lsr = numbers[numbers["method"] == "lsr"].iloc[-1]
    said = "; ".join(f"{style.LABELS[str(method)]} at step {step}" for method, step in under.items())
    return f"LSR ends at {lsr['mean'] / lsr['target']:.1f} times the target ε². First seen under it: {said or 'none'}"


def draw(numbers: pd.DataFrame) -> Figure:
    """One panel, step against squared gradient."""
    figure, ax = plt.subplots(figsize=(style.COLUMN, 2.9))
    for method, rows in numbers.groupby("method", sort=False):
        style.band(ax, rows, "step", label=style.LABELS[str(method)], **style.METHODS[str(method)] | {"marker": None})
    for column, (text, end, side) in LEVELS.items():
        value, step = numbers[column].iloc[0], numbers["step"].max() if end == "right" else numbers["step"].min()
        ax.axhline(value, color="0.4", linewidth=0.8)
        place: dict[str, Any] = {"xytext": (0, 2 if side == "bottom" else -2), "ha": end, "va": side}
        ax.annotate(text, (step, value), textcoords="offset points", color="0.25", fontsize=style.LABEL, **place)
    ax.set(xlabel="step t", ylabel=f"E‖∇F(w_t)‖²\n{style.LOWER}", xscale="log", yscale="log")
    style.label_ends(ax)
    return figure
