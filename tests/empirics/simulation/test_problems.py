"""The constants of every problem are true, and as good as they claim to be."""

from __future__ import annotations

import inspect
import math
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.empirics.simulation.curvature import DENSE, extremes, norm
from tests.refusals import refusals
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.problems._examples import digits
from tsla.theory.constants import Array
from tsla.theory.testing.planted import assert_rejects

EVERY = pytest.mark.parametrize("name", problems.names())
SOME = settings(max_examples=settings().max_examples // 2)  # of each problem
OF_ANY_DIMENSION = [
    name
    for name in problems.names()
    if "dimension" in inspect.signature(import_module(f"tsla.empirics.simulation.problems.{name}").problem).parameters
]


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
    assert problem.gap(problem.start) == problem.value(problem.start) - problem.minimum > 0
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
