"""What label smoothing can buy (C18): samples against δ, and the sharp floor W beside the paper's V over θ and the step size."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.theory import sgd, sharp
from tsla.theory.constants import Constants
from tsla.theory.smoothing import lemma

CAPTION = (
    "The worst that A2 and A3 allow (C18), without A4. Left: samples that smoothing at its best θ asks for over those of plain SGD (C4), "
    "against δ, for three targets e = ε²/(2σ²); smoothing buys the share e(1/δ - 1) of them where δ ≥ e, and all but e below. Right: "
    "what the bound does not fall below, against θ at δ = 0.1 and in units of σ²: V(θ) of the paper's analysis, at any step size, and "
    "W(θ, ηL), what smoothing really has at worst. Diamonds: the best strength θ° of each step size."
)
TARGETS = (0.1, 0.01, 0.001)
PLACES = {1.0: (0.6, (-50, -8)), 0.3: (0.05, (2, 3)), 0.1: (0.05, (2, 3)), 0.01: (0.4, (6, -6))}
"""ηL: where the name of its W stands, as a share of the curve and an offset in points."""
DELTA = 0.1
V = "V(θ)"
BEST = "θ°"


def numbers(_: Load) -> pd.DataFrame:
    """Rows of ``samples``: a target e and δ, and the ratio. Of ``floor``: a step size ηL and θ, and V or W over σ². From theory alone."""
    return pd.concat([_samples(), _floors()], ignore_index=True)


def _samples() -> pd.DataFrame:
    e, delta = np.meshgrid(TARGETS, np.geomspace(1e-4, 1, 81), indexing="ij")
    constants, eps = Constants(L=10.0, sigma2=1.0, F0=1.0, delta=delta), np.sqrt(2 * e)
    ratio = sharp.steps(constants, eps=eps).total / sgd.steps(constants, eps=eps).total
    columns = {"parameter": e, "x": delta, "value": ratio}
    return pd.DataFrame({name: value.ravel() for name, value in columns.items()}).assign(panel="samples", curve="e")


def _floors() -> pd.DataFrame:
    theta, constants = np.linspace(0, 1, 101), Constants(L=1.0, sigma2=1.0, delta=DELTA, F0=1.0)
    curves = [pd.DataFrame({"curve": V, "x": theta, "value": lemma(1.0, DELTA, theta)})]
    for scale in PLACES:
        step = np.asarray(scale)
        curves.append(pd.DataFrame({"curve": "W", "parameter": scale, "x": theta, "value": sum(sharp.floor(constants, step, theta))}))
        best = float(sharp.Shares.best(np.asarray(DELTA), sharp.Scale.of(step, constants.L)).theta)
        curves.append(
            pd.DataFrame({"curve": BEST, "parameter": scale, "x": [best], "value": float(sum(sharp.floor(constants, step, None)))})
        )
    return pd.concat(curves).assign(panel="floor")


def finding(numbers: pd.DataFrame) -> str:
    """Up to which δ smoothing halves the samples, and how low W gets."""
    samples = numbers[numbers["panel"] == "samples"]
    halved = samples[samples["value"] <= 0.5]
    widest = (halved["x"] / halved["parameter"]).max()
    best = numbers[numbers["curve"] == BEST].set_index("parameter")["value"]
    least = min(PLACES)
    return (
        f"Smoothing halves plain SGD's samples only where δ is at most {widest:.2g} times ε²/(2σ²); at δ = {DELTA:g} its floor is "
        f"{best[least] / least:.2f} of plain SGD's for ηL = {least:g}, {best[max(PLACES)]:.2f} for ηL = {max(PLACES):g}"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """Two panels."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 3))
    for look, (e, rows) in zip(style.SHADES, numbers[numbers["panel"] == "samples"].groupby("parameter", sort=False), strict=False):
        left.plot(rows["x"], rows["value"], **look | {"marker": None})
        _name(left, rows, 0.02, (0, 3), f"e = {e:g}", look["color"])
    left.set(
        xscale="log", yscale="log", xlabel="δ", ylabel=f"samples over plain SGD's\n{style.LOWER}", title="samples that smoothing asks for"
    )
    floor = numbers[numbers["panel"] == "floor"]
    of_lemma = floor[floor["curve"] == V]
    right.plot(of_lemma["x"], of_lemma["value"], color="0.4", linewidth=0.9)
    _name(right, of_lemma, 0.7, (4, 4), "V, any ηL", "0.4")
    for look, scale in zip(style.SHADES, PLACES, strict=True):
        line, best = (floor[(floor["parameter"] == scale) & (floor["curve"] == curve)] for curve in ("W", BEST))
        right.plot(line["x"], line["value"], **look | {"marker": None})
        _name(right, line, *PLACES[scale], f"W, ηL = {scale:g}", look["color"])
        right.plot(best["x"], best["value"], color=look["color"], marker="D")
    right.set(yscale="log", xlabel="smoothing strength θ", ylabel=f"floor over σ²\n{style.LOWER}", title=f"floors at δ = {DELTA:g}")
    return figure


def _name(ax: Axes, rows: pd.DataFrame, share: float, offset: tuple[int, int], text: str, color: str) -> None:
    """A label at a share of a curve's points; the curves meet at their ends, where it could not be."""
    point = rows[["x", "value"]].iloc[round(share * (len(rows) - 1))]
    ax.annotate(text, tuple(point), xytext=offset, textcoords="offset points", color=color, fontsize=style.LABEL)
