"""Enclosures: what float64 makes of the formulas is a bound, and the digits printed of it are one too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from flint import arb

from tests.claims.support.marks import of_claims
from tests.theory.certificates.committed import assert_recorded, outcomes, recorded
from tsla.theory.certificates import groups
from tsla.theory.certificates.rounding import bounds, plans, printed, values
from tsla.theory.certificates.rounding.bounds import CLOSE
from tsla.theory.certificates.rounding.engine import settings
from tsla.theory.certificates.rounding.engine.balls import FORMULAS, above, below, exactly, to_half_an_ulp
from tsla.theory.certificates.rounding.engine.settings import BOUNDS, sample, totals
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan
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


@dataclass(frozen=True)
class Multiple:
    """A bound that is a factor too large."""

    of: Any
    factor: float

    @property
    def total(self) -> Any:
        return self.of.total * self.factor


@pytest.mark.parametrize(
    ("module", "what", "factor"),
    [
        *((bounds, what, factor) for what in ("float64", "box") for factor in (0.5, 2.0)),
        *((bounds, "float64", factor) for factor in (1 - 1e-13, 1 + 1e-11)),
        *((printed, "printed", factor) for factor in (0.99, 1.01)),
    ],
)
def test_a_bound_that_is_off_to_either_side_is_not_enclosed(
    module: ModuleType, what: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = BOUNDS["C4"]

    def holds(factor: float) -> list[bool]:
        monkeypatch.setattr(settings, "BOUNDS", {"C4": lambda n: Multiple(right(n), factor)})
        monkeypatch.setattr(module, "BOUNDS", settings.BOUNDS)
        return [certificate.holds for certificate in module.certificates() if certificate.name.endswith(what)]

    assert holds(1.0) == [True]
    assert holds(factor) == [False]


def test_one_setting_that_is_off_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BOUNDS", ("C4",))
    calls = count()  # of the second certificate only the first corner of three is off

    def one_off(name: str, at: list[settings.Numbers]) -> list[float]:
        return [*totals(name, at)[:-1], 0.0] if next(calls) < 2 else totals(name, at)

    monkeypatch.setattr(bounds, "totals", one_off)
    for certificate in bounds.certificates():
        assert not certificate.holds
        assert certificate.reason == "not so at 1 of 400 settings, the first of which is number 399"


@pytest.mark.parametrize("more", [-1, 1])
def test_a_plan_of_a_step_less_or_more_is_no_ceiling(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = METHODS["sgd"]

    def holds(more: int) -> list[bool]:
        def planned(*given: Any, **named: Any) -> Plan:
            plan = right(*given, **named)
            return replace(
                plan,
                stages=tuple(replace(stage, steps=np.where(stage.steps > 1, stage.steps + more, stage.steps)) for stage in plan.stages),
            )

        monkeypatch.setattr(plans, "METHODS", {"sgd": planned})
        monkeypatch.setattr(plans, "STEPS", {"C4": plans.STEPS["C4"]})
        return [certificate.holds for certificate in plans.certificates()]

    assert holds(0) == [True]
    assert holds(more) == [False]


@pytest.mark.parametrize("factor", [1 - 1e-7, 1 + 1e-7])
def test_a_value_that_is_off_to_either_side_is_not_enclosed(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    computed, formula = values.VALUES["C2: V"]
    for times, holds in ((1.0, True), (factor, False)):
        monkeypatch.setattr(values, "VALUES", {"C2: V": (lambda n, times=times: float(computed(n)) * times, formula)})
        assert [certificate.holds for certificate in values.certificates()] == [holds]


def test_a_ball_to_half_an_ulp_holds_the_decimal() -> None:
    assert arb("0.1") in to_half_an_ulp(0.1)
    assert arb("0.1") not in exactly(0.1)
