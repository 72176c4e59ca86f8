"""Samples to reach ``E‖∇F‖² <= ε²``: the table of regimes C9, and all methods side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import lsr, sgd, sgd_pl, tsla
from theory.constants import Array, Constants, real
from theory.plan import Plan

METHODS: dict[str, Callable[..., Plan]] = {
    "sgd": sgd.steps,
    "lsr": lsr.steps,
    "tsla": tsla.steps,
    "sgd-pl": sgd_pl.three_phase_steps,
    "sgd-pl-last": sgd_pl.last_iterate_steps,
    "sgd-two-step": sgd_pl.two_step_size_steps,
}


def exponents(q: ArrayLike) -> dict[str, Array]:
    """The exponent ``r`` of ``1/ε^r`` samples at ``δ = ε^q``, ``q >= 0``, as ``ε → 0`` (C9, constants and logarithms dropped).

    TSLA: ``4 - q``, and 0 (``log(1/ε)``) from ``q = 4`` on. LSR: 2 where ``q >= 2``, else infinite: it does not get there.
    SGD: 4, without A4, which the TSLA column uses; the fair comparison is C15.
    """
    power = real("q", q, at_least=0)
    return {
        "tsla": np.maximum(4 - power, 0.0),
        "lsr": np.where(power >= 2, 2.0, np.inf),
        "sgd": np.full_like(power, 4.0),
    }


@dataclass(frozen=True)
class Comparison:
    """The plans of all methods at scalar constants, fastest first; ``ahead`` names the fastest and ``why`` says it in words."""

    plans: tuple[Plan, ...]
    ahead: str
    why: str


def compare(constants: Constants, *, eps: float) -> Comparison:
    """What every bound asks for at the same constants. Raises ValueError as the single plans do."""
    plans = sorted((plan(constants, eps=eps) for plan in METHODS.values()), key=lambda plan: float(plan.total))
    totals = {plan.method: float(plan.total) for plan in plans}
    return Comparison(tuple(plans), plans[0].method, _why(constants, eps, plans[0].method, totals))


def _why(constants: Constants, eps: float, ahead: str, totals: dict[str, float]) -> str:
    gain = float(sgd_pl.smoothing_gain(constants.need_delta("C8")))
    floor, gap = gain * float(constants.sigma2), float(gain * constants.sigma2 / constants.need_mu("C8"))
    ratio = totals["sgd"] / totals["tsla"]
    against_paper = f"TSLA asks for {max(ratio, 1 / ratio):.3g} times {'fewer' if ratio > 1 else 'more'} samples than plain SGD (C4)"
    reason = f"its plain stage starts from a gap of 2δσ²/((1+δ)μ) = {gap:.3g} in place of F0 = {float(constants.F0):.3g}"
    fair = {
        "tsla": f"no plain SGD with A4 is ahead of it; of the gain, the factor 2δ/(1+δ) = {gain:.3g} is due to smoothing (C15c)",
        "lsr": f"smoothing alone is ahead of it, as its floor 2δσ²/(1+δ) = {floor:.3g} is below eps² = {eps**2:.3g}",
        "sgd": "plain SGD without A4 is ahead of every method that assumes more",
    }
    behind = totals["tsla"] / max(totals[ahead], 1)
    without_smoothing = f"with A4 for SGD too, {ahead} is ahead of TSLA {behind:.3g}-fold without smoothing"
    return f"{against_paper}: {reason}; {fair.get(ahead, without_smoothing)}."
