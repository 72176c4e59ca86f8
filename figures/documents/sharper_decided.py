"""The tables of ``docs/sharper_decided.md``: the best two stages by their worst cases, and samples beside what no method can do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.runs import records
from tsla.figures import markdown
from tsla.theory import lower_bound, sgd_pl, sharp_pl, two_stage
from tsla.theory.constants import Constants

DELTAS = (0.002, 0.005, 0.02, 0.05, 0.1, 0.3, 0.9)
EPS = 0.1
PLANS = {
    "SGD, C15b": sgd_pl.three_phase_steps,
    "smoothed throughout, C18": sharp_pl.never_dropped_steps,
    "TSLA, C18": sharp_pl.tsla_steps,
    "TSLA, C8": two_stage.steps,
}
NAMED = ("plain", "smoothed", "dropped", "taken up")
SEARCH = 1e-4


def tables(folder: Path) -> tuple[str, str]:
    """What the search of the record ``dropping`` found, and samples at one example."""
    return _dropping(records.of(folder, "dropping").table), _samples()


def _samples() -> str:
    lines = []
    for delta in DELTAS:
        k = Constants(L=10, mu=1, sigma2=1, delta=delta, F0=1)
        totals = [float(plan(k, eps=EPS).total) for plan in PLANS.values()]
        lines.append((f"{delta:g}", *(f"{total:,.0f}" for total in totals), f"{float(lower_bound.samples(k, eps=EPS)):,.1f}"))
    return markdown.table(("δ", *PLANS, "no method"), lines)


def _dropping(record: pd.DataFrame) -> str:
    settings = [rows.set_index("arm") for _, rows in record.groupby(["T", "kappa", "sigma2", "delta"], dropna=False)]
    best = [_best(rows["worst"]) for rows in settings]
    counts = ", ".join(f"{arm} in {best.count(arm)}" for arm in NAMED)
    titles = ("steps", "κ", "σ²", "δ", *NAMED, "any two", "its θ")
    return f"The smallest worst case of the four in {len(settings)} settings: {counts}.\n\n" + markdown.table(titles, map(_line, settings))


def _best(worst: pd.Series) -> str:
    """The first whose worst case is the smallest, but for what a search leaves."""
    return next(arm for arm in NAMED if worst[arm] <= (1 + SEARCH) * worst[list(NAMED)].min())


def _line(rows: pd.DataFrame) -> tuple[str, ...]:
    first, free = rows.iloc[0], rows.loc["any"]
    kappa = "no A4" if np.isnan(first["kappa"]) else f"{first['kappa']:g}"
    values = (f"{rows['worst'][arm]:.3f}" for arm in (*NAMED, "any"))
    thetas = f"{free['theta1']:.2f}, then {free['theta2']:.2f}"
    return (f"{first['T']:.0f}", kappa, f"{first['sigma2']:g}", f"{first['delta']:g}", *values, thetas)
