"""What was seen at one step of a run, and which premises fail there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tsla.theory.claims import ASSUMES, GAIN, LONG_STEP, STEP
from tsla.theory.constants import ROUNDING, Array, Constants

PREMISES = ("A1", "A2", "A3", "A4", STEP, LONG_STEP, GAIN)
"""All that a claim may assume, in the order in which it is reported."""
SLACK = 1e-6
"""Relative: differences of gradients are off by about 1e-9 of the constant that they measure."""


@dataclass(frozen=True)
class Seen:
    """What was seen at one step.

    step, eta:          steps done, and the step size of the next one (of the last one, at the end)
    L_secant:           ``‖∇F(w)-∇F(w')‖/‖w-w'‖`` from the row before; nan in the first row, and where the two are too close to tell
    L_power:            the norm of the Hessian at w, by power iteration: never above it, but for rounding
    sigma2, shat2:      ``E‖g-∇F‖²`` and ``E‖ĝ-∇F‖²`` at w, in units of ``‖∇F‖²``
    delta:              their ratio ŝ²/σ²; infinite where σ² = 0 < ŝ², nan where both are 0
    pl_ratio:           ``‖∇F‖²/(2(F-F*))``, which A4 wants to be at least μ; too small where F* is a lower bound; infinite at a minimum
    eta_L:              ``η`` times the larger of the two estimates of L
    broken, violated:   the premises that fail here, and the claims that assume them, in the order of PREMISES and ASSUMES
    """

    step: int
    eta: float
    L_secant: float
    L_power: float
    sigma2: float
    shat2: float
    delta: float
    pl_ratio: float
    eta_L: float  # noqa: N815 - as the record's column is called
    broken: tuple[str, ...] = ()
    violated: tuple[str, ...] = ()

    @property
    def L(self) -> float:  # noqa: N802 - the name the paper gives it
        """The larger of the two estimates."""
        return float(np.fmax(self.L_secant, self.L_power))

    def columns(self) -> dict[str, Any]:
        """The row as a record carries it: premises and claims as words apart by blanks."""
        return asdict(self) | {"broken": " ".join(self.broken), "violated": " ".join(self.violated)}


@dataclass(frozen=True)
class Point:
    """What is measured at one step, before it is judged."""

    step: int
    eta: float
    w: Array
    gradient: Array
    gap: float
    L_power: float
    sigma2: float
    shat2: float


def judged(before: Point | None, point: Point, stated: Constants | None, *, minimum_known: bool) -> Seen:
    """What was seen at ``point``, with the point ``before`` for a secant; against the ``stated`` constants, where there are some."""
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = float(np.float64(point.shat2) / point.sigma2)
    secant = float("nan") if before is None else _secant(before, point)
    row = Seen(
        step=point.step,
        eta=point.eta,
        L_secant=secant,
        L_power=point.L_power,
        sigma2=point.sigma2,
        shat2=point.shat2,
        delta=delta,
        pl_ratio=float(point.gradient @ point.gradient) / (2 * point.gap) if point.gap > 0 else float("inf"),
        eta_L=point.eta * float(np.fmax(secant, point.L_power)),
    )
    broken = _broken(row, stated, minimum_known=minimum_known)
    return replace(row, broken=broken, violated=tuple(claim for claim, assumes in ASSUMES.items() if set(assumes) & set(broken)))


def _secant(a: Point, b: Point) -> float:
    """The slope between two points; nan where they are so close that rounding would be seen in it."""
    distance = float(np.linalg.norm(b.w - a.w))
    if distance <= 1e-7 * max(float(np.linalg.norm(a.w)), float(np.linalg.norm(b.w))):
        return float("nan")
    return float(np.linalg.norm(b.gradient - a.gradient)) / distance


def _broken(row: Seen, stated: Constants | None, *, minimum_known: bool) -> tuple[str, ...]:
    over = 1 + SLACK
    found = {
        STEP: row.eta_L > over,
        LONG_STEP: row.eta_L > 2 * over,
        GAIN: row.shat2 >= row.sigma2 * (1 - SLACK) and row.shat2 > 0,
    }
    if stated is not None:
        sigma2 = float(stated.sigma2)
        found["A1"] = float(stated.L) * over < row.L
        found["A2"] = row.sigma2 > sigma2 * over
        found["A3"] = stated.delta is not None and row.shat2 > float(stated.delta) * sigma2 * over
        found["A4"] = minimum_known and stated.mu is not None and row.pl_ratio * over < float(stated.mu)
        scale = row.eta * float(stated.L)  # the step is judged by the larger of the L that is stated and the L that is seen
        found[STEP] |= bool(scale > 1 + ROUNDING)
        found[LONG_STEP] |= scale >= 2
    return tuple(premise for premise in PREMISES if found.get(premise, False))
