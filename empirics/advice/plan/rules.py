"""Rules that name a strength θ and a drop epoch s: naive ones, those of the theory from a pilot's moments, and those of a practitioner.

A rule of the theory watches a quantity that is negative while smoothing helps by it, and drops at the first epoch at which it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsla.empirics.advice.plan.pilot import Pilot
from tsla.theory.constants import Array

NAIVE, THEORY, PRACTICE = "naive", "theory", "practice"
SHORT = 4
"""A short pilot is the first part in so many of the run."""


@dataclass(frozen=True)
class Plan:
    """Smooth at ``theta`` in the epochs before ``drop``: 0 is never, the number of epochs is always."""

    theta: float
    drop: int


@dataclass(frozen=True)
class Rule:
    """``drops`` says what it does, as a person reads it; ``plan`` raises nothing."""

    kind: str
    drops: str
    plan: Callable[[Pilot], Plan]


Excess = Callable[[Pilot], Array]
"""A quantity at the measured epochs, shape (m,), which is negative where smoothing helps."""


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
    slope, intercept = np.polyfit(at[finite], excess[finite], 1)
    if slope <= 0 or -intercept / slope >= pilot.epochs:
        return pilot.epochs
    return max(_first_after(-intercept / slope), int(at[-1]) + 1)


def _first_after(time: float) -> int:
    """The first whole epoch at or after a time, forgiving its rounding."""
    return math.ceil(time - 1e-9)


# --- what the theory watches


def delta(pilot: Pilot) -> Array:
    """``log B/B_c(1)``: negative where ``δ_B < 1`` (C14), and nearer to a line than ``log δ_B``, in which ν² hides the growth of β²."""
    return _log_over(pilot.batch_size, pilot.moments.critical_batch_size())


def critical_batch_size(pilot: Pilot) -> Array:
    """``log B/B_c(θ)``: negative where smoothing lowers the second moment of the batch direction (C14)."""
    return _log_over(pilot.batch_size, pilot.moments.critical_batch_size(pilot.theta))


def floor(pilot: Pilot) -> Array:
    """``log θ²β²/(ηL(s²-N(θ))/B)``: negative where smoothing lowers C12's floor (C12, C14)."""
    return _log_over(pilot.batch_size, pilot.moments.critical_batch_size(pilot.theta, eta_L=pilot.scale))


def beyond_shrinking(pilot: Pilot) -> Array:
    """What smoothing does to the second moment beyond a step of (1-θ)η, over ``s²/B`` (C17)."""
    return pilot.measured["beyond"].to_numpy(dtype=np.float64)


def strength(pilot: Pilot) -> Array:
    """``log θ/θ*``: negative where less than the best strength for the second moment of a batch is used (C11)."""
    return _log_over(pilot.theta, theta_star(pilot))


def strength_for_step(pilot: Pilot) -> Array:
    """``log θ/θ°``: the same for C12's floor (C12)."""
    return _log_over(pilot.theta, theta_degree(pilot))


def theta_star(pilot: Pilot) -> Array:
    """``θ*`` of a batch of B at the measured epochs (C11, C14): a schedule."""
    return np.asarray(pilot.moments.at_batch_size(pilot.batch_size).theta_star)


def theta_degree(pilot: Pilot) -> Array:
    """``θ°(η)`` of a batch of B at the measured epochs (C12, C14): a schedule."""
    return np.asarray(pilot.moments.at_batch_size(pilot.batch_size).theta_for_step(pilot.scale))


def _log_over(value: float, limit: ArrayLike) -> Array:
    """``log(value/limit)``; infinite where the limit is not above 0."""
    with np.errstate(divide="ignore"):
        return math.log(value) - np.log(np.maximum(limit, 0))


# --- rules


def _share(part: float) -> Callable[[Pilot], Plan]:
    return lambda pilot: Plan(pilot.theta, round(part * pilot.epochs))


def _first(excess: Excess) -> Callable[[Pilot], Plan]:
    return lambda pilot: Plan(pilot.theta, crossing(pilot, excess(pilot)))


def _short(rule: Callable[[Pilot], Plan]) -> Callable[[Pilot], Plan]:
    return lambda pilot: rule(pilot.until(max(pilot.epochs // SHORT, int(pilot.measured_at[0]))))


def two_level(pilot: Pilot) -> Plan:
    """θ°(η) as two levels: θ° of the first measured epoch, as long as that lowers C12's floor."""
    theta = float(theta_degree(pilot)[0])
    return Plan(theta, crossing(pilot, floor(replace(pilot, theta=theta)))) if theta > 0 else Plan(pilot.theta, 0)


def least_test_loss(pilot: Pilot) -> Plan:
    """The epoch of the pilot's least test loss; the number of epochs where that is its last: it has not risen."""
    rows = pilot.rows.sort_values("epoch")
    least = int(np.argmin(rows["test_loss"]))
    return Plan(pilot.theta, pilot.epochs if least == len(rows) - 1 else int(rows["epoch"].iloc[least]))


def test_loss_rises(pilot: Pilot) -> Plan:
    """The epoch after which the pilot's test loss rises for the first time; the number of epochs where it never does."""
    rows = pilot.rows.sort_values("epoch")
    rising = np.flatnonzero(np.diff(rows["test_loss"]) > 0)
    return Plan(pilot.theta, int(rows["epoch"].iloc[rising[0]]) if len(rising) else pilot.epochs)


_WATCHED: Mapping[str, tuple[str, Excess]] = {
    "delta": ("at the first epoch at which δ_B ≥ 1 (C14)", delta),
    "B_c": ("at the first epoch at which B ≥ B_c(θ) (C14)", critical_batch_size),
    "floor": ("at the first epoch at which θ²β² ≥ ηL(s²-N(θ))/B (C12)", floor),
    "beyond": ("at the first epoch at which smoothing does no more than a step of (1-θ)η (C17)", beyond_shrinking),
    "theta*": ("at the first epoch at which θ ≥ θ* of a batch (C11)", strength),
    "theta°": ("at the first epoch at which θ ≥ θ°(η) (C12)", strength_for_step),
}
RULES: Mapping[str, Rule] = {
    "never": Rule(NAIVE, "at once", _share(0)),
    "always": Rule(NAIVE, "not at all", _share(1)),
    "half": Rule(NAIVE, "after half of the epochs", _share(0.5)),
    "80 %": Rule(NAIVE, "after 80 % of the epochs", _share(0.8)),
    **{name: Rule(THEORY, drops, _first(excess)) for name, (drops, excess) in _WATCHED.items()},
    "two-level": Rule(THEORY, "as floor, with the θ°(η) of the first epoch measured for θ (C12)", two_level),
    **{
        f"{name}, short": Rule(THEORY, f"as {name}, seeing the first quarter of the run", _short(_first(excess)))
        for name, (_, excess) in _WATCHED.items()
    },
    "least test loss": Rule(PRACTICE, "where the pilot's own test loss is least", least_test_loss),
    "test loss rises": Rule(PRACTICE, "where the pilot's own test loss first rises", test_loss_rises),
}
"""Every rule by its name. Those called "short" see the first quarter of the pilot only, and follow a line beyond it."""


def choices(pilots: Mapping[tuple[str, int], Pilot]) -> pd.DataFrame:
    """What each rule plans from each pilot, by ``(setting, seed)``: columns ``setting, seed, rule, kind, theta, drop``."""
    return pd.DataFrame(
        [
            {"setting": setting, "seed": seed, "rule": name, "kind": rule.kind, "theta": plan.theta, "drop": plan.drop}
            for (setting, seed), pilot in pilots.items()
            for name, rule in RULES.items()
            for plan in [rule.plan(pilot)]
        ]
    )
