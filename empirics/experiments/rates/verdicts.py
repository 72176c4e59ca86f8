"""Verdicts on measured rates, and the tables of ``docs/rates.md``, which ``python -m tsla.empirics.experiments.rates.verdicts`` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.experiments.rates.annealed import CONTRASTS
from tsla.empirics.runs import markdown, records
from tsla.theory.complexity import regime

TOLERANCE = 0.15
"""What an exponent on a grid of one to two decades may miss by lower-order terms."""

ATTAINED, FASTER, REFUTED = "attained", "faster", "refuted"
DOCUMENT = Path("docs/rates.md")
BEGIN, END = "<!-- written by python -m tsla.empirics.experiments.rates.verdicts -->", "<!-- end -->"
CURVE = ["problem", "method", "q", "scale"]


def verdict(rows: pd.DataFrame) -> str:
    """Of one method on one problem, from the rows of :func:`measure`.

    refuted:   more samples than planned, beyond chance, or an exponent of the theorem's own quantity that is wholly above the plan's on the
               same grid (where that is a power, not a logarithm)
    attained:  an exponent whose interval comes within TOLERANCE of the plan's; or a target that is said to be out of reach, and is
    faster:    the rest. Bounds are upper bounds: this refutes nothing
    """
    first = rows.iloc[0]
    if np.isinf(first["planned"]):
        return ATTAINED if np.isinf(rows["needed"]).all() else FASTER
    _, low, high = judged(rows)
    too_late = (rows["at_end_low"] > rows["eps"] ** 2).any()
    too_steep = first["predicted"] > 0 and not by_single_iterate(rows) and low > first["planned_exponent"] + TOLERANCE
    if too_late or too_steep or np.isinf(rows["needed"]).any():
        return REFUTED
    return ATTAINED if high >= first["planned_exponent"] - TOLERANCE else FASTER


def judged(rows: pd.DataFrame) -> tuple[float, float, float]:
    """The exponent that counts, with its interval: the theorem's own quantity's, or a single iterate's where the plan fixes most of it."""
    name, row = "single_exponent" if by_single_iterate(rows) else "exponent", rows.iloc[0]
    return float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"])


def by_single_iterate(rows: pd.DataFrame) -> bool:
    """Whether half or more of the samples needed at the smallest ε are stages of a length that the plan fixes."""
    last = rows.iloc[-1]
    return bool(last["fixed"] >= last["needed"] / 2) and bool(np.isfinite(last["single"]))


def single_attains(rows: pd.DataFrame) -> bool:
    """Whether even a single iterate needs samples that grow as the plan does."""
    first = rows.iloc[0]
    return bool(np.isfinite(first["planned"]) and first["single_exponent_high"] >= first["planned_exponent"] - TOLERANCE)


def summary(record: pd.DataFrame) -> str:
    """One line a row of C9 (or C15) and method: the verdict over all problems tried."""
    keyed = record.assign(regime=[regime(method, q) for method, q in zip(record["method"], record["q"], strict=True)])
    lines = []
    for (method, row), group in keyed.groupby(["method", "regime"], sort=False):
        powers = ", ".join(_power(power) for power in group["predicted"].unique())
        lines.append((str(row), str(method), str(group["claim"].iloc[0]), powers, _over_all(group)))
    return markdown.table(("regime", "method", "claim", "predicted", "verdict"), lines)


def _over_all(group: pd.DataFrame) -> str:
    several = len(group["q"].unique()) > 1
    curves = {
        f"{problem} (q = {q:g})" if several else f"{problem}": rows for (problem, q), rows in group.groupby(["problem", "q"], sort=False)
    }
    verdicts = {name: verdict(rows) for name, rows in curves.items()}
    refuted, attained = ([name for name, said in verdicts.items() if said == kind] for kind in (REFUTED, ATTAINED))
    if refuted:
        return f"refuted on {', '.join(refuted)}"
    if not attained:
        return f"faster than the bound on every instance tried ({', '.join(verdicts)})"
    said = f"attained on {', '.join(attained)}"
    if np.isinf(group["planned"]).all():
        return f"{said}: ε² is not reached"
    singly = [name for name in attained if single_attains(curves[name])]
    return f"{said}; by single iterates {'on ' + ', '.join(singly) if singly else 'nowhere'}"


def details(record: pd.DataFrame) -> str:
    """One line a method and problem: exponents predicted and measured."""
    exponents_of = ("predicted", "plan", "measured", "single iterate")
    titles = ("regime", "problem", "method", "δ", *exponents_of, "by the plan", "of the plan", "seeds", "ε", "verdict")
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


def contrasts(record: pd.DataFrame) -> str:
    """Samples of one arm over another's on the same noise, a line a case and a column a contrast."""
    lines = []
    for key, rows in record.groupby(["problem", "eps", "delta", "bias"], sort=False):
        problem, eps, delta, bias = key
        by_contrast = {(row["arm"], row["against"]): row for _, row in rows.iterrows()}
        lines.append((str(problem), f"{eps:g}", f"{delta:g}", f"{bias:g}", *(_ratio(by_contrast[contrast]) for contrast in CONTRASTS)))
    titles = ("problem", "ε", "δ", "β²/(δσ²)", *(f"{arm} / {against}" for arm, against in CONTRASTS))
    return markdown.table(titles, lines)


def who(record: pd.DataFrame) -> str:
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


def tables(rates: pd.DataFrame, annealed: pd.DataFrame) -> str:
    """Both records as Markdown."""
    parts = (
        ("Verdicts", summary(rates)),
        ("Exponents", details(rates)),
        ("Annealed smoothing, TSLA and none on the same noise: who needs fewer samples", who(annealed)),
        ("The same, case by case: samples of one over those of the other", contrasts(annealed)),
    )
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def with_tables(document: str, rates: pd.DataFrame, annealed: pd.DataFrame) -> str:
    """The document with the tables of these records. Raises ValueError where it has no place for them."""
    before, after = markdown.around(document, BEGIN, END)
    return f"{before}{tables(rates, annealed)}{after}"


if __name__ == "__main__":
    found = [records.read(records.FOLDER / f"{name}.parquet").table for name in ("measured_rates", "annealed")]
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8"), *found), encoding="utf-8")
