"""Every bound and every plan says what it assumes, names its claim, and is made of float64 numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tsla.theory import biased, lsr, lsr_pl, sgd, sgd_pl, smoothed_pl, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.claims import BY_ID
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan

KNOWN = Constants(L=10, mu=1, sigma2=1, delta=0.001, F0=1)
ORACLE = SmoothingOracle(beta2=0.0005, nu2=0.0005)
RUN = {"eta": 0.05, "T": 10}

BOUNDS: list[tuple[Callable[[], Bound], str, str]] = [
    (lambda: sgd.bound(KNOWN, **RUN), "C4", "A1 A2"),
    (lambda: worst_case.sgd_bound(KNOWN, **RUN), "C16", "A1 A2"),
    (lambda: lsr.bound(KNOWN, **RUN), "C5", "A1 A2 A3"),
    (lambda: biased.bound(KNOWN, ORACLE, **RUN), "C12", "A1 A2 A3"),
    (lambda: biased.gap_bound(KNOWN, ORACLE, **RUN), "C12", "A1 A2 A3 A4"),
    (lambda: sgd_pl.last_iterate_bound(KNOWN, **RUN), "C15a", "A1 A2 A4"),
    (lambda: two_stage.stage_one(KNOWN, eta1=0.05, T1=10), "C7", "A1 A2 A3 A4"),
    (lambda: two_stage.bound(KNOWN, eta1=0.05, T1=10, eta2=0.05, T2=10), "C8", "A1 A2 A3 A4"),
]
PLANS = {
    "sgd": ("C4", "A1 A2"),
    "sgd-exact": ("C16", "A1 A2"),
    "lsr": ("C5", "A1 A2 A3"),
    "tsla": ("C8", "A1 A2 A3 A4"),
    "sgd-pl": ("C15b", "A1 A2 A4"),
    "sgd-pl-last": ("C15a", "A1 A2 A4"),
    "sgd-two-step": ("C15c", "A1 A2 A4"),
    "lsr-pl": ("C15", "A1 A2 A3 A4"),
}


@pytest.mark.parametrize(("made", "claim", "assumes"), BOUNDS, ids=[f"{claim} {assumes}" for _, claim, assumes in BOUNDS])
def test_bounds(made: Callable[[], Bound], claim: str, assumes: str) -> None:
    bound = made()
    assert (bound.claim, bound.assumes) == (claim, tuple(assumes.split()))
    assert claim.rstrip("abc") in BY_ID
    assert bound.lowered_by.keys() == bound.terms.keys()
    assert all(isinstance(text, str) and text for text in bound.lowered_by.values())


def plan_is(plan: Plan, method: str, claim: str, assumes: str) -> None:
    assert (plan.method, plan.claim, plan.assumes) == (method, claim, tuple(assumes.split()))
    for stage in plan.stages:
        for number in (stage.eta, stage.theta, stage.steps):
            assert np.asarray(number).dtype == np.float64


@pytest.mark.parametrize("method", PLANS)
def test_plans(method: str) -> None:
    plan_is(METHODS[method](KNOWN, eps=0.1), method, *PLANS[method])


def test_the_plan_with_bias_apart() -> None:
    plan_is(smoothed_pl.steps(KNOWN, ORACLE, eps=0.1), "smoothed-pl", "C12", "A1 A2 A3 A4")


def test_a_floor_that_is_the_target_is_out_of_reach() -> None:
    """``V = 2δσ²/(1+δ) = 1 = ε²``."""
    known = Constants(L=10, mu=1, sigma2=1, delta=1, F0=1)
    for plan in (lsr.steps(known, eps=1), lsr_pl.steps(known, eps=1)):
        assert not plan.reachable
        assert plan.floor == 1
        assert np.isinf(plan.total)
