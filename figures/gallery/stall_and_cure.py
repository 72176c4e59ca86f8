"""The stall of LSR that is real (C13), and its cure by TSLA."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
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


def draw(load: Load) -> Figure:
    """One panel, step against squared gradient."""
    record = load("stall")
    oracle = Oracle(**record.config["configs"][0]["oracle"])
    theta = float(paper_theta(oracle.delta))
    figure, ax = plt.subplots(figsize=(7, 4))
    for method in record.config["configs"][0]["methods"]:
        rows = record.table[(record.table["method"] == method) & (record.table["step"] > 0)]
        ax.plot(rows["step"], rows["grad2"], label=style.LABELS[method], **style.METHODS[method] | {"marker": None})
        ax.fill_between(rows["step"], rows["low"], rows["high"], color=style.METHODS[method]["color"], alpha=0.2, linewidth=0)
    for value, text, above in (
        (record.table["floor"].iloc[0], "floor V(θ) of C5", True),
        (theta**2 * oracle.beta2, "θ²δσ² (C13)", False),
        (record.table["eps"].iloc[0] ** 2, "target ε²", True),
    ):
        ax.axhline(value, color="0.4", linewidth=0.8)
        side: dict[str, Any] = {"xytext": (0, 2 if above else -2), "va": "bottom" if above else "top"}
        ax.annotate(text, (record.table["step"].max(), value), textcoords="offset points", ha="right", color="0.25", fontsize=8, **side)
    ax.set(xlabel="step t", ylabel="E‖∇F(w_t)‖²", xscale="log", yscale="log")
    style.legend_below(ax, columns=4)
    return figure
