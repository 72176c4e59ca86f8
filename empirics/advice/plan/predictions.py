"""What the theory predicts along a pilot, and until when smoothing helps in each of its ways.

A way of helping is a quantity that is negative as long as smoothing helps by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from tsla.empirics.advice.plan.pilot import Pilot
from tsla.theory.constants import Array
from tsla.theory.text import Json

Excess = Callable[[Pilot], Array]
"""A quantity at the measured epochs, shape (m,), which is negative where smoothing helps."""


def delta(pilot: Pilot) -> Array:
    """``log B/B_c(1)``: negative where ``δ_B < 1`` (C14), and nearer to a line than ``log δ_B``, in which ν² hides the growth of β²."""
    return log_over(pilot.batch_size, pilot.moments.critical_batch_size())


def critical_batch_size(pilot: Pilot) -> Array:
    """``log B/B_c(θ)``: negative where smoothing lowers the second moment of the batch direction (C14)."""
    return log_over(pilot.batch_size, pilot.moments.critical_batch_size(pilot.theta))


def floor(pilot: Pilot) -> Array:
    """``log θ²β²/(ηL(s²-N(θ))/B)``: negative where smoothing lowers C12's floor (C12, C14)."""
    return log_over(pilot.batch_size, pilot.moments.critical_batch_size(pilot.theta, eta_L=pilot.scale))


def beyond_shrinking(pilot: Pilot) -> Array:
    """What smoothing does to the second moment beyond a step of (1-θ)η, over ``s²/B`` (C17)."""
    return pilot.measured["beyond"].to_numpy(dtype=np.float64)


def theta_star(pilot: Pilot) -> Array:
    """``θ*`` of a batch of B at the measured epochs (C11, C14): a schedule."""
    return np.asarray(pilot.moments.at_batch_size(pilot.batch_size).theta_star)


def theta_degree(pilot: Pilot) -> Array:
    """``θ°(η)`` of a batch of B at the measured epochs (C12, C14): a schedule."""
    return np.asarray(pilot.moments.at_batch_size(pilot.batch_size).theta_for_step(pilot.scale))


def log_over(value: float, limit: ArrayLike) -> Array:
    """``log(value/limit)``; infinite where the limit is not above 0."""
    with np.errstate(divide="ignore"):
        return math.log(value) - np.log(np.maximum(limit, 0))


HELPS: Mapping[str, tuple[Excess, str]] = {
    "delta_at_batch_size": (delta, "δ_B < 1: A3 for a batch of B (C14)"),
    "variance": (critical_batch_size, "B < B_c(θ): the second moment of a batch is lower (C14)"),
    "floor": (floor, "θ²β² < ηL(s²-N(θ))/B: C12's floor is lower"),
    "beyond": (beyond_shrinking, "more than a step of (1-θ)η does (C17)"),
}
"""The ways in which smoothing can help by the theory -> the quantity that is negative while it does, and what that means."""


def predictions(pilot: Pilot) -> list[Json]:
    """One line a measured epoch or step, which is its first column, from the moments there, for the pilot's θ, B and ηL."""
    columns = {name: pilot.measured[name].to_numpy() for name in ("epoch", "delta", "delta0", "ratio", "shrink_ratio", "beyond")}
    critical = np.maximum(pilot.moments.critical_batch_size(pilot.theta), 0)
    columns |= {
        "delta_at_batch_size": np.asarray(pilot.moments.at_batch_size(pilot.batch_size).delta),
        "critical_batch_size": np.array([value if np.isfinite(value) else None for value in critical]),
        "floor_is_lower": floor(pilot) < 0,
        "theta_star": theta_star(pilot),
        "theta_for_step": theta_degree(pilot),
    }
    names = [pilot.unit, *list(columns)[1:]]
    return [dict(zip(names, line, strict=True)) for line in zip(*(values.tolist() for values in columns.values()), strict=True)]


def crossing(pilot: Pilot, excess: Array) -> int:
    """The first epoch at which ``excess``, shape (m,), is at least 0; the number of epochs where there is none.

    Between measured epochs it is interpolated linearly. Where a pilot shorter than the run has seen none, the least-squares line through
    all measured epochs is followed beyond it; infinite values are left out of the line.
    """
    at, over = pilot.measured_at, np.flatnonzero(excess >= 0)
    if len(over) and over[0] == 0:
        return int(at[0])
    if len(over):
        i = int(over[0])
        (before, after), (below, above) = at[i - 1 : i + 1], excess[i - 1 : i + 1]
        part = -below / (above - below) if np.isfinite(above - below) else 1.0
        return _first_after(before + part * (after - before))
    finite = np.isfinite(excess)
    if at[-1] >= pilot.epochs or finite.sum() < 2:
        return pilot.epochs
    slope, start = np.polyfit(at[finite] - at[0], excess[finite], 1)  # from the first, so that late times are as far apart as they are
    if slope <= 0 or at[0] - start / slope >= pilot.epochs:
        return pilot.epochs
    return max(_first_after(at[0] - start / slope), int(at[-1]) + 1)


def _first_after(time: float) -> int:
    """The first whole epoch at or after a time, forgiving its rounding."""
    return math.ceil(time - 1e-9)
