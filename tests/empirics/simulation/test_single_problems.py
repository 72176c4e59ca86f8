"""What single problems are made for: valleys, wells, saddles, the chain, and those of real data."""

from __future__ import annotations

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.empirics.simulation.curvature import extremes, norm
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import chain, multi_well, sine_valley, two_layer
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.intervals import student_t
from tsla.theory import sgd
from tsla.theory.constants import Array, Constants
from tsla.theory.plan import Stage
from tsla.theory.testing.planted import assert_rejects

# The PL constant of the sine valley


def excess(x: mpmath.ctx_iv.ivmpf, mu: float) -> mpmath.ctx_iv.ivmpf:
    """An enclosure of ``f'(x)² - 2 mu f(x)`` over the interval x."""
    slope = 2 * x + 3 * mpmath.iv.sin(2 * x)
    return slope**2 - 2 * mpmath.iv.mpf(mu) * (x**2 + 3 * mpmath.iv.sin(x) ** 2)


def certified(mu: float, low: float, high: float, narrowest: float = 1e-7) -> bool:
    """Whether subdivision proves ``f'² > 2 mu f`` on all of [low, high]."""
    boxes = [(low, high)]
    while boxes:
        a, b = boxes.pop()
        if excess(mpmath.iv.mpf([a, b]), mu).a > 0:
            continue
        if b - a < narrowest:
            return False
        middle = (a + b) / 2
        boxes += [(a, middle), (middle, b)]
    return True


def test_mu_of_the_sine_valley_is_proved_between_the_analytic_parts_and_no_larger_one_is() -> None:
    assert math.pi / 2 > 1.5  # the analytic parts are (0, π/2] and [5/2, ∞)
    assert certified(sine_valley.MU, 1.5, 2.5)
    for too_large in (sine_valley.MU * 1.001, sine_valley.MU + 1e-4):
        assert excess(mpmath.iv.mpf(2.2017), too_large).b < 0
        assert not certified(too_large, 1.5, 2.5)


def test_interval_certificate_encloses_what_the_problem_computes() -> None:
    problem = problems.get("sine_valley")
    for x in np.linspace(1.5, 2.5, 21):
        w = np.array([x])
        box = excess(mpmath.iv.mpf([x - 1e-9, x + 1e-9]), 0.1)
        assert float(box.a) < problem.gradient(w)[0] ** 2 - 0.2 * problem.value(w) < float(box.b)


@pytest.mark.parametrize("d", [1, 2, 7, 64])
def test_rotated_sine_valley_is_the_sine_valley_of_a_dense_reflection(d: int) -> None:
    rotated, straight = problems.get("rotated_sine_valley", dimension=d), problems.get("sine_valley", dimension=d)
    v = np.arange(1, d + 1)
    Q = np.eye(d) - 2 * np.outer(v, v) / (v @ v)
    w = np.random.default_rng(1).normal(scale=3, size=(10, d))
    assert rotated.value(w) == pytest.approx(straight.value(w @ Q), rel=1e-12)
    assert rotated.gradient(w) == pytest.approx(straight.gradient(w @ Q) @ Q, rel=0, abs=1e-12)


@pytest.mark.parametrize("L", [0.25, 3.0])
def test_stall_has_the_curvature_asked_for(L: float) -> None:
    problem = problems.get("stall", L=L)
    assert (problem.L, problem.mu) == (L, L)
    assert problem.value(np.array([2.0])) == 2 * L
    assert problem.gradient(np.array([2.0])) == 2 * L


# Multi-well and strict saddles


def test_multi_well_has_seven_wells_of_which_one_is_the_lowest() -> None:
    problem, xs = problems.get("multi_well"), np.linspace(-40, 40, 200_001)
    slope = problem.gradient(xs[:, None])[:, 0]
    wells = xs[:-1][(slope[:-1] < 0) & (slope[1:] >= 0)]
    assert len(wells) == 7
    assert np.abs(wells - multi_well.WELL).min() < 1e-3
    assert abs(problem.gradient(np.array([multi_well.WELL]))[0]) < 1e-15
    assert sorted(problem.value(wells[:, None]))[1] > 0.8


def test_strict_saddles_are_all_stationary_and_strict() -> None:
    problem, d = problems.get("strict_saddles"), 10
    b = np.linspace(0.5, 1, d)
    assert problem.minimum == pytest.approx(0.75 - math.log(4), rel=1e-15)
    saddles = [np.zeros(d), *(math.sqrt(2 / b[j] - 1) * np.eye(d)[j] for j in range(1, d))]
    for saddle, lowest in zip(saddles, [0.5 - 2, *(0.5 - b[1:])], strict=True):
        assert np.linalg.norm(problem.gradient(saddle)) < 1e-15
        assert extremes(problem, saddle)[0] == pytest.approx(lowest, abs=1e-6)
        assert problem.gap(saddle) > 0.03
    assert (problem.gradient(problem.start) == 0).all()


# The slow valley


def far(eps: float) -> float:
    """``u_0 - 2`` of the proof, at F0 = L = 1."""
    height = 1 / (4 * eps**2)
    return math.sqrt(height * (height + 2)) - 2


@pytest.mark.parametrize("eps", [0.1, 0.05])
def test_slow_valley_no_constant_step_size_is_faster_than_the_lower_bound(eps: float) -> None:
    """At most the proved number of steps, at step sizes over three decades: the mean is above ε² by its interval."""
    problem = problems.get("slow_valley", eps=eps)
    T = int(far(eps) / (8 * eps**2))  # a = 1/2 and σ² = 1
    assert (1 / eps) ** 2 <= T
    for eta in np.geomspace(1e-3, 1, 7):
        run = simulate(problem, Oracle(1.0), [Stage(eta, np.asarray(0.0), np.asarray(float(T)))], replicas=100, seed=0, checkpoints=[T])
        assert student_t(run.mean_grad2[0], level=0.999).low > eps**2


def test_slow_valley_at_the_step_size_of_c4() -> None:
    """ε² is out of reach until the proved number of steps; C4's own, 16 times as many, do reach it: the bound is not larger than that."""
    problem, eps = problems.get("slow_valley", eps=0.2), 0.2
    plan = sgd.steps(Constants(L=1, sigma2=1, F0=1), eps=eps).stages[0]
    T, whole = math.floor(far(eps) / float(plan.eta)), int(plan.steps)
    assert 10 < whole / T < 40
    run = simulate(problem, Oracle(1.0), [plan], replicas=100, seed=0, checkpoints=[T, whole])
    assert student_t(run.mean_grad2[0], level=0.999).low > eps**2
    assert student_t(run.mean_grad2[1], level=0.999).high < eps**2


# The chain


def slow_chain(x: Array) -> mpmath.mpf:
    """F of the definition, term by term, at 30 digits."""

    def psi(t: mpmath.mpf) -> mpmath.mpf:
        return mpmath.exp(1 - 1 / (2 * t - 1) ** 2) if t > mpmath.mpf(1) / 2 else mpmath.mpf(0)

    def phi(t: mpmath.mpf) -> mpmath.mpf:
        return mpmath.sqrt(2 * mpmath.pi * mpmath.e) * mpmath.ncdf(t)

    with mpmath.workdps(30):
        xs = [mpmath.mpf(float(t)) for t in x]
        return -psi(mpmath.mpf(1)) * phi(xs[0]) + sum(psi(-a) * phi(-b) - psi(a) * phi(b) for a, b in pairwise(xs))


def test_chain_is_its_definition() -> None:
    for seed in range(20):
        x = np.random.default_rng(seed).normal(scale=2, size=6)
        assert float(slow_chain(x)) == pytest.approx(float(chain.value(x)), rel=1e-13)


def test_chain_infimum_is_approached_far_away() -> None:
    for d in (1, 2, 10):
        problem = problems.get("chain", dimension=d)
        gaps = [float(problem.gap(np.full(d, t))) for t in (10.0, 1e3, 1e9)]
        assert gaps[0] >= gaps[1] >= gaps[2] >= -1e-13
        assert gaps[2] == pytest.approx(0, abs=1e-13)
        assert d == 1 or gaps[1] > 1e-7


def test_chain_coordinates_are_found_one_after_the_other() -> None:
    problem, rng = problems.get("chain"), np.random.default_rng(0)
    for k in range(10):
        x = np.concatenate([rng.normal(scale=2, size=k), np.full(10 - k, 0.5)])
        x[k:] *= rng.uniform(-1, 1, 10 - k)
        gradient = problem.gradient(x)
        assert (gradient[k + 1 :] == 0).all()
        assert k == 0 or gradient[k] != 0 or abs(x[k - 1]) <= 0.6  # between, exp(-1/(2x-1)²) is very small, or 0 in float64


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 4), at=st.integers(0, 9))
def test_chain_gradient_is_above_1_until_the_end(seed: int, scale: float, at: int) -> None:
    x = scale * np.random.default_rng(seed).normal(size=10)
    x[at] = np.clip(x[at], -0.999, 0.999)
    assert np.linalg.norm(chain.gradient(x)) > 1


def test_chain_bounds_of_the_parts() -> None:
    """The suprema of the proof of L, on a grid; and the gradient's entries stay under 23."""
    x = np.linspace(0.5, 8, 300_001)
    h = x[1] - x[0]
    psi, dpsi = chain.bump(x)
    curvature = np.gradient(dpsi, h)
    assert psi.max() < math.e
    assert dpsi.max() == pytest.approx(math.sqrt(54 / math.e), rel=1e-6)
    assert curvature.max() == pytest.approx(32.39, abs=0.01)
    assert curvature.min() == pytest.approx(-8.76, abs=0.01)
    assert math.e + 32.5 * chain.HEIGHT + 2 * math.sqrt(54) < 152
    assert math.e * math.sqrt(math.e) + math.sqrt(54 / math.e) * chain.HEIGHT < 23
    grid = np.random.default_rng(0).uniform(-3, 3, (100_000, 4))
    assert 10 < np.abs(chain.gradient(grid)).max() < 23


# Real data


def test_minimum_of_the_softmax_regression_is_certified_by_strong_convexity() -> None:
    problem = problems.get("softmax_regression")
    assert problem.minimiser is not None
    assert problem.mu is not None

    def check(w: Array) -> None:
        lower = problem.value(w) - np.sum(problem.gradient(w) ** 2) / (2 * problem.mu)
        assert problem.value(w) - lower < 1e-15
        assert problem.value(w) == pytest.approx(problem.minimum, rel=4e-16)

    check(problem.minimiser)
    assert_rejects(check, problem.minimiser * (1 + 1e-6))


def test_two_layer_origin_is_stationary_and_not_the_minimum() -> None:
    problem = problems.get("two_layer")
    origin = np.zeros(problem.dimension)
    assert (problem.gradient(origin) == 0).all()
    assert problem.value(origin) == pytest.approx(math.log(10), rel=1e-15)
    w = problem.start
    for _ in range(50):
        w = w - problem.gradient(w) / problem.L
    assert problem.value(w) < math.log(10) - 0.1


def test_two_layer_smoothness_constant_is_within_a_factor_of_six() -> None:
    """Two classes of equal probability, and half of the hidden units that tell them apart, as strongly as they can."""
    problem, first, second = problems.get("two_layer"), np.zeros((16, 64)), np.zeros((10, 16))
    first[:8], second[:, :8] = 3, -3
    second[:2, :8], second[0, 8:], second[1, 8:] = 3, 3, -3
    assert problem.L / 6 < norm(problem, np.concatenate([first.ravel(), second.ravel()])) < problem.L


def test_two_layer_smoothness_constant_is_the_bound_of_the_proof() -> None:
    """The form of the docstring, at the worst of 10,000 angles between the layers."""
    angle = np.linspace(0, math.pi / 2, 10_001)
    A, D, a, largest, m = np.cos(angle), np.sin(angle), 1 / math.sqrt(7), 0.6, 4 / (3 * math.sqrt(3))
    s = math.sqrt(largest) * A
    bound = (D / math.sqrt(2) + s) ** 2 + a * m * D**2 + 2 * math.sqrt(2) * a * D * s + 2 * a * m * s**2
    assert two_layer.smoothness(7, largest) == pytest.approx(bound.max(), rel=1e-7)
    grid = np.linspace(-3, 3, 100_001)
    assert np.abs(2 * np.tanh(grid) / np.cosh(grid) ** 2).max() == pytest.approx(m, rel=1e-8)
