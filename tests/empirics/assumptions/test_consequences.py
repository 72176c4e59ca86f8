"""The bound with the constants that were seen."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.empirics.assumptions.support import ROW, STATED, TENS, watch
from tests.empirics.simulation.stages import stage
from tsla.empirics.assumptions import effect
from tsla.empirics.assumptions.consequences import local_constants, prediction
from tsla.theory import lsr, sgd, two_stage, worst_case
from tsla.theory.constants import Constants


def test_constants_seen_along_a_run() -> None:
    rows = [ROW, replace(ROW, L_secant=9.0, sigma2=1.0, shat2=3.0, pl_ratio=2.0)]
    seen = local_constants(rows, F0=7)
    assert (seen.L, seen.sigma2, seen.delta, seen.mu, seen.F0) == pytest.approx((9, 2, 1.5, 2, 7), rel=2e-6)
    assert float(seen.L) < 9  # so that a step of 1/9 is one of 1/L
    assert local_constants([replace(ROW, pl_ratio=math.inf)], F0=1).mu == pytest.approx(8, rel=2e-6)
    assert local_constants([replace(ROW, pl_ratio=0.0)], F0=1).mu is None
    assert local_constants([replace(ROW, sigma2=0.0)], F0=1).delta is None


def test_the_prediction_is_the_theory_s() -> None:
    plain, smoothed, second = stage(0.05, 0, 90), stage(0.05, 0.4, 90), stage(0.02, 0, 50)
    expected = {
        (plain,): sgd.bound(STATED, eta=0.05, T=90),
        (stage(0.15, 0, 90),): worst_case.sgd_bound(STATED, eta=0.15, T=90),
        (smoothed,): lsr.bound(STATED, eta=0.05, T=90, theta=0.4),
        (smoothed, stage(9, 0, 0), second): two_stage.bound(STATED, eta1=0.05, T1=90, eta2=0.02, T2=50, theta=0.4),
    }
    for stages, bound in expected.items():
        found = prediction(STATED, stages)
        assert found is not None
        assert (found.claim, found.total) == (bound.claim, bound.total)
    for none in ((stage(0.2, 0, 9),), (stage(0.15, 0.4, 9),), (plain, second), (stage(0.05, 0, 9, decay_steps=3),)):
        assert prediction(STATED, none) is None


def test_the_effect_on_the_bound() -> None:
    optimistic = Constants(L=10, mu=0.5, sigma2=1, delta=0.2, F0=8)
    plan = [stage(0.1, 0.0, 100)]
    rows = watch(plan, checkpoints=TENS, stated=optimistic)
    told, seen = 2 * 8 / (0.1 * 100) + 1, 2 * 8 / (0.1 * 100) + 2
    assert effect(rows, plan, optimistic) == (
        f"E‖∇F(w_R)‖²: {told:.4g} (C4) with the stated constants, {seen:.4g} (C4) with those seen along the run"
    )
    small = Constants(L=4, mu=0.5, sigma2=2, delta=0.2, F0=8)
    assert effect(rows, [stage(0.25, 0, 9)], small).endswith(
        "(C4) with the stated constants, no bound for such stages with those seen along the run"
    )
