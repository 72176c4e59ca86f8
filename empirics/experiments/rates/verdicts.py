"""Verdicts on measured rates."""

from __future__ import annotations

import numpy as np
import pandas as pd

TOLERANCE = 0.15
"""What an exponent on a grid of one to two decades may miss by lower-order terms."""

ATTAINED, FASTER, STEEPER, REFUTED = "attained", "faster", "steeper", "refuted"
CURVE = ["problem", "method", "q", "scale"]


def verdict(rows: pd.DataFrame) -> str:
    """Of one method on one problem, from the rows of :func:`measure`.

    refuted:   more samples than planned, beyond chance, or an exponent of the theorem's own quantity that is wholly above the plan's on the
               same grid (where that is a power, not a logarithm)
    attained:  an exponent whose interval comes within TOLERANCE of the plan's, from both sides; or a target that is said to be out of
               reach, and is
    steeper:   wholly above the plan's, of what the theorem gives no power for: a logarithm, or a single iterate. No target was missed
    faster:    wholly below. Bounds are upper bounds: this refutes nothing
    """
    first = rows.iloc[0]
    if np.isinf(first["planned"]):
        return ATTAINED if np.isinf(rows["needed"]).all() else FASTER
    _, low, high = _judged(rows)
    too_late = (rows["at_end_low"] > rows["eps"] ** 2).any()
    too_steep = first["predicted"] > 0 and not by_single_iterate(rows) and low > first["planned_exponent"] + TOLERANCE
    if too_late or too_steep or np.isinf(rows["needed"]).any():
        return REFUTED
    if low > first["planned_exponent"] + TOLERANCE:
        return STEEPER
    return ATTAINED if high >= first["planned_exponent"] - TOLERANCE else FASTER


def could_have_failed(rows: pd.DataFrame) -> bool:
    """Whether ``attained`` says more than which step size the plan takes.

    A mean over the iterates is at first the start's share, about ``1/(ηT)``: the η of the plan gives it the plan's exponent. A single
    iterate has no such share, and a target that is out of reach might have been reached.
    """
    return bool(np.isinf(rows["planned"]).any() or by_single_iterate(rows) or single_attains(rows))


def spare_factor(rows: pd.DataFrame) -> float:
    """By which factor the last stage of each plan could be shorter before one of the targets is missed; nan where there is no plan."""
    planned, needed = (rows[name] - rows["fixed"] for name in ("planned", "needed"))
    return float((planned / needed).min()) if np.isfinite(rows["planned"]).all() else np.nan


def _judged(rows: pd.DataFrame) -> tuple[float, float, float]:
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
