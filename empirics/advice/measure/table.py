"""The results as small tables, for a person."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from tsla.empirics.moments.estimators import Estimate
from tsla.theory.text import aligned, number

if TYPE_CHECKING:
    from tsla.empirics.advice.measure.results import Layer, Reading

TOP_LAYERS = 5
ESTABLISHED, REFUTED, OPEN = "established", "refuted", "open"


def shown_interval(estimate: Estimate) -> str:
    """``0.82 [0.79, 0.85]``."""
    value, low, high = (number(end) if isfinite(end) else None for end in (estimate.estimate, estimate.low, estimate.high))
    return f"{value or 'unbounded'} [{low or '-∞'}, {high or '∞'}]"


def below_1(delta: Estimate, *, trusted: bool = True) -> str:
    """Whether ``δ < 1``: established where the whole interval is below 1, refuted where none of it is, else open."""
    if not trusted:
        return OPEN
    return ESTABLISHED if delta.high < 1 else REFUTED if delta.low >= 1 else OPEN


def table(found: Reading) -> str:
    """The numbers as small tables, and the advice as the last line."""
    theta, B = number(found.setting.theta), found.setting.batch_size
    verdict, verdict_at_batch_size = (below_1(delta, trusted=found.trusted) for delta in (found.delta, found.delta_at_batch_size))
    single = [
        ("‖∇F‖²", found.grad2, ""),
        ("s², variance of g", found.s2, ""),
        ("ŝ², second moment of ĝ", found.shat2, ""),
        ("  β², its squared bias", found.beta2, ""),
        ("  ν², its noise", found.nu2, ""),
        ("c, covariance", found.c, ""),
        ("delta = ŝ²/s²", found.delta, f"delta < 1 is {verdict} (A3)"),
        ("delta0 = ‖∇F‖²/s²", found.delta0, "the delta of ĝ = 0 (C17)"),
    ]
    batch = [
        ("smoothed", found.ratio, "C11"),
        ("  bias", found.bias, "no batch size lowers it"),
        ("  noise", found.noise, ""),
        ("plain, step (1-theta)eta", found.shrinking, "C17"),
        ("smoothing beyond that", found.beyond, "negative: it lowers more than a smaller step"),
        ("delta at this batch size", found.delta_at_batch_size, f"delta < 1 is {verdict_at_batch_size} (C14, theta = 1)"),
    ]
    choices = [
        ("theta*, of least variance", found.theta_star, f"C11, at batch size {B}"),
        ("theta°, of the least floor", found.theta_for_step, "C12, at this eta and batch size"),
        ("B_c(1)", found.critical_batch_size, "at theta = 1 the variance is lower below this batch size (C14)"),
        (f"B_c({theta})", found.critical_batch_size_at_theta, f"the same at theta = {theta}; at none where not above 0"),
        (f"B_c({theta}), for the floor", found.critical_batch_size_for_step, "below it C12's floor is lower at this eta"),
        ("noise scale s²/‖∇F‖²", found.noise_scale, "McCandlish et al., 2018"),
    ]
    blocks = [
        "moments of single examples",
        _rows(single, found.exact),
        f"second moment about ∇F of a batch of {B} at theta = {theta}, divided by s²/B",
        _rows(batch, found.exact),
        "what the moments ask for",
        _rows([(name, estimate, note) for name, estimate, note in choices if estimate is not None], found.exact),
        *_layer_blocks(found.layers),
        found.advice,
    ]
    return "\n".join(blocks)


def _rows(rows: list[tuple[str, Estimate, str]], exact: bool) -> str:
    cells = []
    for name, estimate, note in rows:
        value, interval = shown_interval(estimate).split(" ", 1)
        cells.append([name, value, *([] if exact else [interval]), note])
    return aligned(cells, right=frozenset({1}))


def _layer_blocks(layers: tuple[Layer, ...]) -> list[str]:
    """The layers that are among the first in s² or in what is left beyond a smaller step."""
    by_beyond = sorted(layers, key=lambda row: -abs(row.beyond))[:TOP_LAYERS]
    chosen = [row for i, row in enumerate(layers) if i < TOP_LAYERS or row in by_beyond]
    if not chosen:
        return []
    rows = [["layer", "of s²", "beyond"]]
    rows += [[row.layer or "(model)", f"{100 * row.share_of_s2:.1f} %", number(row.beyond)] for row in chosen]
    return [f"layers that matter, {len(chosen)} of {len(layers)}", aligned(rows, right=frozenset({1, 2}))]
