"""What must not count as proved, or as rejected."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import z3

from tsla.theory.certificates.algebra.engine import obligation
from tsla.theory.certificates.algebra.engine.obligation import (
    BUDGET,
    Identity,
    Mutant,
    Obligation,
    can_be_met,
    conclude,
    drop,
    follows,
    suppose,
)

x, y = z3.Reals("x y")
VACUOUS = "z3 finds nothing that meets the hypotheses"


def square(**changes: Any) -> Obligation:
    """x² > 0 for x > 0, with some fields changed."""
    fields: dict[str, Any] = {
        "claim": "C1",
        "name": "square",
        "statement": "x² > 0 for x > 0",
        "hypotheses": {"x > 0": x > 0},
        "conclusion": x * x > 0,
        "mutants": {"x² > 1": conclude(x * x > 1), "x² > 0 for all x": drop("x > 0"), "x ≥ 0": suppose("x > 0", x >= 0)},
    }
    return Obligation(**(fields | changes))


def test_a_true_step_holds() -> None:
    certificate = square(axiom="a square is not negative").certificate()
    assert certificate.holds
    assert (certificate.rejected, certificate.planted) == (3, 3)
    assert (certificate.claim, certificate.kind, certificate.name) == ("C1", "algebra", "square")
    assert (certificate.statement, certificate.guarantee) == ("x² > 0 for x > 0", "inequality")
    assert certificate.axiom == "a square is not negative"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"conclusion": x * x > 4, "hypotheses": {"x > 0": x > 0, "x is small": x == 1}}, "it is false at [x = 1]"),
        ({"hypotheses": {"x > 0": x > 0, "x < 0": x < 0}}, VACUOUS),
        ({"hypotheses": {"x > 0": x > 0, "1/0": y == 0, "1/y": 1 / y == x}}, VACUOUS),  # but for a division by zero
        ({"hypotheses": {"any x": x >= 0}, "conclusion": x / x == 1}, "it is false at [x = 0"),  # which proves nothing either
    ],
)
def test_a_step_that_does_not_hold(changes: dict[str, Any], reason: str) -> None:
    certificate = square(**changes, mutants={}).certificate()
    assert not certificate.holds
    assert certificate.reason.startswith(reason)


def test_a_step_that_is_not_decided_does_not_hold() -> None:
    hard = {
        "hypotheses": {"x > 0": x > 0, "y > 1": y > 1},
        "conclusion": x * x * x + y * y * y > x * y,
        "mutants": {"all": drop("y > 1", "x > 0")},
    }
    assert square(**hard).certificate().holds
    undecided = square(**hard, budget=1).certificate()
    assert not undecided.holds
    assert undecided.rejected == 0
    assert undecided.reason == (
        "z3 does not decide it within 1 steps: max. resource limit exceeded; wrong versions that are not rejected: all"
    )


@pytest.mark.parametrize(("budget", "decided"), [(BUDGET, True), (10, False)])
def test_what_is_not_decided_neither_follows_nor_can_be_met(budget: int, decided: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obligation, "BUDGET", budget)
    assert follows((x > 0, y > 1), x * x * x + y * y * y > x * y) == decided
    assert can_be_met((x > 0, y > 1, x * x * x + y * y * y == 9 * x * y)) == decided


def test_a_mutant_that_is_true_is_reported() -> None:
    step = square(mutants={"x² ≥ 0": conclude(x * x >= 0), "x² > 1": conclude(x * x > 1)})
    certificate = step.certificate()
    assert (certificate.rejected, certificate.planted) == (1, 2)
    assert step.survivors() == ["x² ≥ 0"]
    assert certificate.failed
    assert certificate.reason == "wrong versions that are not rejected: x² ≥ 0"


def test_a_counterexample_is_made_of_numbers_that_meet_the_premises() -> None:
    model = square().counterexample("x² > 1")
    assert model is not None
    assert z3.is_true(model.eval(z3.And(x > 0, x * x <= 1)))


def test_division_by_zero_refutes_nothing() -> None:
    step = square(hypotheses={"x ≠ 0": x != 0}, conclusion=x / x == 1, mutants={"x = 0 too": drop("x ≠ 0"), "2": conclude(x / x == 2)})
    certificate = step.certificate()
    assert certificate.holds
    assert step.survivors() == ["x = 0 too"]


def test_a_mutant_changes_hypotheses_that_exist() -> None:
    with pytest.raises(ValueError, match=r"C1 square: mutant 'typo' changes \['x < 0'\]"):
        square(mutants={"typo": Mutant(hypotheses={"x < 0": None})}).certificate()


def cube(right: sympy.Expr) -> Identity:
    a = sympy.Symbol("a")
    return Identity(
        claim="C1",
        name="cube",
        statement="(1+a)³",
        left=(1 + a) ** 3,
        right=right,
        point={a: 2},
        mutants={"off": right + 1, "the same": (1 + a) * (1 + a) ** 2},
    )


def test_identities() -> None:
    a = sympy.Symbol("a")
    right = cube(1 + 3 * a + 3 * a**2 + a**3)
    assert right.certificate().holds
    assert right.survivors() == ["the same"]
    assert (right.certificate().rejected, right.certificate().planted) == (1, 2)
    wrong = cube(1 + 3 * a + 3 * a**2).certificate()
    assert not wrong.holds
    assert wrong.reason.startswith("the sides differ by a**3; wrong versions")
