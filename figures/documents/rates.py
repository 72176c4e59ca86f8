"""The tables of ``docs/rates.md``: what became of each rate, and what annealed smoothing needs beside its rivals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.experiments.rates.annealed import CONTRASTS
from tsla.empirics.experiments.rates.verdicts import (
    ATTAINED,
    CURVE,
    REFUTED,
    STEEPER,
    by_single_iterate,
    could_have_failed,
    spare_factor,
    verdict,
)
from tsla.empirics.runs import records
from tsla.figures import markdown
from tsla.theory.complexity import regime


def tables(folder: Path) -> tuple[str]:
    """Verdicts, exponents, and the contrasts of annealed smoothing."""
    rates, annealed = (records.of(folder, name).table for name in ("measured_rates", "annealed"))
    parts = (
        ("Verdicts", _summary(rates)),
        ("Exponents", _details(rates)),
        ("Annealed smoothing, TSLA and none on the same noise: who needs fewer samples", _who(annealed)),
        ("The same, case by case: samples of one over those of the other", _contrasts(annealed)),
    )
    return (markdown.sections(parts),)


def _summary(record: pd.DataFrame) -> str:
    """One line a row of C9 (or C15) and method: the verdict over all problems tried."""
    keyed = record.assign(regime=[regime(method, q) for method, q in zip(record["method"], record["q"], strict=True)])
    lines = []
    for (method, row), group in keyed.groupby(["method", "regime"], sort=False):
        powers = ", ".join(_power(power) for power in group["predicted"].unique())
        spare = [spare_factor(rows) for _, rows in group.groupby(CURVE, sort=False)]
        ends = dict.fromkeys(f"{end:.2g}" for end in (min(spare), max(spare)))
        said = "-" if np.isnan(spare).any() else f"{' to '.join(ends)}-fold"
        lines.append((str(row), str(method), str(group["claim"].iloc[0]), powers, said, _over_all(group)))
    return markdown.table(("regime", "method", "claim", "predicted", "spare", "verdict"), lines)


def _over_all(group: pd.DataFrame) -> str:
    several = len(group["q"].unique()) > 1
    curves = {
        f"{problem} (q = {q:g})" if several else f"{problem}": rows for (problem, q), rows in group.groupby(["problem", "q"], sort=False)
    }
    verdicts = {name: verdict(rows) for name, rows in curves.items()}
    refuted, attained, steeper = ([name for name, said in verdicts.items() if said == kind] for kind in (REFUTED, ATTAINED, STEEPER))
    if refuted:
        return f"refuted on {', '.join(refuted)}"
    if not attained and steeper:
        return f"nowhere attained: steeper on {', '.join(steeper)}, within the plan"
    if not attained:
        return f"faster than the bound on every instance tried ({', '.join(verdicts)})"
    said = f"attained on {', '.join(attained)}"
    if np.isinf(group["planned"]).all():
        return f"{said}: ε² is not reached"
    free = [name for name in attained if could_have_failed(curves[name])]
    return f"{said}; what could have failed: {', '.join(free) if free else 'none'}"


def _details(record: pd.DataFrame) -> str:
    """One line a method and problem: exponents predicted and measured."""
    exponents_of = ("predicted", "plan", "measured", "single iterate")
    titles = ("regime", "problem", "method", "δ", *exponents_of, "by the plan", "of the plan", "spare", "seeds", "ε", "verdict")
    return markdown.table(titles, [_detail(rows) for _, rows in record.groupby(CURVE, sort=False)])


def _detail(rows: pd.DataFrame) -> tuple[str, ...]:
    first, last = rows.iloc[0], rows.iloc[-1]
    row = regime(first["method"], first["q"])
    arrives = np.isfinite(last["needed"]) and np.isfinite(last["planned"])
    return (
        row,
        first["problem"],
        first["method"],
        "-" if row == "any" else _delta(first["scale"], first["q"], first["sigma2"]),
        _power(first["predicted"]),
        f"{first['planned_exponent']:.2f}" if np.isfinite(first["planned_exponent"]) else "never",
        _interval(first, "exponent"),
        _interval(first, "single_exponent"),
        f"{100 * last['fixed'] / last['needed']:.0f} %" if arrives else "-",
        f"{100 * last['needed'] / last['planned']:.2g} %" if arrives else "-",
        f"{spare_factor(rows):.3g}-fold" if arrives else "-",
        f"{first['replicas']}",
        f"{first['eps']:g} to {last['eps']:g} ({np.log10(first['eps'] / last['eps']):.1f} decades)",
        verdict(rows) + (" (single iterate)" if by_single_iterate(rows) else ""),
    )


def _delta(scale: float, q: float, sigma2: float) -> str:
    base = "ε" if sigma2 == 1 else "(ε/σ)"
    power = base if q == 1 else f"{base}^{q:g}"
    return f"{scale:g} {power}" if q else f"{scale:g}"


def _power(predicted: float) -> str:
    if np.isinf(predicted):
        return "never"
    return f"{predicted:g}" if predicted else "log"


def _interval(row: pd.Series, name: str) -> str:
    estimate, low, high = (row[column] for column in (name, f"{name}_low", f"{name}_high"))
    return "never" if np.isnan(estimate) else f"{estimate:.2f} [{low:.2f}, {high:.2f}]"


def _contrasts(record: pd.DataFrame) -> str:
    """Samples of one arm over another's on the same noise, a line a case and a column a contrast."""
    lines = []
    for key, rows in record.groupby(["problem", "eps", "delta", "bias"], sort=False):
        problem, eps, delta, bias = key
        by_contrast = {(row["arm"], row["against"]): row for _, row in rows.iterrows()}
        lines.append((str(problem), f"{eps:g}", f"{delta:g}", f"{bias:g}", *(_ratio(by_contrast[contrast]) for contrast in CONTRASTS)))
    titles = ("problem", "ε", "δ", "β²/(δσ²)", *(f"{arm} / {against}" for arm, against in CONTRASTS))
    return markdown.table(titles, lines)


def _who(record: pd.DataFrame) -> str:
    """One line a contrast: in how many cases the first arm needs fewer samples, beyond chance, or more, by how much of ``δσ²`` is bias."""
    lines = []
    for arm, against in CONTRASTS:
        rows = record[(record["arm"] == arm) & (record["against"] == against)]
        by_bias = [_counts(group) for _, group in rows.groupby("bias", sort=False)]
        lines.append((arm, against, *by_bias))
    return markdown.table(("", "against", *(f"β²/(δσ²) = {bias:g}" for bias in record["bias"].unique())), lines)


def _counts(rows: pd.DataFrame) -> str:
    fewer, more = int((rows["ratio_high"] < 1).sum()), int((rows["ratio_low"] > 1).sum())
    said = f"fewer in {fewer}, more in {more} of {len(rows)}"
    return f"{said}; {rows['ratio'].min():.2g} to {rows['ratio'].max():.2g} times"


def _ratio(row: pd.Series) -> str:
    if np.isnan(row["ratio"]) or np.isnan(row["ratio_low"]):
        return "neither arrives"
    if np.isinf(row["ratio"]):
        return "does not arrive"
    return f"{row['ratio']:.3g} [{row['ratio_low']:.3g}, {row['ratio_high']:.3g}]"
