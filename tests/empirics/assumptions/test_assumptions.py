"""The monitor knows the constants where they are known, finds planted violations at their step, and nothing where nothing is wrong."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, hessian
from torch.nn.functional import cross_entropy

from tests.empirics.simulation.stages import stage
from tests.planted import assert_rejects
from tests.theory.bounds import BOUNDS, KNOWN, ORACLE
from tsla.empirics.assumptions import (
    GAIN,
    LONG_STEP,
    NEEDS,
    PREMISES,
    STEP,
    Noise,
    Row,
    along,
    effect,
    iterates,
    local_constants,
    prediction,
    step_size_at,
    synthetic,
    synthetic_run,
    violated,
    violations,
)
from tsla.empirics.assumptions.curvature import largest_curvature
from tsla.empirics.assumptions.network_run import network
from tsla.empirics.data.datasets import digits
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.problems._examples import ExampleOracle
from tsla.empirics.simulation.simulate import simulate
from tsla.theory import biased, lsr, sgd, two_stage, worst_case
from tsla.theory.claims import CLAIMS
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS

SPECTRUM = np.array([0.5, 1.0, 2.0, 10.0])


def quadratic(spectrum: np.ndarray = SPECTRUM) -> Problem:
    """``Σ h_i w_i²/2``: L is the largest h, μ the smallest."""
    d = len(spectrum)
    return Problem(
        name="quadratic",
        dimension=d,
        L=float(spectrum.max()),
        mu=float(spectrum.min()),
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.ones(d),
        value=lambda w: (spectrum * w**2).sum(axis=-1) / 2,
        gradient=lambda w: spectrum * w,
    )


def first_steps(rows: Sequence[Row], stated: Constants | None = None) -> dict[str, int]:
    return {violation.premise: violation.step for violation in violations(rows, stated)}


# --- the table of premises, against what the theory refuses and says


Table = Mapping[str, tuple[str, ...]]


def lists_every_claim(table: Table) -> None:
    assert {name.rstrip("abc").removesuffix("-gap") for name in table} == {claim.id for claim in CLAIMS if claim.id.startswith("C")}
    assert all(set(needs) <= set(PREMISES) for needs in table.values())


def agrees_with_bounds_and_plans(table: Table) -> None:
    made = [make() for make, _, _ in BOUNDS] + [steps(KNOWN, eps=0.1) for steps in METHODS.values()]
    for found in made:
        name = "C12-gap" if found.claim == "C12" and "A4" in found.assumes else found.claim
        assert tuple(need for need in table[name] if need.startswith("A")) == found.assumes, name


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


def agrees_with_refused_steps(table: Table) -> None:
    for claim, bound in STEPS.items():
        for premise, limit in ((STEP, 1 / float(KNOWN.L)), (LONG_STEP, 2 / float(KNOWN.L))):
            if premise in table[claim]:
                bound(0.999 * limit)
                with pytest.raises(ValueError, match="needs 0 < eta"):
                    bound(1.001 * limit)
            elif premise == STEP:
                bound(1.001 * limit)


def agrees_with_refused_steps_by_assertion(table: Table) -> None:
    try:
        agrees_with_refused_steps(table)
    except (ValueError, pytest.fail.Exception) as error:
        raise AssertionError from error


def test_the_table_of_premises() -> None:
    lists_every_claim(NEEDS)
    agrees_with_bounds_and_plans(NEEDS)
    agrees_with_refused_steps(NEEDS)


def test_planted_tables_are_rejected() -> None:
    assert_rejects(lists_every_claim, {name: needs for name, needs in NEEDS.items() if name != "C14"})
    assert_rejects(agrees_with_bounds_and_plans, {**NEEDS, "C5": ("A1", "A2", STEP)})
    assert_rejects(agrees_with_bounds_and_plans, {**NEEDS, "C15b": NEEDS["C15"]})
    assert_rejects(agrees_with_refused_steps_by_assertion, {**NEEDS, "C16": ("A1", "A2", STEP)})
    assert_rejects(agrees_with_refused_steps_by_assertion, {**NEEDS, "C4": ("A1", "A2", LONG_STEP)})


def test_every_premise_has_a_consequence() -> None:
    assert set(violated._WHAT) == set(PREMISES) == {need for needs in NEEDS.values() for need in needs}


# --- the power iteration


@pytest.mark.parametrize("eigenvalues", [[3.0], [-3.0, 1.0], [2.0, -2.0, 0.5], [1e-200, 0.0], [5.0] * 40, [0.0, 0.0]])
def test_power_iteration_finds_the_norm(eigenvalues: list[float]) -> None:
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((len(eigenvalues), len(eigenvalues))))
    H = basis @ np.diag(eigenvalues) @ basis.T
    norm = max(map(abs, eigenvalues))
    assert largest_curvature(lambda v: H @ v, len(eigenvalues), rng) == pytest.approx(norm, rel=1e-3)


def test_power_iteration_never_exceeds_the_norm() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((30, 30))
        H = A + A.T
        found, norm = largest_curvature(lambda v, H=H: H @ v, 30, rng), np.abs(np.linalg.eigvalsh(H)).max()
        assert 0.95 * norm <= found <= norm * (1 + 1e-12)


def test_a_product_that_is_not_finite() -> None:
    with pytest.raises(FloatingPointError, match="not finite"):
        largest_curvature(lambda v: v * math.nan, 3, np.random.default_rng(0))


# --- quadratics, where everything is known


PLAN = [stage(0.1, 0.5, 40), stage(0.05, 0.0, 60, decay_steps=30)]
NOISY = Oracle(sigma2=2.0, beta2=0.3, nu2=0.1, bias="fixed")


def knows_the_quadratic(rows: Sequence[Row]) -> None:
    steps, path = iterates(quadratic(), NOISY, PLAN, seed=1)
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
    rows = synthetic(quadratic(), NOISY, PLAN, seed=1)
    knows_the_quadratic(rows)
    assert first_steps(rows) == {}


@pytest.mark.parametrize("field", ["L_power", "L_secant", "pl_ratio", "shat2", "eta_L", "step"])
def test_planted_rows_are_rejected(field: str) -> None:
    rows = synthetic(quadratic(), NOISY, PLAN, seed=1)
    assert_rejects(knows_the_quadratic, [replace(row, **{field: getattr(row, field) * 2}) for row in rows])


def test_the_iterates_are_those_of_the_simulator() -> None:
    steps, path = iterates(quadratic(), NOISY, PLAN, seed=4)
    run = simulate(quadratic(), NOISY, PLAN, replicas=1, seed=4)
    assert steps == run.step.tolist()
    assert ((SPECTRUM * path) ** 2).sum(axis=1) == pytest.approx(run.grad2[:, 0], rel=1e-14)
    assert quadratic().gap(path) == pytest.approx(run.gap[:, 0], rel=1e-14)


def test_step_sizes() -> None:
    stages = [stage(0.4, 0.5, 2), stage(9.0, 0.0, 0), stage(0.2, 0.0, 3, decay_steps=2)]
    expected = [0.4, 0.4, 0.2, 0.2 / 1.5, 0.2 / 2, 0.2 / 2]
    assert [step_size_at(stages, step) for step in range(6)] == pytest.approx(expected)


def test_points_too_close_to_tell_a_slope() -> None:
    path = np.array([[1.0, 1, 1, 1], [1.0, 1, 1, 1 + 1e-12], [1.0, 1, 1, 1.1]])
    rows = along(quadratic(), NOISY, PLAN, [0, 1, 2], path)
    assert [math.isnan(row.L_secant) for row in rows] == [True, True, False]


def test_at_the_minimum_a4_holds() -> None:
    (row,) = along(quadratic(), NOISY, PLAN, [0], np.zeros((1, 4)))
    assert row.pl_ratio == math.inf
    assert row.broken == ()


def test_noise_from_draws_is_that_of_the_oracle() -> None:
    rows = synthetic(quadratic(), NOISY, PLAN, seed=2, checkpoints=range(0, 101, 10), draws=4000)
    for row in rows:
        assert (row.sigma2, row.shat2) == pytest.approx((2.0, 0.4), rel=0.1)
    assert rows[0].sigma2 != 2.0
    assert first_steps(rows) == {}


# --- runs in which nothing is wrong


@pytest.mark.parametrize("name", ["cosine", "geman_mcclure", "rotated_sine_valley", "sine_valley", "stall"])
@pytest.mark.parametrize("draws", [None, 30])
def test_a_run_that_keeps_the_assumptions_reports_none(name: str, draws: int | None) -> None:
    problem = problems.get(name)
    oracle = Oracle(sigma2=1.0, beta2=0.3, nu2=0.3, c=0.1)
    plan = [stage(1 / problem.L, 1 / 1.6, 200), stage(0.1 / problem.L, 0.0, 300)]
    rows = synthetic(problem, oracle, plan, seed=3, draws=draws)
    assert len(rows) > 40
    assert {row.broken for row in rows} == {()}
    assert {row.violated for row in rows} == {()}


def false_alarms(limit: Callable[[Noise], Noise], monkeypatch: pytest.MonkeyPatch) -> int:
    """Of 300 runs at equality in A2 and A3, how many seem to break something."""
    drawn = synthetic_run._drawn_noise
    with monkeypatch.context() as patch:
        patch.setattr(synthetic_run, "_drawn_noise", lambda *args: limit(drawn(*args)))
        path = np.ones((10, 4))
        runs = (along(quadratic(), NOISY, PLAN, range(10), path, draws=20, seed=seed) for seed in range(300))
        return sum(any(row.broken for row in rows) for rows in runs)


def test_false_alarms_are_as_rare_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    # At most 0.1 % of 300: more than 3 would happen once in 3,000.
    assert false_alarms(lambda noise: noise, monkeypatch) <= 3
    # planted: estimates in place of their lower limits
    assert false_alarms(lambda noise: Noise.exact(noise.sigma2, noise.shat2), monkeypatch) > 250


# --- planted violations, at their step


STATED = Constants(L=10, mu=0.5, sigma2=2, delta=0.2, F0=10)
TENS = range(0, 101, 10)


def test_a_step_size_that_grows_too_large() -> None:
    plan = [stage(0.1, 0.0, 50), stage(0.15, 0.0, 50)]
    rows = synthetic(quadratic(), NOISY, plan, seed=0, checkpoints=TENS)
    assert first_steps(rows) == {STEP: 50}
    (violation,) = violations(rows, STATED)
    assert violation.rows == 6
    assert (violation.found, violation.allowed) == (pytest.approx(1.5, rel=1e-3), 1)
    assert violation.effect == (
        "eta = 0.15 > 1/L = 0.1 at step 50: C3, C4, C5, C6, C7, C8, C9, C12, C12-gap, C15, C15a, C15b, C15c do not apply from there; "
        "C16 (eta < 2/L) still does"
    )
    assert rows[5].violated == tuple(claim for claim, needs in NEEDS.items() if STEP in needs)
    assert rows[4].violated == ()


def test_a_step_size_beyond_every_bound() -> None:
    rows = synthetic(quadratic(), NOISY, [stage(0.1, 0.0, 50), stage(0.2, 0.0, 10)], seed=0, checkpoints=[0, 50, 60])
    assert first_steps(rows) == {STEP: 50, LONG_STEP: 50}
    assert "C16" in rows[1].violated
    assert "still does" not in violations(rows)[0].effect
    assert violations(rows)[1].effect == "eta = 0.2 >= 2/L = 0.2 at step 50: C16 does not apply from there"


def test_curvature_that_was_not_stated_is_found_where_it_is() -> None:
    """The Hessian of the cosine is cos x: above 0.5 at x = 1, not before; so are the slopes between the points."""
    stated = Constants(L=0.5, sigma2=1, F0=2)
    rows = along(problems.get("cosine"), Oracle(1.0), [stage(0.1, 0, 9)], [0, 2, 4, 6], [[1.5], [1.4], [1.2], [1.0]], stated=stated)
    assert first_steps(rows, stated) == {"A1": 6}
    assert "L is at least 0.5403, above the stated 0.5, at step 6: C3, C4" in violations(rows, stated)[0].effect
    # the secant alone finds what lies between: at both of these points the curvature is small
    rows = along(problems.get("cosine"), Oracle(1.0), [stage(0.1, 0, 9)], [0, 1], [[-1.5], [1.5]], stated=stated)
    assert rows[1].L_power < 0.08
    assert rows[1].eta_L == pytest.approx(0.1 * rows[1].L_secant)
    assert rows[1].L_secant == pytest.approx(math.sin(1.5) / 1.5)
    assert first_steps(rows, stated) == {"A1": 1}


def test_a_stated_mu_that_does_not_hold_everywhere() -> None:
    """First along the steep axis, where the ratio is 10, then along the flat one, where it is 0.5."""
    stated = Constants(L=10, mu=1, sigma2=2, delta=0.2, F0=10)
    rows = along(quadratic(), NOISY, PLAN, [0, 7, 9], np.eye(4)[[3, 0, 3]], stated=stated)
    assert first_steps(rows, stated) == {"A4": 7}
    (violation,) = violations(rows, stated)
    assert (violation.found, violation.allowed, violation.rows) == (pytest.approx(0.5), 1, 1)
    assert violation.effect.endswith("do not apply there (1 of 3 rows)")
    assert violation.claims == ("C7", "C8", "C9", "C12-gap", "C15", "C15a", "C15b", "C15c")


def test_a4_is_not_judged_where_the_minimum_is_only_bounded() -> None:
    stated = Constants(L=10, mu=1, sigma2=2, delta=0.2, F0=10)
    bounded = replace(quadratic(), minimiser=None)
    assert first_steps(along(bounded, NOISY, PLAN, [0], np.eye(4)[[0]], stated=stated), stated) == {}


class LouderWhereFlat(Oracle):
    """Noise of both gradients three times as large where ``‖∇F‖ < 1``: the constants that it states do not hold there."""

    def draw(self, gradient: np.ndarray, rng: np.random.Generator, out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        factor = 3 if np.linalg.norm(gradient[0]) < 1 else 1
        g, ghat = super().draw(gradient, rng, out)
        return gradient + factor * (g - gradient), gradient + factor * (ghat - gradient)


def test_noise_that_grows_is_found_from_draws() -> None:
    oracle = LouderWhereFlat(sigma2=2.0, beta2=0.3, nu2=0.1, bias="fixed")
    path = [[1.0, 1, 1, 1], [0.1, 0.1, 0.1, 0.2], [0.1, 0.1, 0.1, 0.05]]
    rows = along(quadratic(), oracle, PLAN, [0, 5, 8], path, stated=STATED, draws=400)
    assert first_steps(rows, STATED) == {"A2": 8, "A3": 8}
    assert first_steps(along(quadratic(), oracle, PLAN, [0, 5, 8], path, stated=STATED), STATED) == {}  # what is stated tells nothing


def test_noise_that_depends_on_w_is_known_at_w() -> None:
    """Rising noise has half of its suprema where ``‖∇F‖²`` is the knee; of the second moment of ĝ the bias is not halved."""
    oracle = Oracle(sigma2=2.0, beta2=0.3, nu2=0.1, bias="fixed", variance="rising", knee=100.0)
    path = np.eye(4)[[3, 0]]
    rows = along(quadratic(), oracle, PLAN, [0, 5], path)
    assert (rows[0].sigma2, rows[0].shat2) == pytest.approx((1.0, 0.35))
    assert rows[1].delta > 1  # the noise of g is all but gone, and the bias of ĝ is not
    assert first_steps(rows) == {GAIN: 5}
    drawn = along(quadratic(), oracle, PLAN, [0, 5], path, draws=4000)
    for exact, measured in zip(rows, drawn, strict=True):
        assert (measured.sigma2, measured.shat2) == pytest.approx((exact.sigma2, exact.shat2), rel=0.1)
    assert first_steps(drawn) == {GAIN: 5}


def test_an_oracle_of_examples_knows_its_moments() -> None:
    problem = problems.get("softmax_regression")
    assert problem.examples is not None
    oracle = ExampleOracle(problem.examples, sigma2=4.0, batch_size=2)
    (row,) = along(problem, oracle, PLAN, [0], problem.start[None])
    moments = oracle.moments(problem.start)
    assert (row.sigma2, row.delta) == pytest.approx((moments.s2, moments.delta))
    assert 0 < row.L_power <= problem.L


class Unknown:
    """An oracle that only draws."""

    sigma2 = 2.0

    def draw_at(self, w: np.ndarray, gradient: np.ndarray, rng: np.random.Generator, out: None = None) -> tuple[np.ndarray, np.ndarray]:
        return NOISY.draw(gradient, rng)


def test_an_oracle_that_only_draws_is_measured() -> None:
    (row,) = along(quadratic(), Unknown(), PLAN, [0], np.ones((1, 4)), draws=4000)
    assert (row.sigma2, row.shat2) == pytest.approx((2.0, 0.4), rel=0.1)
    with pytest.raises(ValueError, match="draws = None must be a number of samples: Unknown does not know its own noise"):
        along(quadratic(), Unknown(), PLAN, [0], np.ones((1, 4)))
    nothing = Unknown()
    nothing.sigma2 = None  # type: ignore[assignment]
    with pytest.raises(ValueError, match="stated = None must be the constants of the prediction: Unknown states no sigma2"):
        along(quadratic(), nothing, PLAN, [0], np.ones((1, 4)), draws=9)


def test_noise_that_was_stated_too_small() -> None:
    for stated, premise, text in (
        (Constants(L=10, sigma2=1.9, delta=0.22, F0=1), "A2", "sigma2 = 2, above the stated 1.9"),
        (Constants(L=10, sigma2=2, delta=0.19, F0=1), "A3", "E‖ĝ-∇F‖² = 0.4, above the stated delta*sigma2 = 0.38"),
    ):
        rows = synthetic(quadratic(), NOISY, PLAN, seed=0, checkpoints=TENS, stated=stated)
        assert first_steps(rows, stated) == {premise: 0}
        assert text in violations(rows, stated)[0].effect


@pytest.mark.parametrize(("beta2", "broken"), [(1.5, {}), (1.9, {GAIN: 0}), (3.0, {GAIN: 0})])
def test_smoothing_that_does_not_pay(beta2: float, broken: dict[str, int]) -> None:
    rows = synthetic(quadratic(), Oracle(sigma2=2.0, beta2=beta2, nu2=0.1, bias="fixed"), PLAN, seed=0, checkpoints=TENS)
    assert first_steps(rows) == broken
    if beta2 == 3.0:
        text = violations(rows)[0].effect
        assert text.startswith("delta = 1.55 >= 1, V(1/(1+delta)) = 2.431 is not below sigma2 = 2, so that by C2")
        assert text.endswith("at step 0: C9, C10 do not apply from there")


def test_delta_where_the_one_hot_gradient_has_no_noise() -> None:
    (row,) = along(quadratic(), Oracle(sigma2=0.0, beta2=0.1), PLAN, [0], np.ones((1, 4)))
    assert (row.delta, row.broken) == (math.inf, (GAIN,))
    assert "delta is infinite" in violations([row])[0].effect
    (row,) = along(quadratic(), Oracle(sigma2=0.0), PLAN, [0], np.ones((1, 4)))
    assert math.isnan(row.delta)
    assert row.broken == ()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: along(quadratic(), NOISY, PLAN, [0], np.ones((2, 4))), r"path has shape \(2, 4\); 1 steps of quadratic need \(1, 4\)"),
        (lambda: along(quadratic(), NOISY, PLAN, [0], np.full((1, 4), np.nan)), "path = nan must be a finite number"),
        (lambda: along(quadratic(), NOISY, PLAN, [0], np.ones((1, 4)), draws=1), "draws = 1 must be a whole number, at least 2"),
        (lambda: violations([replace(ROW, broken=("A2",))]), "stated = None must be the constants"),
    ],
)
def test_bad_arguments(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


ROW = Row(3, 0.1, math.nan, 8.0, 2.0, 1.0, 0.5, 4.0, 0.8, ("A2", STEP), ("C2", "C4"))


def test_columns_of_a_record() -> None:
    columns = ROW.columns()
    assert list(columns) == ["step", "eta", "L_secant", "L_power", "sigma2", "shat2", "delta", "pl_ratio", "eta_L", "broken", "violated"]
    assert (columns["broken"], columns["violated"], columns["L_power"]) == ("A2 eta<=1/L", "C2 C4", 8.0)


# --- what follows for the prediction


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
    rows = synthetic(quadratic(), NOISY, plan, seed=0, checkpoints=TENS, stated=optimistic)
    told, seen = 2 * 8 / (0.1 * 100) + 1, 2 * 8 / (0.1 * 100) + 2
    assert effect(rows, plan, optimistic) == (
        f"E‖∇F(w_R)‖²: {told:.4g} (C4) with the stated constants, {seen:.4g} (C4) with those seen along the run"
    )
    small = Constants(L=4, mu=0.5, sigma2=2, delta=0.2, F0=8)
    assert effect(rows, [stage(0.25, 0, 9)], small).endswith(
        "(C4) with the stated constants, no bound applies with those seen along the run"
    )


# --- networks


def mlp(seed: int = 0, *, dropout: float = 0.0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(dropout), nn.Linear(5, 3)).double()


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(11, 4, generator=generator).double(), torch.randint(0, 3, (11,), generator=generator)


def full_hessian(model: nn.Module, inputs: Tensor, labels: Tensor) -> np.ndarray:
    """The slow oracle: all second derivatives, by torch.func, as one matrix."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.script. is deprecated", DeprecationWarning)  # torch's own forward mode calls it
        blocks = hessian(lambda ps: cross_entropy(functional_call(model, ps, inputs), labels))(parameters)
    sizes = {name: p.numel() for name, p in parameters.items()}
    return torch.cat([torch.cat([blocks[a][b].reshape(sizes[a], sizes[b]) for b in sizes], 1) for a in sizes]).numpy()


def training(model: nn.Module, etas: Sequence[float]) -> Iterator[tuple[int, float]]:
    """A run of full gradient steps, looked at before each and after the last."""
    inputs, labels = data()
    for step, eta in enumerate(etas):
        yield step, eta
        gradients = torch.autograd.grad(cross_entropy(model(inputs), labels), list(model.parameters()))
        with torch.no_grad():
            for p, gradient in zip(model.parameters(), gradients, strict=True):
                p -= eta * gradient
    yield len(etas), etas[-1]


def sees_the_network(rows: Sequence[Row]) -> None:
    model, (inputs, labels) = mlp(), data()
    points: list[tuple[np.ndarray, np.ndarray]] = []
    for row, _ in zip(rows, training(model, [0.5, 0.5, 0.5]), strict=True):
        norm = np.abs(np.linalg.eigvalsh(full_hessian(model, inputs, labels))).max()
        assert 0.999 * norm <= row.L_power <= norm * (1 + 1e-9)
        loss = cross_entropy(model(inputs), labels)
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))]).numpy()
        weights = torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()
        assert row.pl_ratio == pytest.approx(gradient @ gradient / (2 * float(loss.detach())), rel=1e-9)
        moments = gradient_moments(model, inputs, labels).at_batch_size(2)
        assert (row.sigma2, row.delta) == pytest.approx((moments.s2, moments.delta), rel=1e-9)
        if points:
            w, g = points[-1]
            assert row.L_secant == pytest.approx(np.linalg.norm(gradient - g) / np.linalg.norm(weights - w), rel=1e-9)
        points.append((weights, gradient))


@pytest.mark.parametrize("chunk", [3, 100])
def test_a_network_is_seen_as_its_full_hessian_is(chunk: int) -> None:
    model = mlp()
    rows = list(network(model, *data(), training(model, [0.5, 0.5, 0.5]), batch_size=2, chunk=chunk))
    assert len(rows) == 4
    sees_the_network(rows)
    for field, factor in (("L_power", 1.01), ("L_secant", 1.01), ("pl_ratio", 2), ("sigma2", 2), ("delta", 2)):
        assert_rejects(sees_the_network, [replace(row, **{field: factor * getattr(row, field)}) for row in rows])


def test_labels_may_be_probabilities() -> None:
    model, (inputs, labels) = mlp(), data()
    by_index, by_row = (
        next(network(model, inputs, given, [(0, 0.1)])) for given in (labels, torch.nn.functional.one_hot(labels, 3).double())
    )
    assert by_row.L_power == pytest.approx(by_index.L_power, rel=1e-9)


def test_a_step_size_planted_in_training_is_found_at_its_step() -> None:
    model = mlp()
    rows = list(network(model, *data(), training(model, [0.01, 0.01, 50.0])))
    assert {row.step for row in rows if STEP in row.broken} >= {2}
    assert first_steps(rows)[STEP] == first_steps(rows)[LONG_STEP] == 2
    model = mlp()
    assert STEP not in first_steps(list(network(model, *data(), training(model, [0.01, 0.01, 0.01]))))


def test_constants_stated_for_a_network_are_judged() -> None:
    (row,) = network(mlp(), *data(), [(0, 0.001)])
    shape = {"F0": 2.0, "sigma2": row.sigma2, "delta": row.delta}
    for stated, known, broken in (
        (Constants(L=2 * row.L_power, mu=row.pl_ratio / 2, **shape), True, {}),
        (Constants(L=row.L_power / 2, mu=row.pl_ratio / 2, **shape), True, {"A1": 0}),
        (Constants(L=99 * row.L_power, mu=row.pl_ratio * 2, **shape), True, {"A4": 0}),
        (Constants(L=99 * row.L_power, mu=row.pl_ratio * 2, **shape), False, {}),
    ):
        rows = list(network(mlp(), *data(), [(0, 0.001)], stated=stated, minimum_known=known))
        assert {name: step for name, step in first_steps(rows, stated).items() if name != GAIN} == broken


def test_the_pl_ratio_is_that_of_the_gap_to_the_minimum_given() -> None:
    (row,) = network(mlp(), *data(), [(0, 0.1)])
    loss = float(cross_entropy(mlp()(data()[0]), data()[1]).detach())
    (above,) = network(mlp(), *data(), [(0, 0.1)], minimum=loss / 2)
    assert above.pl_ratio == pytest.approx(2 * row.pl_ratio)


def test_looking_disturbs_nothing() -> None:
    model, (inputs, labels) = mlp(dropout=0.5), data()
    cross_entropy(model(inputs), labels).backward()
    before = {name: (p.detach().clone(), p.grad.clone()) for name, p in model.named_parameters() if p.grad is not None}
    states = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[union-attr, index]  # noqa: NPY002
    first, second = (next(network(model, inputs, labels, [(0, 0.1)])) for _ in range(2))
    assert first == replace(second, L_secant=first.L_secant) or first.columns() | {"L_secant": 0} == second.columns() | {"L_secant": 0}
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # type: ignore[union-attr, index]  # noqa: NPY002
    assert len(before) == 4
    for name, p in model.named_parameters():
        assert p.grad is not None
        assert torch.equal(p, before[name][0])
        assert torch.equal(p.grad, before[name][1])


def test_only_what_is_trained_counts() -> None:
    model, (inputs, labels) = mlp(), data()
    whole = full_hessian(model, inputs, labels)
    model[0].requires_grad_(False)  # type: ignore[index]
    (row,) = network(model, inputs, labels, [(0, 0.1)])
    assert row.L_power == pytest.approx(np.abs(np.linalg.eigvalsh(whole[25:, 25:])).max(), rel=1e-3)


def test_the_project_s_resnet_in_float32() -> None:
    torch.manual_seed(0)
    model, split = resnet(channels=1, classes=10, widths=(4,)), digits(train_size=40, label_noise=0.2, seed=0)
    (row,) = network(model, split.train_inputs, split.train_labels, [(0, 0.1)])
    norm = np.abs(np.linalg.eigvalsh(full_hessian(model.double(), split.train_inputs.double(), split.train_labels))).max()
    assert row.L_power == pytest.approx(norm, rel=1e-2)


def test_a_network_that_diverged_or_is_below_the_minimum() -> None:
    model = mlp()
    with pytest.raises(ValueError, match="minimum = 3 must be a lower bound of F, which is"):
        next(network(model, *data(), [(0, 0.1)], minimum=3))
    with torch.no_grad():
        model[0].weight[0, 0] = math.nan  # type: ignore[index]
    with pytest.raises(ValueError, match="step = 4: the loss or its gradient is not finite"):
        next(network(model, *data(), [(4, 0.1)]))
    with pytest.raises(ValueError, match="eta = -1 must be a finite number at least 0"):
        next(network(mlp(), *data(), [(4, -1.0)]))
    with pytest.raises(ValueError, match="batch_size = 0 must be a whole number"):
        next(network(mlp(), *data(), [(4, 0.1)], batch_size=0))
