"""The results as small tables, for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsla.theory.text import Json, aligned, number

TOP_LAYERS = 5


def shown_interval(value: float | None, low: float | None, high: float | None) -> str:
    """``0.82 [0.79, 0.85]``; None is unbounded."""
    at_least, at_most = ("-∞" if low is None else number(low)), ("∞" if high is None else number(high))
    return f"{'unbounded' if value is None else number(value)} [{at_least}, {at_most}]"


def table(found: Mapping[str, Any]) -> str:
    """The results of :func:`reading` as small tables, and the advice as the last line."""
    theta, B = number(found["theta"]), found["batch_size"]
    moments = found["moments"]
    single = [
        ("‖∇F‖²", moments["grad2"], ""),
        ("s², variance of g", moments["s2"], ""),
        ("ŝ², second moment of ĝ", moments["shat2"], ""),
        ("  β², its squared bias", moments["beta2"], ""),
        ("  ν², its noise", moments["nu2"], ""),
        ("c, covariance", moments["c"], ""),
        ("delta = ŝ²/s²", found["delta"], f"delta < 1 is {found['delta']['below_1']} (A3)"),
        ("delta0 = ‖∇F‖²/s²", found["delta0"], "the delta of ĝ = 0 (C17)"),
    ]
    of_plain, at_batch = found["second_moment"], found["delta_at_batch_size"]
    batch = [
        ("smoothed", of_plain["ratio"], "C11"),
        ("  bias", of_plain["bias"], "no batch size lowers it"),
        ("  noise", of_plain["noise"], ""),
        ("plain, step (1-theta)eta", of_plain["shrinking"], "C17"),
        ("smoothing beyond that", of_plain["beyond"], "negative: it lowers more than a smaller step"),
        ("delta at this batch size", at_batch, f"delta < 1 is {at_batch['below_1']} (C14, theta = 1)"),
    ]
    choices = [
        ("theta*, of least variance", found["theta_star"], f"C11, at batch size {B}"),
        ("theta°, of the least floor", found["theta_for_step"], "C12, at this eta and batch size"),
        ("B_c(1)", found["critical_batch_size"], "at theta = 1 the variance is lower below this batch size (C14)"),
        (f"B_c({theta})", found["critical_batch_size_at_theta"], f"the same at theta = {theta}; at none where not above 0"),
        (f"B_c({theta}), for the floor", found["critical_batch_size_for_step"], "below it C12's floor is lower at this eta"),
        ("noise scale s²/‖∇F‖²", found["noise_scale"], "McCandlish et al., 2018"),
    ]
    exact = bool(found["exact"])
    blocks = [
        "moments of single examples",
        _rows(single, exact),
        f"second moment about ∇F of a batch of {B} at theta = {theta}, divided by s²/B",
        _rows(batch, exact),
        "what the moments ask for",
        _rows([row for row in choices if row[1] is not None], exact),
        *_layer_blocks(found["layers"]),
        found["advice"],
    ]
    return "\n".join(blocks)


def _rows(rows: list[tuple[str, Json, str]], exact: bool) -> str:
    cells = []
    for name, estimate, note in rows:
        value, interval = shown_interval(estimate["value"], estimate["low"], estimate["high"]).split(" ", 1)
        cells.append([name, value, *([] if exact else [interval]), note])
    return aligned(cells, right=frozenset({1}))


def _layer_blocks(layers: list[Json]) -> list[str]:
    """The layers that are among the first in s² or in what is left beyond a smaller step."""
    by_beyond = sorted(layers, key=lambda row: -abs(row["beyond"]))[:TOP_LAYERS]
    chosen = [row for i, row in enumerate(layers) if i < TOP_LAYERS or row in by_beyond]
    if not chosen:
        return []
    rows = [["layer", "of s²", "beyond"]]
    rows += [[row["layer"] or "(model)", f"{100 * row['share_of_s2']:.1f} %", number(row["beyond"])] for row in chosen]
    return [f"layers that matter, {len(chosen)} of {len(layers)}", aligned(rows, right=frozenset({1, 2}))]
