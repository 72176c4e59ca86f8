"""Slack: the worst known instance of each bound over the bound, from worst-case programs and from runs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.figures import style
from tsla.figures.gallery import Load
from tsla.figures.intervals import means

CAPTION = (
    "How much of each bound is attained: worst known value over bound, one mark a setting, the largest written beside it. Circles: worst "
    "cases by performance estimation (records/certificates; for C7, C8 and C15a under A4 they are upper certificates, since the PL class "
    "is relaxed). Triangles: means over replicas of runs on problems with known constants (records/rates, regimes, stall), with 95 % "
    "Student-t intervals. At 1 the bound can't be improved. A mean over replicas may exceed it by chance, and its interval then reaches 1."
)
PROGRAM, RUN = "worst case", "run"
LOOKS = {PROGRAM: ({"color": "#3F007D", "marker": "o"}, -0.2), RUN: ({"color": "#8C7BC0", "marker": "^"}, 0.2)}
"""Of a kind: its look, and where it stands in the row of its claim."""
ATTAINED = 0.99


def numbers(load: Load) -> pd.DataFrame:
    """A row a setting: its claim, of which kind it is, and its ratio with the interval; of a program, which has none, the ratio itself."""
    return pd.concat([_worst_cases(load), _runs(load)], ignore_index=True)


def _worst_cases(load: Load) -> pd.DataFrame:
    table = load("certificates").table.dropna(subset=["value", "bound"])
    claim = table["claim"].replace("C15", "C15a")  # the one of the three that has programs
    ratio = table["value"] / table["bound"]
    return pd.DataFrame({"claim": claim, "kind": PROGRAM, "mean": ratio, "low": ratio, "high": ratio})


def _runs(load: Load) -> pd.DataFrame:
    rates, regimes, stall = load("rates").table, load("regimes").table, load("stall").table
    regimes = regimes.assign(ratio=regimes["mean_grad2"] / regimes["eps"] ** 2, gap_ratio=regimes["gap"] / regimes["gap_bound"])
    plan = ["claim", "method", "q", "eps"]
    last = stall[stall["method"] == "lsr"].iloc[-1]
    found = (
        means(rates.assign(ratio=rates["mean_grad2"] / rates["bound"]), ["claim", "instance", "T"], "ratio"),
        means(regimes, plan, "ratio"),
        means(regimes.dropna(subset="gap_bound"), plan, "gap_ratio").assign(claim="C7"),
        pd.DataFrame(
            {"claim": ["C13"], **{name: last[of] / last["floor"] for name, of in (("mean", "grad2"), ("low", "low"), ("high", "high"))}}
        ),
    )
    return pd.concat(found)[["claim", "mean", "low", "high"]].assign(kind=RUN)


def finding(numbers: pd.DataFrame) -> str:
    """How many bounds are attained, and whether a run is above one by more than chance."""
    largest = numbers.groupby("claim")["mean"].max()
    runs = numbers[numbers["kind"] == RUN]
    return (
        f"{(largest >= ATTAINED).sum()} of {len(largest)} bounds are attained to {100 * (1 - ATTAINED):.0f} %; "
        f"{(runs['mean'] > 1).sum()} of {len(runs)} runs have a mean above their bound, "
        f"{(runs['low'] > 1).sum()} by more than their interval"
    )


def draw(numbers: pd.DataFrame) -> Figure:
    """One row a claim."""
    claims = sorted(numbers["claim"].unique(), key=lambda claim: int(claim.lstrip("C").rstrip("abc")))
    figure, ax = plt.subplots(figsize=(style.PAGE, 0.28 * len(claims) + 1.1))
    ax.axvline(1, color="0.4", linewidth=0.8)
    for kind, (look, offset) in LOOKS.items():
        rows = numbers[numbers["kind"] == kind]
        style.bars(ax, rows.assign(place=rows["claim"].map(claims.index) + offset), "mean", "place", label=kind, alpha=0.6, **look)
    for place, claim in enumerate(claims):
        _largest(ax, place, numbers[numbers["claim"] == claim])
    ax.set(xscale="log", xlabel="worst known / bound  (→ tighter)", ylabel="claim", xlim=(3e-3, 4))
    ax.set_yticks(range(len(claims)), claims)
    ax.invert_yaxis()
    ax.legend(loc="upper left")
    return figure


def _largest(ax: Axes, place: int, rows: pd.DataFrame) -> None:
    largest = rows.iloc[rows["mean"].argmax()]
    text = f"{largest['mean']:.3f}"
    if largest["kind"] == RUN:
        text += f" [{largest['low']:.3f}, {largest['high']:.3f}]"
    ax.text(1.2, place, text, verticalalignment="center", fontsize=style.LABEL)
