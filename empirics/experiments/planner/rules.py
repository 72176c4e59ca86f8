"""Rules that name a strength θ and a drop epoch s: naive ones, those of the theory from a pilot's moments, and those of a practitioner.

A rule of the theory watches a quantity that is negative while smoothing helps by it, and drops at the first epoch at which it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan import predictions
from tsla.empirics.advice.plan.pilot import Pilot
from tsla.empirics.advice.plan.predictions import Excess, crossing
from tsla.empirics.advice.plan.validation import NAIVE_RULES
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


def strength(pilot: Pilot) -> Array:
    """``log θ/θ*``: negative where less than the best strength for the second moment of a batch is used (C11)."""
    return predictions.log_over(pilot.theta, predictions.theta_star(pilot))


def strength_for_step(pilot: Pilot) -> Array:
    """``log θ/θ°``: the same for C12's floor (C12)."""
    return predictions.log_over(pilot.theta, predictions.theta_degree(pilot))


def _share(part: float) -> Callable[[Pilot], Plan]:
    return lambda pilot: Plan(pilot.theta, round(part * pilot.epochs))


def _first(excess: Excess) -> Callable[[Pilot], Plan]:
    return lambda pilot: Plan(pilot.theta, crossing(pilot, excess(pilot)))


def _short(rule: Callable[[Pilot], Plan]) -> Callable[[Pilot], Plan]:
    return lambda pilot: rule(until(pilot, max(pilot.epochs // SHORT, int(pilot.measured_at[0]))))


def until(pilot: Pilot, epoch: int) -> Pilot:
    """The same pilot, stopped before this epoch was run."""
    return replace(pilot, rows=pilot.rows[pilot.rows["epoch"] <= epoch])


def two_level(pilot: Pilot) -> Plan:
    """θ°(η) as two levels: θ° of the first measured epoch, as long as that lowers C12's floor."""
    theta = float(predictions.theta_degree(pilot)[0])
    return Plan(theta, crossing(pilot, predictions.floor(replace(pilot, theta=theta)))) if theta > 0 else Plan(pilot.theta, 0)


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
    "delta": ("at the first epoch at which δ_B ≥ 1 (C14)", predictions.delta),
    "B_c": ("at the first epoch at which B ≥ B_c(θ) (C14)", predictions.critical_batch_size),
    "floor": ("at the first epoch at which θ²β² ≥ ηL(s²-N(θ))/B (C12)", predictions.floor),
    "beyond": ("at the first epoch at which smoothing does no more than a step of (1-θ)η (C17)", predictions.beyond_shrinking),
    "theta*": ("at the first epoch at which θ ≥ θ* of a batch (C11)", strength),
    "theta°": ("at the first epoch at which θ ≥ θ°(η) (C12)", strength_for_step),
}
_NAIVE = {"never": "at once", "always": "not at all", "half": "after half of the epochs", "80 %": "after 80 % of the epochs"}
RULES: Mapping[str, Rule] = {
    **{name: Rule(NAIVE, drops, _share(NAIVE_RULES[name])) for name, drops in _NAIVE.items()},
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
