"""What a run's own constants make of its bound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tsla.empirics.assumptions.judged import SLACK, Seen
from tsla.theory import lsr, sgd, two_stage, worst_case
from tsla.theory.bound import Bound
from tsla.theory.constants import ROUNDING, Constants
from tsla.theory.plan import Stage
from tsla.theory.text import number


def local_constants(rows: Sequence[Seen], *, F0: ArrayLike) -> Constants:
    """The constants that the rows would have: largest L, σ² and ŝ², smallest PL ratio. No guarantee: off the path they may be worse.

    Raises ValueError where the gradient did not change anywhere, so that no L was seen.
    """
    L = float(np.nanmax([row.L for row in rows])) / (1 + SLACK)  # so that a step of 1/L is one still, whatever the differences miss it by
    sigma2, shat2 = max(row.sigma2 for row in rows), max(row.shat2 for row in rows)
    ratio = min(row.pl_ratio for row in rows)
    mu = min(ratio, L) if ratio > 0 else None
    return Constants(L=L, sigma2=sigma2, F0=F0, delta=shat2 / sigma2 if sigma2 > 0 else None, mu=mu)


def prediction(constants: Constants, stages: Sequence[Stage]) -> Bound | None:
    """The bound on ``E‖∇F(w_R)‖²`` after these stages: C4, or C16 where ``1/L < η < 2/L``; C5; C8.

    None for other stages, and outside the premises.
    """
    run = [stage for stage in stages if int(stage.steps)]
    if not all(stage.uniform for stage in run):
        return None
    smoothed = tuple(float(stage.theta) > 0 for stage in run)
    try:
        match smoothed:
            case (False,):
                bound = sgd.bound if float(run[0].eta * constants.L) <= 1 + ROUNDING else worst_case.sgd_bound
                return bound(constants, eta=run[0].eta, T=run[0].steps)
            case (True,):
                return lsr.bound(constants, eta=run[0].eta, T=run[0].steps, theta=run[0].theta)
            case (True, False):
                first, second = run
                lengths = {"eta1": first.eta, "T1": first.steps, "eta2": second.eta, "T2": second.steps}
                return two_stage.bound(constants, **lengths, theta=first.theta)
            case _:
                return None
    except ValueError:  # outside the premises
        return None


def effect(rows: Sequence[Seen], stages: Sequence[Stage], stated: Constants) -> str:
    """One line: the bound with the stated constants beside that with the constants seen along the run."""
    before, after = (prediction(constants, stages) for constants in (stated, local_constants(rows, F0=stated.F0)))
    told, seen = ("no bound for such stages" if bound is None else f"{number(bound.total)} ({bound.claim})" for bound in (before, after))
    return f"E‖∇F(w_R)‖²: {told} with the stated constants, {seen} with those seen along the run"
