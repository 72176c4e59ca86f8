"""Runs on test problems: the constants where they are known, planted violations at their step, and nothing where nothing is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.empirics.assumptions.support import NOISY, PLAN, QUADRATIC, SPECTRUM, STATED, TENS, first_steps, look, watch
from tests.empirics.simulation.stages import stage
from tsla.empirics.assumptions import Seen, synthetic, violations
from tsla.empirics.assumptions.synthetic_run import along, iterates, step_size_at
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.planned import constants_of
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.claims import GAIN
from tsla.theory.constants import Constants
from tsla.theory.testing.planted import assert_rejects

# --- quadratics, where everything is known


def knows_the_quadratic(rows: Sequence[Seen]) -> None:
    steps, path = iterates(QUADRATIC, NOISY, PLAN, seed=1)
    assert [row.step for row in rows] == steps
    for i, (row, w) in enumerate(zip(rows, path, strict=True)):
        assert row.L_power == pytest.approx(10, rel=1e-3)
        move = w - path[i - 1]
        assert math.isnan(row.L_secant) if i == 0 else row.L_secant == pytest.approx(np.linalg.norm(SPECTRUM * move) / np.linalg.norm(move))
        assert row.pl_ratio == pytest.approx((SPECTRUM**2 * w**2).sum() / (SPECTRUM * w**2).sum(), rel=1e-9)
        assert 0.5 <= row.pl_ratio <= 10
        assert (row.sigma2, row.shat2, row.delta) == pytest.approx((2.0, 0.4, 0.2))
        assert row.eta_L == pytest.approx(row.eta * row.L, rel=1e-15)


def test_quadratic() -> None:
    rows = watch(seed=1)
    knows_the_quadratic(rows)
    assert first_steps(rows) == {}
    for field in ("L_power", "L_secant", "pl_ratio", "shat2", "eta_L", "step"):
        assert_rejects(knows_the_quadratic, [replace(row, **{field: getattr(row, field) * 2}) for row in rows])


def test_the_iterates_are_those_of_the_simulator() -> None:
    steps, path = iterates(QUADRATIC, NOISY, PLAN, seed=4)
    run = simulate(QUADRATIC, NOISY, PLAN, replicas=1, seed=4)
    assert steps == run.step.tolist()
    assert ((SPECTRUM * path) ** 2).sum(axis=1) == pytest.approx(run.grad2[:, 0], rel=1e-14)
    assert QUADRATIC.gap(path) == pytest.approx(run.gap[:, 0], rel=1e-14)


def test_step_sizes() -> None:
    stages = [stage(0.4, 0.5, 2), stage(9.0, 0.0, 0), stage(0.2, 0.0, 3, decay_steps=2)]
    expected = [0.4, 0.4, 0.2, 0.2 / 1.5, 0.2 / 2, 0.2 / 2]
    assert [step_size_at(stages, step) for step in range(6)] == pytest.approx(expected)


def test_points_too_close_to_tell_a_slope() -> None:
    path = np.array([[1.0, 1, 1, 1], [1.0, 1, 1, 1 + 1e-12], [1.0, 1, 1, 1.1]])
    rows = look(path, [0, 1, 2])
    assert [math.isnan(row.L_secant) for row in rows] == [True, True, False]


def test_at_the_minimum_a4_holds() -> None:
    (row,) = look(np.zeros((1, 4)), [0])
    assert row.pl_ratio == math.inf
    assert row.broken == ()


# --- runs in which nothing is wrong


@pytest.mark.parametrize("name", ["cosine", "geman_mcclure", "rotated_sine_valley", "sine_valley", "stall"])
def test_a_run_that_keeps_the_assumptions_reports_none(name: str) -> None:
    problem, oracle = problems.get(name), Oracle(sigma2=1.0, beta2=0.3, nu2=0.3, c=0.1)
    plan = [stage(1 / problem.L, 1 / 1.6, 200), stage(0.1 / problem.L, 0.0, 300)]
    rows = synthetic(problem, oracle, plan, seed=3, stated=constants_of(problem, oracle))
    assert len(rows) > 40
    assert {row.broken for row in rows} == {()}
    assert {row.violated for row in rows} == {()}


# --- planted violations, at their step


def test_curvature_that_was_not_stated_is_found_where_it_is() -> None:
    """The Hessian of the cosine is cos x: above 0.5 at x = 1, not before; so are the slopes between the points."""
    stated = Constants(L=0.5, sigma2=1, F0=2)
    rows = along(problems.get("cosine"), Oracle(1.0), [stage(0.1, 0, 9)], [0, 2, 4, 6], [[1.5], [1.4], [1.2], [1.0]], stated=stated)
    assert first_steps(rows) == {"A1": 6}
    assert "L is at least 0.5403, above the stated 0.5, at step 6: C3, C4" in violations(rows, stated)[0].effect
    # the secant alone finds what lies between: at both of these points the curvature is small
    rows = along(problems.get("cosine"), Oracle(1.0), [stage(0.1, 0, 9)], [0, 1], [[-1.5], [1.5]], stated=stated)
    assert rows[1].L_power < 0.08
    assert rows[1].eta_L == pytest.approx(0.1 * rows[1].L_secant)
    assert rows[1].L_secant == pytest.approx(math.sin(1.5) / 1.5)
    assert first_steps(rows) == {"A1": 1}


def test_a_stated_mu_that_does_not_hold_everywhere() -> None:
    """First along the steep axis, where the ratio is 10, then along the flat one, where it is 0.5."""
    stated = Constants(L=10, mu=1, sigma2=2, delta=0.2, F0=10)
    rows = look(np.eye(4)[[3, 0, 3]], [0, 7, 9], stated=stated)
    assert first_steps(rows) == {"A4": 7}
    (violation,) = violations(rows, stated)
    assert (violation.found, violation.allowed, violation.rows) == (pytest.approx(0.5), 1, 1)
    assert violation.effect.endswith("do not apply there (1 of 3 rows)")
    assert violation.claims == ("C7", "C8", "C9", "C12-gap", "C15", "C15a", "C15b", "C15c", "C18-gap", "C19")


def test_a4_is_not_judged_where_the_minimum_is_only_bounded() -> None:
    stated = Constants(L=10, mu=1, sigma2=2, delta=0.2, F0=10)
    bounded = replace(QUADRATIC, minimiser=None)
    assert first_steps(along(bounded, NOISY, PLAN, [0], np.eye(4)[[0]], stated=stated)) == {}


def test_noise_that_depends_on_w_is_known_at_w() -> None:
    """Rising noise has half of its suprema where ``‖∇F‖²`` is the knee; of the second moment of ĝ the bias is not halved."""
    oracle = Oracle(sigma2=2.0, beta2=0.3, nu2=0.1, bias="fixed", variance="rising", knee=100.0)
    rows = look(np.eye(4)[[3, 0]], [0, 5], oracle=oracle)
    assert (rows[0].sigma2, rows[0].shat2) == pytest.approx((1.0, 0.35))
    assert rows[1].delta > 1  # the noise of g is all but gone, and the bias of ĝ is not
    assert first_steps(rows) == {GAIN: 5}


@pytest.mark.parametrize(
    ("stated", "premise", "text"),
    [
        (Constants(L=10, sigma2=1.9, delta=0.22, F0=1), "A2", "sigma2 = 2, above the stated 1.9"),
        (Constants(L=10, sigma2=2, delta=0.19, F0=1), "A3", "E‖ĝ-∇F‖² = 0.4, above the stated delta*sigma2 = 0.38"),
    ],
)
def test_noise_that_was_stated_too_small(stated: Constants, premise: str, text: str) -> None:
    rows = watch(checkpoints=TENS, stated=stated)
    assert first_steps(rows) == {premise: 0}
    assert text in violations(rows, stated)[0].effect


def test_delta_where_the_one_hot_gradient_has_no_noise() -> None:
    (row,) = look(np.ones((1, 4)), [0], oracle=Oracle(sigma2=0.0, beta2=0.1))
    assert (row.delta, row.broken) == (math.inf, (GAIN,))
    assert "delta is infinite" in violations([row], STATED)[0].effect
    (row,) = look(np.ones((1, 4)), [0], oracle=Oracle(sigma2=0.0))
    assert math.isnan(row.delta)
    assert row.broken == ()


def test_points_that_are_not_numbers() -> None:
    with pytest.raises(ValueError, match="path = nan must be a finite number"):
        look(np.full((1, 4), np.nan), [0])
