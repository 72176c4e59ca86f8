"""Slack: the worst known instance of each bound over the bound, from worst-case programs and from runs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from tsla.figures.gallery import Load

CAPTION = (
    "How much of each bound is attained: worst known value over bound, one dot a setting. Upper dots: worst cases by performance "
    "estimation (records/certificates; for C7, C8 and C15a under A4 they are upper certificates, since the PL class is relaxed). "
    "Lower dots: means over replicas of runs on problems with known constants (records/rates, regimes, stall). At 1 the bound can't "
    "be improved; a mean over replicas may exceed it by chance."
)
COLOURS = {"worst case": "#0072B2", "run": "#D55E00"}


def draw(load: Load) -> Figure:
    """One row a claim, the largest ratio written beside it."""
    ratios = pd.concat([_worst_cases(load), _runs(load)], ignore_index=True)
    claims = sorted(ratios["claim"].unique(), key=lambda claim: int(claim.lstrip("C").rstrip("abc")))
    figure, ax = plt.subplots(figsize=(8, 0.38 * len(claims) + 1.4))
    sns.stripplot(ratios, x="ratio", y="claim", hue="kind", palette=COLOURS, order=claims, dodge=True, jitter=False, alpha=0.6, ax=ax)
    for y, largest in enumerate(ratios.groupby("claim")["ratio"].max()[claims]):
        ax.text(1.25, y, f"{largest:.3f}", va="center", fontsize=8)
    ax.axvline(1, color="0.4", linewidth=0.8)
    ax.set(xscale="log", xlabel="worst known / bound", xlim=(1e-3, 2.2))
    sns.move_legend(ax, "lower center", bbox_to_anchor=(0.5, 1), ncols=2, title=None)
    return figure


def _worst_cases(load: Load) -> pd.DataFrame:
    table = load("certificates").table.dropna(subset=["value", "bound"])
    claim = table["claim"].replace("C15", "C15a")  # the one of the three that has programs
    return pd.DataFrame({"claim": claim, "kind": "worst case", "ratio": table["value"] / table["bound"]})


def _runs(load: Load) -> pd.DataFrame:
    rates, regimes, stall = load("rates").table, load("regimes").table, load("stall").table
    means = rates.groupby(["claim", "instance", "T"], as_index=False)[["mean_grad2", "bound"]].mean()
    first = pd.DataFrame({"claim": means["claim"], "ratio": means["mean_grad2"] / means["bound"]})
    plans = regimes.groupby(["claim", "method", "q", "eps"], as_index=False)[["mean_grad2", "gap", "gap_bound"]].mean()
    second = pd.DataFrame({"claim": plans["claim"], "ratio": plans["mean_grad2"] / plans["eps"] ** 2})
    gaps = plans.dropna(subset="gap_bound")
    third = pd.DataFrame({"claim": "C7", "ratio": gaps["gap"] / gaps["gap_bound"]})
    last = stall[stall["method"] == "lsr"].iloc[-1]
    fourth = pd.DataFrame({"claim": ["C13"], "ratio": [last["grad2"] / last["floor"]]})
    return pd.concat([first, second, third, fourth], ignore_index=True).assign(kind="run")
