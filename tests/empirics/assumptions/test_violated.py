"""A violation says where, by how much, and which claims go with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.empirics.assumptions.support import QUADRATIC, ROW, STATED, TENS, first_steps, watch
from tests.empirics.simulation.stages import stage
from tsla.empirics.assumptions import violations
from tsla.empirics.assumptions.judged import PREMISES
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.planned import constants_of
from tsla.theory.claims import ASSUMES, GAIN, LONG_STEP, STEP


def test_every_premise_has_a_consequence() -> None:
    """But for A2′ and A3′: nobody states the A, B and C of a run, which `tsla envelope` fits instead."""
    assert {*PREMISES, "A2′", "A3′"} == {premise for assumes in ASSUMES.values() for premise in assumes}
    for premise in PREMISES:
        (violation,) = violations([replace(ROW, broken=(premise,))], STATED)
        assert violation.premise == premise
        assert violation.claims == tuple(claim for claim, assumes in ASSUMES.items() if premise in assumes) != ()


def test_a_step_size_that_grows_too_large() -> None:
    plan = [stage(0.1, 0.0, 50), stage(0.15, 0.0, 50)]
    rows = watch(plan, checkpoints=TENS)
    assert first_steps(rows) == {STEP: 50}
    (violation,) = violations(rows, STATED)
    assert violation.rows == 6
    assert (violation.found, violation.allowed) == (pytest.approx(1.5, rel=1e-3), 1)
    assert violation.effect == (
        "eta = 0.15 > 1/L = 0.1 at step 50: C3, C4, C5, C6, C7, C8, C9, C12, C12-gap, C15, C15a, C15b, C15c, C18, C18-gap, C19, C20-lsr, "
        "C22 do not apply from there; C16 (eta < 2/L) still does"
    )
    assert rows[5].violated == tuple(claim for claim, assumes in ASSUMES.items() if STEP in assumes)
    assert rows[4].violated == ()


def test_a_step_size_beyond_every_bound() -> None:
    rows = watch([stage(0.1, 0.0, 50), stage(0.2, 0.0, 10)], checkpoints=[0, 50, 60])
    assert first_steps(rows) == {STEP: 50, LONG_STEP: 50}
    assert "C16" in rows[1].violated
    assert "still does" not in violations(rows, STATED)[0].effect
    assert violations(rows, STATED)[1].effect == "eta = 0.2 >= 2/L = 0.2 at step 50: C16, C20, C21 do not apply from there"


@pytest.mark.parametrize(("beta2", "broken"), [(1.5, {}), (1.9, {GAIN: 0}), (3.0, {GAIN: 0})])
def test_smoothing_that_does_not_pay(beta2: float, broken: dict[str, int]) -> None:
    oracle = Oracle(sigma2=2.0, beta2=beta2, nu2=0.1, bias="fixed")
    rows = watch(oracle=oracle, stated=constants_of(QUADRATIC, oracle), checkpoints=TENS)
    assert first_steps(rows) == broken
    if beta2 == 3.0:
        text = violations(rows, STATED)[0].effect
        assert text.startswith("delta = 1.55 >= 1, V(1/(1+delta)) = 2.431 is not below sigma2 = 2, so that by C2")
        assert text.endswith("at step 0: C9, C10 do not apply from there")


def test_columns_of_a_record() -> None:
    columns = ROW.columns()
    assert list(columns) == ["step", "eta", "L_secant", "L_power", "sigma2", "shat2", "delta", "pl_ratio", "eta_L", "broken", "violated"]
    assert (columns["broken"], columns["violated"], columns["L_power"]) == ("A2 eta<=1/L", "C2 C4", 8.0)
