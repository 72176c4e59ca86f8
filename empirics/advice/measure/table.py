"""The results for a person, at most 80 columns wide: the answer, what the study found, and the numbers, each with what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from tsla.empirics.advice.measure import study
from tsla.empirics.moments.estimators import Estimate
from tsla.theory.text import aligned, noted, number, wrapped

if TYPE_CHECKING:
    from tsla.empirics.advice.measure.results import Layer, Reading

TOP_LAYERS = 5
ESTABLISHED, REFUTED, OPEN = "established", "refuted", "open"
Row = tuple[str, Estimate | None, str]
"""What a number is called, the number, and what it says. Without a number there is no row."""


def below_1(delta: Estimate, *, trusted: bool = True) -> str:
    """Whether ``δ < 1``: established where the whole interval is below 1, refuted where none of it is, else open."""
    if not trusted:
        return OPEN
    return ESTABLISHED if delta.high < 1 else REFUTED if delta.low >= 1 else OPEN


def table(found: Reading, about: Sequence[str] = ()) -> str:
    """The answer, what the study found of what the moments say nothing of, what was measured, and the numbers."""
    B, theta = found.setting.batch_size, number(found.setting.theta)
    answer, *numbers = found.advice.split(". ", 1)
    blocks = [
        f"{answer.removesuffix('.')}.",
        "This says nothing of test accuracy or test loss.",
        *(wrapped(text) for text in numbers),
        "",
        *_study(found),
        "",
        *(wrapped(line) for line in (*about, *_measured(found))),
        "",
        wrapped(f"gradients g at the label and ĝ at the smoothing label, of one {_unit(found)}"),
        wrapped("∇F is the mean of g. Variance is the mean squared distance from ∇F, so that the bias of ĝ counts in it.", more=""),
        _rows(_moments(found), found.exact),
        *_below_0(found),
        f"variance of a batch of {B} with smoothing at theta = {theta}, over that without",
        _rows(_batch(found), found.exact),
        *_two_deltas(found),
        "what the moments ask for" + "; in batches smaller than B_c smoothing helps (C14)" * (found.delta is not None),
        _rows(_choices(found), found.exact),
        *_layer_blocks(found.layers),
    ]
    return "\n".join(blocks)


def _below_0(found: Reading) -> list[str]:
    """Why what is a square came out below 0, where it did."""
    squares = (found.grad2, found.shat2, found.beta2)
    if all(square.estimate >= 0 for square in squares):
        return []
    return [wrapped("A square that came out below 0 is small beside its noise. Its estimate is unbiased, and so may lie on either side.")]


def _unit(found: Reading) -> str:
    return "example" if found.delta is not None else f"batch of {found.setting.batch_size}"


def _two_deltas(found: Reading) -> list[str]:
    """Why they differ; or why there is one only."""
    if found.delta is None:
        return [wrapped("The network couples the examples of a batch. So nothing follows for one example or for other batch sizes.")]
    return [wrapped("δ of a batch is not that of one example. A batch averages the noise of ĝ away, but not its bias (C14).")]


def _study(found: Reading) -> list[str]:
    known = found.study
    return [
        wrapped(study.sentence(known)),
        study.table(known),
        wrapped("A range is that of the mean differences at the settings. Won and lost are those whose 95 % interval leaves out 0."),
        *(wrapped(f"{words}.") for words in known["scope"].values()),
    ]


def _measured(found: Reading) -> list[str]:
    some = f"{found.examples:,} of {found.population:,}" if found.population else f"{found.examples:,}"
    batches = f"{found.groups} batches" if found.delta is not None else f"batches of {found.setting.batch_size}"
    how = f"{some} examples in {batches}; 95 % intervals in brackets"
    exact = (
        f"all {found.examples:,} examples, so that values are exact for these{' and one draw of dropout' * ('dropout on' in found.mode)}"
    )
    return [f"measured on {exact if found.exact else how}", f"network in {found.mode}"]


def _moments(found: Reading) -> list[Row]:
    return [
        ("‖∇F‖²", found.grad2, "squared length of ∇F"),
        ("s²", found.s2, "variance of g"),
        ("ŝ²", found.shat2, "variance of ĝ"),
        ("  β²", found.beta2, "of it by bias"),
        ("  ν²", found.nu2, "of it by noise"),
        ("c", found.c, "covariance of g and ĝ"),
        ("δ = ŝ²/s²", found.delta, _delta_note(found.delta, "of one example (A3)", found.trusted)),
        ("δ0 = ‖∇F‖²/s²", found.delta0, "δ if ĝ were 0 (C17)"),
    ]


def _batch(found: Reading) -> list[Row]:
    B = found.setting.batch_size
    return [
        ("smoothed", found.ratio, _signed(found.ratio, 1, found.trusted, "lowered", "unchanged", "raised") + " (C11)"),
        ("  by bias", found.bias, "the same in every batch"),
        ("  by noise", found.noise, ""),
        ("smaller step", found.shrinking, "step (1-theta)eta (C17)"),
        ("difference", found.beyond, _signed(found.beyond, 0, found.trusted, *DIFFERENCE)),
        ("δ", found.delta_at_batch_size, _delta_note(found.delta_at_batch_size, f"of a batch of {B} (A3)", found.trusted)),
    ]


DIFFERENCE = ("smoothing leaves less", "no difference", "the smaller step leaves less")
"""What the sign of the row above says."""


def _choices(found: Reading) -> list[Row]:
    B, theta = found.setting.batch_size, number(found.setting.theta)
    return [
        ("theta*", found.theta_star, "of least variance (C11)"),
        ("theta°", found.theta_for_step, "of the least floor (C12)"),
        ("B_c(1)", found.critical_batch_size, _batch_size_note(found.critical_batch_size, B, "at theta = 1", found.trusted)),
        (
            f"B_c({theta})",
            found.critical_batch_size_at_theta,
            _batch_size_note(found.critical_batch_size_at_theta, B, f"at theta = {theta}", found.trusted),
        ),
        (
            "B_c, floor",
            found.critical_batch_size_for_step,
            _batch_size_note(found.critical_batch_size_for_step, B, "for C12's floor", found.trusted),
        ),
        ("s²/‖∇F‖²", found.noise_scale, "noise scale (McCandlish et al., 2018)"),
    ]


def _signed(estimate: Estimate, at: float, trusted: bool, below: str, same: str, above: str) -> str:
    """The words for the side of ``at`` that the whole interval lies on."""
    if not trusted:
        return OPEN
    if estimate.low == estimate.high == at:
        return same
    return below if estimate.high < at else above if estimate.low > at else OPEN


def _delta_note(delta: Estimate | None, what: str, trusted: bool) -> str:
    return "" if delta is None else f"{_signed(delta, 1, trusted, 'below 1', 'is 1', 'above 1')}, {what}"


def _batch_size_note(limit: Estimate | None, B: int, where: str, trusted: bool) -> str:
    """Below its critical size a batch has a lower variance with smoothing (C14)."""
    if limit is None:
        return ""
    if trusted and limit.high <= 0:
        return f"raised in every batch {where}"
    said = _signed(limit, B, trusted, f"{B} is above: raised", f"{B} is at it: unchanged", f"{B} is below: lowered")
    return f"{said} {where}" if said != OPEN else f"{OPEN} for {B} {where}"


def _rows(rows: Iterable[Row], exact: bool) -> str:
    cells = []
    for name, estimate, note in rows:
        if estimate is not None:
            value, low, high = (_shown(name, end) for end in (estimate.estimate, estimate.low, estimate.high))
            cells.append([name, value, *([] if exact else [f"[{low}, {high}]"]), note])
    return noted(cells, right=frozenset({1}))


def _shown(name: str, value: float) -> str:
    """A critical batch size that is not above 0 is none: smoothing helps in no batch."""
    if name.startswith("B_c") and value <= 0:
        return "none"
    return number(value) if isfinite(value) else "-∞" if value < 0 else "∞"


def _layer_blocks(layers: tuple[Layer, ...]) -> list[str]:
    """The layers that are among the first in s² or in the difference, and what the others add up to."""
    by_beyond = sorted(layers, key=lambda row: -abs(row.beyond))[:TOP_LAYERS]
    chosen = [row for i, row in enumerate(layers) if i < TOP_LAYERS or row in by_beyond]
    if not chosen:
        return []
    others = [row for row in layers if row not in chosen]
    rows = [["layer", "of s²", "of the difference"], *(_layer(row.layer or "(model)", [row]) for row in chosen)]
    rows += [_layer(f"the other {len(others)}", others)] if others else []
    title = f"layers, {len(chosen)} of {len(layers)}: the {TOP_LAYERS} with most of s² and the {TOP_LAYERS} with most of the difference"
    return [wrapped(title if others else "layers, all of them, the largest part of s² first"), aligned(rows, right=frozenset({1, 2}))]


def _layer(name: str, rows: Sequence[Layer]) -> list[str]:
    return [name, f"{100 * sum(row.share_of_s2 for row in rows):.1f} %", number(sum(row.beyond for row in rows))]
