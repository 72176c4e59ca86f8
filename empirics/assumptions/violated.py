"""The premises that failed along a run, with the numbers, and the claims that go with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tsla.empirics.assumptions.judged import PREMISES, Seen
from tsla.theory import smoothing
from tsla.theory.claims import ASSUMES, GAIN, LONG_STEP, STEP
from tsla.theory.constants import Constants
from tsla.theory.text import number


@dataclass(frozen=True)
class Violation:
    """A premise that failed: first at ``step``, in ``rows`` of all rows; ``found`` there, against what it ``allowed``; and what follows."""

    premise: str
    step: int
    rows: int
    found: float
    allowed: float
    claims: tuple[str, ...]
    effect: str


def violations(rows: Sequence[Seen], stated: Constants) -> list[Violation]:
    """The premises that failed along a run, in the order of PREMISES, each where it failed first; none if none did.

    ``stated`` as when the rows were made: the effects name its constants.
    """
    return [_violation(premise, rows, stated) for premise in PREMISES if any(premise in row.broken for row in rows)]


def _violation(premise: str, rows: Sequence[Seen], stated: Constants) -> Violation:
    where = [row for row in rows if premise in row.broken]
    first = where[0]
    found, allowed, what = _WHAT[premise](first, stated)
    claims = tuple(claim for claim, assumes in ASSUMES.items() if premise in assumes)
    since = "from there" if len(where) == sum(row.step >= first.step for row in rows) else f"there ({len(where)} of {len(rows)} rows)"
    effect = f"{what} at step {first.step}: {', '.join(claims)} {'does' if len(claims) == 1 else 'do'} not apply {since}"
    if premise == STEP and not any(LONG_STEP in row.broken or "A1" in row.broken for row in rows):
        effect += "; C16 (eta < 2/L) still does"
    return Violation(premise, first.step, len(where), found, allowed, claims, effect)


Finding = tuple[float, float, str]


def _what_step(row: Seen, stated: Constants, limit: float, sign: str) -> Finding:
    L = max(row.L, float(stated.L))
    name = f"{limit:g}/L = {number(limit / L)}"
    return row.eta * L, limit, f"eta = {number(row.eta)} {sign} {name}"


def _what_a1(row: Seen, stated: Constants) -> Finding:
    L = float(stated.L)
    return row.L, L, f"L is at least {number(row.L)}, above the stated {number(L)},"


def _what_a2(row: Seen, stated: Constants) -> Finding:
    sigma2 = float(stated.sigma2)
    return row.sigma2, sigma2, f"sigma2 = {number(row.sigma2)}, above the stated {number(sigma2)},"


def _what_a3(row: Seen, stated: Constants) -> Finding:
    allowed = float(stated.need_delta("A3") * stated.sigma2)
    return row.shat2, allowed, f"E‖ĝ-∇F‖² = {number(row.shat2)}, above the stated delta*sigma2 = {number(allowed)},"


def _what_a4(row: Seen, stated: Constants) -> Finding:
    mu = float(stated.need_mu("A4"))
    return row.pl_ratio, mu, f"‖∇F‖²/(2(F-F*)) = {number(row.pl_ratio)}, below the stated mu = {number(mu)},"


def _what_gain(row: Seen, stated: Constants) -> Finding:
    if not np.isfinite(row.delta):
        return row.delta, 1.0, "delta is infinite: without noise in g smoothing can only add to it,"
    V = float(smoothing.lemma_at_paper_theta(row.sigma2, row.delta))
    why = f"V(1/(1+delta)) = {number(V)} is not below sigma2 = {number(row.sigma2)}, so that by C2 smoothing does not lower the variance,"
    return row.delta, 1.0, f"delta = {number(row.delta)} >= 1, {why}"


_WHAT: dict[str, Callable[[Seen, Constants], Finding]] = {
    "A1": _what_a1,
    "A2": _what_a2,
    "A3": _what_a3,
    "A4": _what_a4,
    STEP: lambda row, stated: _what_step(row, stated, 1.0, ">"),
    LONG_STEP: lambda row, stated: _what_step(row, stated, 2.0, ">="),
    GAIN: _what_gain,
}
