"""Every bound and every plan says what it assumes, and names its claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from tests.theory.obligations.common import refusal
from tsla.theory import lsr, lsr_pl, sgd, two_stage
from tsla.theory.bound import Bound
from tsla.theory.claims import ASSUMES, CLAIMS, LONG_STEP, STEP
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.methods import declared
from tsla.theory.testing.planted import assert_rejects
from tsla.theory.testing.relations import call, given_to

KNOWN = Constants(L=10, mu=1, sigma2=1, delta=0.001, F0=1)


def part(method: Method) -> str:
    if method.name == "lsr-abc":
        return "C20-lsr"
    gap = f"{method.claim}-gap"
    return gap if gap in ASSUMES and "mu" in method.needs else method.claim


def bound_of(method: Method) -> Callable[[float], Bound]:
    return lambda eta: call(method, KNOWN, eta, 9, None)


BOUNDS = {part(method): bound_of(method) for method in declared() if method.bounds} | {
    "C7": lambda eta: two_stage.stage_one(KNOWN, eta1=eta, T1=9)
}
PLANS = [(part(method), method(*given_to(method, KNOWN), eps=0.1)) for method in declared() if method.plans]
STEPS: dict[str, Callable[[float], object]] = {**BOUNDS, "C3": lambda eta: sgd.descent(1.0, 1.0, 1.0, L=KNOWN.L, eta=eta)}
Table = Mapping[str, tuple[str, ...]]


def is_what_bounds_and_plans_say(assumes: Table) -> None:
    for claim, made in [*((claim, bound(0.05)) for claim, bound in BOUNDS.items()), *PLANS]:
        assert made.claim == claim.removesuffix("-gap").removesuffix("-lsr")
        assert made.assumes == tuple(premise for premise in assumes[claim] if premise.startswith("A")), claim


def is_what_bounds_refuse(assumes: Table) -> None:
    for claim, bound in STEPS.items():
        limit = (2 if LONG_STEP in assumes[claim] else 1) / float(KNOWN.L)
        assert {STEP, LONG_STEP} & set(assumes[claim])
        for scale, accepted in ((0.999, True), (1.001, False)):
            assert ("needs 0 < eta" not in refusal(lambda: bound(scale * limit))) == accepted, claim  # noqa: B023


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (is_what_bounds_and_plans_say, {"C5": ("A1", "A2", STEP)}),
        (is_what_bounds_and_plans_say, {"C15b": ASSUMES["C15"]}),
        (is_what_bounds_refuse, {"C16": ("A1", "A2", STEP)}),
        (is_what_bounds_refuse, {"C4": ("A1", "A2", LONG_STEP)}),
    ],
)
def test_what_the_claims_assume(check: Callable[[Table], None], wrong: Table) -> None:
    check(ASSUMES)
    assert_rejects(check, {**ASSUMES, **wrong})


def test_a_part_assumes_something_else_than_its_claim() -> None:
    for claim in CLAIMS:
        for part in claim.parts:
            assert part.id.startswith(claim.id)
            assert part.assumes != claim.assumes


def test_a_floor_that_is_the_target_is_out_of_reach() -> None:
    """``V = 2δσ²/(1+δ) = 1 = ε²``."""
    known = Constants(L=10, mu=1, sigma2=1, delta=1, F0=1)
    for plan in (lsr.steps(known, eps=1), lsr_pl.steps(known, eps=1)):
        assert not plan.reachable
        assert plan.floor == 1
        assert np.isinf(plan.total)
