"""Every bound and every plan says what it assumes, names its claim, and is made of float64 numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from tests.planted import assert_rejects
from tsla.theory import biased, lsr, lsr_pl, sgd, sgd_pl, smoothed_pl, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.claims import ASSUMES, CLAIMS, LONG_STEP, STEP
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS

KNOWN = Constants(L=10, mu=1, sigma2=1, delta=0.001, F0=1)
ORACLE = SmoothingOracle(beta2=0.0005, nu2=0.0005)
RUN = {"eta": 0.05, "T": 10}

BOUNDS: dict[str, Callable[[], Bound]] = {
    "C4": lambda: sgd.bound(KNOWN, **RUN),
    "C16": lambda: worst_case.sgd_bound(KNOWN, **RUN),
    "C5": lambda: lsr.bound(KNOWN, **RUN),
    "C12": lambda: biased.bound(KNOWN, ORACLE, **RUN),
    "C12-gap": lambda: biased.gap_bound(KNOWN, ORACLE, **RUN),
    "C15a": lambda: sgd_pl.last_iterate_bound(KNOWN, **RUN),
    "C7": lambda: two_stage.stage_one(KNOWN, eta1=0.05, T1=10),
    "C8": lambda: two_stage.bound(KNOWN, eta1=0.05, T1=10, eta2=0.05, T2=10),
}
OF_PLANS = {
    "sgd": "C4",
    "sgd-exact": "C16",
    "lsr": "C5",
    "tsla": "C8",
    "sgd-pl": "C15b",
    "sgd-pl-last": "C15a",
    "sgd-two-step": "C15c",
    "lsr-pl": "C15",
    "smoothed-pl": "C12-gap",
}
PLANS = {name: steps(KNOWN, eps=0.1) for name, steps in METHODS.items()} | {"smoothed-pl": smoothed_pl.steps(KNOWN, ORACLE, eps=0.1)}
STEPS: dict[str, Callable[[float], object]] = {
    "C3": lambda eta: sgd.descent(1.0, 1.0, 1.0, L=KNOWN.L, eta=eta),
    "C4": lambda eta: sgd.bound(KNOWN, eta=eta, T=9),
    "C5": lambda eta: lsr.bound(KNOWN, eta=eta, T=9),
    "C7": lambda eta: two_stage.stage_one(KNOWN, eta1=eta, T1=9),
    "C8": lambda eta: two_stage.bound(KNOWN, eta1=0.05, T1=9, eta2=eta, T2=9),
    "C12": lambda eta: biased.bound(KNOWN, ORACLE, eta=eta, T=9),
    "C12-gap": lambda eta: biased.gap_bound(KNOWN, ORACLE, eta=eta, T=9),
    "C16": lambda eta: worst_case.sgd_bound(KNOWN, eta=eta, T=9),
}
Table = Mapping[str, tuple[str, ...]]


def is_what_bounds_and_plans_say(assumes: Table) -> None:
    assert OF_PLANS.keys() == PLANS.keys()
    said = {claim: make() for claim, make in BOUNDS.items()}, {claim: PLANS[method] for method, claim in OF_PLANS.items()}
    for claim, made in (pair for found in said for pair in found.items()):
        assert made.claim == claim.removesuffix("-gap")
        assert made.assumes == tuple(premise for premise in assumes[claim] if premise.startswith("A")), claim


def is_what_bounds_refuse(assumes: Table) -> None:
    for claim, bound in STEPS.items():
        limit = (2 if LONG_STEP in assumes[claim] else 1) / float(KNOWN.L)
        assert {STEP, LONG_STEP} & set(assumes[claim])
        assert _accepts(bound, 0.999 * limit), claim
        assert not _accepts(bound, 1.001 * limit), claim


def _accepts(bound: Callable[[float], object], eta: float) -> bool:
    try:
        bound(eta)
    except ValueError as refusal:
        return "needs 0 < eta" not in str(refusal)
    return True


@pytest.mark.parametrize("check", [is_what_bounds_and_plans_say, is_what_bounds_refuse])
def test_what_the_claims_assume(check: Callable[[Table], None]) -> None:
    check(ASSUMES)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (is_what_bounds_and_plans_say, {"C5": ("A1", "A2", STEP)}),
        (is_what_bounds_and_plans_say, {"C15b": ASSUMES["C15"]}),
        (is_what_bounds_refuse, {"C16": ("A1", "A2", STEP)}),
        (is_what_bounds_refuse, {"C4": ("A1", "A2", LONG_STEP)}),
    ],
)
def test_planted_assumptions_are_rejected(check: Callable[[Table], None], wrong: Table) -> None:
    assert_rejects(check, {**ASSUMES, **wrong})


def test_a_part_assumes_something_else_than_its_claim() -> None:
    for claim in CLAIMS:
        for part in claim.parts:
            assert part.id.startswith(claim.id)
            assert part.assumes != claim.assumes


@pytest.mark.parametrize("claim", BOUNDS)
def test_every_term_says_what_lowers_it(claim: str) -> None:
    bound = BOUNDS[claim]()
    assert bound.lowered_by.keys() == bound.terms.keys()
    assert all(isinstance(text, str) and text for text in bound.lowered_by.values())


@pytest.mark.parametrize("method", OF_PLANS)
def test_plans_are_made_of_float64(method: str) -> None:
    assert PLANS[method].method == method
    for stage in PLANS[method].stages:
        assert {np.asarray(number).dtype for number in (stage.eta, stage.theta, stage.steps)} == {np.dtype(np.float64)}


def test_a_floor_that_is_the_target_is_out_of_reach() -> None:
    """``V = 2δσ²/(1+δ) = 1 = ε²``."""
    known = Constants(L=10, mu=1, sigma2=1, delta=1, F0=1)
    for plan in (lsr.steps(known, eps=1), lsr_pl.steps(known, eps=1)):
        assert not plan.reachable
        assert plan.floor == 1
        assert np.isinf(plan.total)
