"""Enclosures: what float64 makes of the formulas is a bound, and the digits printed of it are one too."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from flint import arb

from tests.claims.support.marks import of_claims
from tests.theory.certificates.committed import assert_recorded, outcomes, recorded
from tsla.theory.certificates import groups
from tsla.theory.certificates.rounding.bounds import CLOSE
from tsla.theory.certificates.rounding.engine.balls import FORMULAS, above, below, exactly, to_half_an_ulp
from tsla.theory.certificates.rounding.engine.settings import BOUNDS, sample, totals
from tsla.theory.testing.planted import Rejects

GROUPS = [group for group in groups() if group.startswith("rounding.")]
BOUNDED = ("C4", "C5", "C7", "C8", "C12", "C15", "C16", "C18", "C19", "C20", "C21", "C22")
SETTINGS = sample(50, seed=7)
CLAIMS = ("C2", *BOUNDED[:4], "C11", "C12", "C14", "C15", "C16", "C17", *BOUNDED[7:])


@pytest.mark.parametrize("claim", of_claims(CLAIMS, "rounding"))
def test_claim(claim: str, evidence: Callable[..., None]) -> None:
    enclosed = [certificate for group in GROUPS for certificate in outcomes(group) if certificate.claim == claim]
    assert enclosed
    assert [c.name for c in enclosed if not c.holds] == []
    assert [c.name for c in enclosed if c.rejected < c.planted] == []
    assert_recorded(enclosed)
    checks = f"{len(enclosed)} check{'s' * (len(enclosed) > 1)}"
    evidence(f"Interval arithmetic encloses the numbers that the program computes and prints, in {checks}.")


def test_the_record_has_no_other_enclosures() -> None:
    assert recorded("rounding") == {(certificate.claim, certificate.name) for group in GROUPS for certificate in outcomes(group)}


@cache
def balls(name: str) -> list[arb]:
    return [FORMULAS[name]({key: exactly(value) for key, value in n.items()}) for n in SETTINGS]


def is_enclosed(values: Callable[[str], list[float]]) -> None:
    for name in FORMULAS:
        for value, ball in zip(values(name), balls(name), strict=True):
            assert not below(value, ball)
            assert not above(value, ball * (1 + CLOSE))


@cache
def found(name: str) -> list[float]:
    return totals(name, SETTINGS)


@pytest.mark.parametrize("claim", of_claims(BOUNDED, "rounding", planted=True))
@pytest.mark.parametrize("factor", [1 - 1e-13, 1 + 1e-11, 0.5])
def test_other_numbers_are_not_enclosed(claim: str, factor: float, rejects: Rejects) -> None:
    names = [name for name in BOUNDS if name.startswith(claim)]

    def wrong(name: str) -> list[float]:
        return [value * (factor if name in names else 1) for value in found(name)]

    rejects(is_enclosed, right=found, wrong=wrong)


def test_a_ball_to_half_an_ulp_holds_the_decimal() -> None:
    assert arb("0.1") in to_half_an_ulp(0.1)
    assert arb("0.1") not in exactly(0.1)
