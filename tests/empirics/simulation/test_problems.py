"""The constants of every problem are true, and as good as they claim to be."""

from __future__ import annotations

import inspect
import math
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, eigsh

from tests.refusals import refusals
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem, chain, multi_well, sine_valley, two_layer
from tsla.empirics.simulation.problems._examples import digits
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.intervals import student_t
from tsla.theory import sgd
from tsla.theory.constants import Array, Constants
from tsla.theory.plan import Stage
from tsla.theory.testing.planted import assert_rejects

EVERY = pytest.mark.parametrize("name", problems.names())
SOME = settings(max_examples=settings().max_examples // 2)  # of each problem
OF_ANY_DIMENSION = [
    name
    for name in problems.names()
    if "dimension" in inspect.signature(import_module(f"tsla.empirics.simulation.problems.{name}").problem).parameters
]
DENSE = 64
"""Largest dimension in which all directions are looked at, and not some random ones."""


@st.composite
def walks(draw: st.DrawFn, length: int) -> tuple[int, list[float]]:
    """A seed and scales from 1e-4 to 30, which :func:`points` turns into points of a problem of any dimension."""
    scale = st.floats(-4, 1.5).map(lambda exponent: 10.0**exponent)
    return draw(st.integers(0, 2**32 - 1)), draw(st.lists(scale, min_size=length, max_size=length))


def middle(problem: Problem) -> Array:
    """Where most happens: the minimiser, or the start of a problem without one."""
    return problem.start if problem.minimiser is None else problem.minimiser


def points(problem: Problem, walk: tuple[int, list[float]]) -> list[Array]:
    """Points around the minimiser or the start, then around each other, at the drawn scales."""
    seed, scales = walk
    rng, w, made = np.random.default_rng(seed), middle(problem), []
    for scale in scales:
        w = w + scale * rng.uniform(-1, 1, problem.dimension)
        made.append(w)
    return made


def check_gradient(problem: Problem, w: Array, gradient: Array) -> None:
    """``gradient`` agrees at w with central differences of fourth order of F: along every axis, or along some directions and its own."""
    d = problem.dimension
    directions = np.eye(d) if d <= DENSE else np.vstack([np.random.default_rng(0).normal(size=(6, d)), gradient + 1e-12])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    h = 1e-3 / math.sqrt(problem.L)
    F, e = problem.value, h * directions
    differences = (8 * (F(w + e) - F(w - e)) - (F(w + 2 * e) - F(w - 2 * e))) / (12 * h)
    # Rounding: a few 1e-16 F / h with F up to 6e4 (d = 64, w = 30); truncation: h^4 F'''''/30, under 1e-9.
    assert directions @ gradient == pytest.approx(differences, rel=0, abs=1e-7 + 4e-15 * abs(float(F(w))) / h)


def extremes(problem: Problem, w: Array, h: float = 1e-5) -> tuple[float, float]:
    """Smallest and largest eigenvalue of the Hessian at w, by differences of the gradient."""
    d, gradient = problem.dimension, problem.gradient
    if d <= DENSE:
        e = h * np.eye(d)
        hessian = (gradient(w + e) - gradient(w - e)) / (2 * h)
        eigenvalues = np.linalg.eigvalsh((hessian + hessian.T) / 2)
        return float(eigenvalues[0]), float(eigenvalues[-1])
    times = LinearOperator((d, d), matvec=lambda v: (gradient(w + h * v.ravel()) - gradient(w - h * v.ravel())) / (2 * h), dtype=float)
    start = np.random.default_rng(0).normal(size=d)
    lowest, highest = (eigsh(times, k=1, which=which, v0=start, tol=1e-4, return_eigenvectors=False)[0] for which in ("SA", "LA"))
    return float(lowest), float(highest)


def places(problem: Problem) -> list[Array]:
    """Where the Hessian is looked at: on the way from the middle to the start and beyond, around, and last at the sharpest point."""
    if problem.dimension > DENSE:
        around = points(problem, (1, [0.3, 3.0]))
        return [problem.start, *around, *(p for p in (problem.minimiser, problem.sharpest) if p is not None)]
    way = [middle(problem) + part * (problem.start - middle(problem)) for part in np.linspace(0, 1.5, 16)]
    around = [p for seed in range(30) for p in points(problem, (seed, [0.1, 0.5, 2.0]))]
    return [*way, *around, *([] if problem.sharpest is None else [problem.sharpest])]


@EVERY
def test_name_shapes_and_fresh_arrays(name: str) -> None:
    problem = problems.get(name)
    d = problem.dimension
    assert problem.name == name
    assert problem.purpose
    assert problem.value(problem.start).shape == ()
    assert problem.F0 == problem.value(problem.start) > problem.minimum
    assert problem.gap(problem.start) == problem.F0 - problem.minimum
    w = np.random.default_rng(0).normal(size=(3, 2, d))
    before = w.copy()
    assert problem.value(w).shape == (3, 2)
    gradient = problem.gradient(w)
    assert gradient.shape == (3, 2, d)
    assert problem.value(w)[2, 1] == pytest.approx(problem.value(w[2, 1]), rel=1e-13)
    assert gradient[2, 1] == pytest.approx(problem.gradient(w[2, 1]), rel=1e-13, abs=1e-13)
    gradient += 1
    assert (w == before).all()


@EVERY
@SOME
@given(walk=walks(1))
def test_gradient_is_that_of_the_value(name: str, walk: tuple[int, list[float]]) -> None:
    problem = problems.get(name)
    (w,) = points(problem, walk)
    check_gradient(problem, w, problem.gradient(w))


@EVERY
def test_planted_gradient_error_of_1e_5_is_seen(name: str) -> None:
    problem = problems.get(name)
    w = problem.start + 0.1 * np.random.default_rng(0).uniform(-1, 1, problem.dimension)
    assert_rejects(lambda gradient: check_gradient(problem, w, gradient), problem.gradient(w) * (1 + 1e-5))


@EVERY
@SOME
@given(walk=walks(2))
def test_secants_stay_within_the_smoothness_constant(name: str, walk: tuple[int, list[float]]) -> None:
    problem = problems.get(name)
    u, v = points(problem, walk)
    change = np.linalg.norm(problem.gradient(u) - problem.gradient(v))
    rounding = 1e-14 * np.linalg.norm(problem.gradient(u))
    assert change <= problem.L * np.linalg.norm(u - v) * (1 + 1e-9) + rounding


def norm(problem: Problem, w: Array) -> float:
    """The norm of the Hessian at w."""
    return max(np.abs(extremes(problem, w)))


@EVERY
def test_smoothness_constant_is_never_exceeded_and_attained_where_it_is_said_to_be(name: str) -> None:
    problem = problems.get(name)
    norms = [norm(problem, w) for w in places(problem)]

    def check(L: float) -> None:
        assert max(norms) <= L * (1 + 1e-6)
        assert problem.sharpest is None or norms[-1] >= 0.99 * L

    check(problem.L)
    if problem.sharpest is not None:
        for factor in (0.98, 1.02):
            assert_rejects(check, factor * problem.L)
    assert name != "chain" or max(norms) > problem.L / 2


def test_the_smoothness_constant_of_most_problems_is_the_smallest_one() -> None:
    bounds = {name for name in problems.names() if problems.get(name).sharpest is None}
    assert {"chain", "two_layer"} <= bounds
    assert len(bounds) <= len(problems.names()) / 3


@EVERY
@SOME
@given(walk=walks(1))
def test_minimum_is_a_lower_bound_and_attained(name: str, walk: tuple[int, list[float]]) -> None:
    problem = problems.get(name)
    (w,) = points(problem, walk)
    assert problem.value(w) >= problem.minimum - 4e-16 * abs(problem.minimum)
    if problem.minimiser is not None:
        assert problem.value(problem.minimiser) == problem.minimum


@EVERY
@SOME
@given(walk=walks(1), log_mu=st.floats(-12, 3))
def test_pl_holds_or_is_refuted_for_every_mu(name: str, walk: tuple[int, list[float]], log_mu: float) -> None:
    problem = problems.get(name)
    if problem.refutes_pl is None:
        (w,) = points(problem, walk)
        assert problem.mu is not None
        rounding = 4e-16 * problem.mu * abs(problem.minimum)
        assert np.sum(problem.gradient(w) ** 2) >= 2 * problem.mu * problem.gap(w) * (1 - 1e-12) - rounding
    else:
        w = problem.refutes_pl(10.0**log_mu)
        assert np.sum(problem.gradient(w) ** 2) < 2 * 10.0**log_mu * problem.gap(w)


def pl_ratio_is_least(name: str, problem: Problem) -> Array:
    """Where ``‖∇F‖²/(2(F - F*))`` is as small as ``mu`` says."""
    if name == "sine_valley":
        return np.array([2.2017])
    if name == "rotated_sine_valley":  # one coordinate of the straight valley
        v = np.arange(1.0, 65)
        straight: Array = 2.2017 * (np.eye(1, 64)[0] - 2 * v[0] * v / (v @ v))
        return straight
    if name == "softmax_regression":  # away from the minimum along a pixel that is 0 in all examples
        assert problem.minimiser is not None
        dead = int(np.flatnonzero(~digits(500)[0].any(axis=0))[0])
        return problem.minimiser + 10 * np.eye(1, problem.dimension, dead)[0]
    return np.eye(1, problem.dimension, problem.dimension - 1)[0]  # the flattest direction of a quadratic


@pytest.mark.parametrize("name", ["sine_valley", "rotated_sine_valley", "softmax_regression", "quadratic", "stall"])
def test_mu_is_the_best_constant(name: str) -> None:
    problem = problems.get(name)
    w = pl_ratio_is_least(name, problem)
    ratio = float(np.sum(problem.gradient(w) ** 2) / (2 * problem.gap(w)))

    def check(mu: float) -> None:
        assert mu * (1 - 1e-9) <= ratio <= mu * 1.001

    assert problem.mu is not None
    check(problem.mu)
    for factor in (0.99, 1.01):
        assert_rejects(check, factor * problem.mu)


@EVERY
def test_convex_or_not(name: str) -> None:
    problem = problems.get(name)
    lowest = min(extremes(problem, w)[0] for w in [*places(problem), np.zeros(problem.dimension)])
    if problem.convex:
        assert lowest > -1e-6 * problem.L
    else:  # -0.25 L for Geman-McClure, -0.5 L for the sine valleys, -0.9 L or more for the others of these
        clearly = ("cosine", "geman_mcclure", "multi_well", "rotated_sine_valley", "sine_valley", "slow_valley", "stall", "strict_saddles")
        assert lowest < -(0.2 if name in clearly else 1e-3) * problem.L


@EVERY
def test_coordinatewise_slope_is_the_gradient(name: str) -> None:
    problem = problems.get(name) if name != "slow_valley" else problems.get(name, dimension=1)
    if problem.coordinatewise is None:
        assert name not in ("cosine", "geman_mcclure", "multi_well", "sine_valley", "slow_valley", "stall")
        return
    xs = np.linspace(-30, 30, 1001)
    slopes = np.array([problem.coordinatewise(float(x)) for x in xs])
    assert problem.gradient(xs[:, None])[:, 0] == pytest.approx(slopes, rel=1e-15, abs=1e-15)
    assert slopes * (1 + 1e-14) != pytest.approx(problem.gradient(xs[:, None])[:, 0], rel=1e-15, abs=1e-15)


@pytest.mark.parametrize("name", OF_ANY_DIMENSION)
def test_dimension_1e5(name: str) -> None:
    problem, d = problems.get(name, dimension=100_000), 100_000
    w = problem.start + np.random.default_rng(0).uniform(-1, 1, (2, d))
    gradient = problem.gradient(w)
    direction = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    h = 1e-3
    change = (problem.value(w + h * direction) - problem.value(w - h * direction)) / (2 * h)
    assert np.linalg.norm(gradient, axis=1) == pytest.approx(change, rel=1e-4)
    assert problem.gap(problem.start) > 0


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


# The registry and the door


def test_a_new_file_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(problems.names())
    assert len(before) >= 10
    source = "from tsla.empirics.simulation.problems import cosine\ndef problem(dimension=1):\n    return cosine.problem(dimension)\n"
    (tmp_path / "newcomer.py").write_text(source)
    monkeypatch.setattr(problems, "__path__", [*problems.__path__, str(tmp_path)])
    try:
        assert set(problems.names()) == before | {"newcomer"}
        assert problems.get("newcomer", dimension=3).dimension == 3
    finally:
        sys.modules.pop("tsla.empirics.simulation.problems.newcomer", None)


test_bad_names_and_options = refusals(
    lambda name, options: problems.get(name, **options),
    *((name, {}, f"problem = '{name}' must be one of .*chain, .*two_layer") for name in ("no_such", "problem", "_examples", "")),
    *((name, {"dimension": d}, "dimension = ") for name in OF_ANY_DIMENSION for d in (0, -1, 1.5, True, math.nan)),
    *((name, {"examples": n}, "examples = ") for name in ("softmax_regression", "two_layer") for n in (9, 1798, 20.5)),
    ("stall", {"L": 0}, "L = 0 must be a finite number above 0"),
    ("quadratic", {"mu": 0}, "mu = 0 must be a finite number above 0"),
    ("quadratic", {"mu": 2}, "mu = 2 is larger than L = 1"),
    ("softmax_regression", {"ridge": 0}, "ridge = 0 must be a finite number above 0"),
    ("two_layer", {"hidden": 0}, "hidden = 0 must be"),
    ("strict_saddles", {"dimension": 1}, "dimension = 1 must be a whole number, at least 2"),
    ("slow_valley", {"eps": 0.5}, r"F0 = 1 must be at least 12.5 eps²/L = 3.125"),  # too short
)


BOWL = {"name": "bowl", "dimension": 2, "L": 1.0, "mu": 1.0, "minimum": 0.5}
BOWL |= {"minimiser": np.zeros(2), "start": np.ones(2), "value": np.sum, "gradient": np.copy}
test_problem_refuses_what_does_not_fit = refusals(
    lambda changed: Problem(**BOWL | changed),
    ({"start": np.zeros(3)}, r"start has shape \(3,\); a problem of dimension 2 needs \(2,\)"),
    ({"minimiser": np.zeros((2, 1))}, r"minimiser has shape \(2, 1\)"),
    ({"sharpest": np.zeros(1)}, r"sharpest has shape \(1,\)"),
    ({"L": 0.0}, "L = 0 must be"),
    ({"mu": 2.0}, "mu = 2 is larger than L = 1"),
    ({"mu": None}, "mu = None and refutes_pl = None; exactly one"),
    ({"refutes_pl": np.full}, "mu = 1.0 and refutes_pl = .*; exactly one"),
)
