"""The constants of every problem are true, and as good as they can be."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirics import problems
from empirics.problems import Problem, sine_valley
from theory.constants import Array

EVERY = pytest.mark.parametrize("name", problems.names())


@st.composite
def walks(draw: st.DrawFn, length: int) -> tuple[int, list[float]]:
    """A seed and scales from 1e-4 to 30, which :func:`points` turns into points of a problem of any dimension."""
    scale = st.floats(-4, 1.5).map(lambda exponent: 10.0**exponent)
    return draw(st.integers(0, 2**32 - 1)), draw(st.lists(scale, min_size=length, max_size=length))


def points(problem: Problem, walk: tuple[int, list[float]]) -> list[Array]:
    """Points around the minimiser, then around each other, at the drawn scales."""
    seed, scales = walk
    rng, w, made = np.random.default_rng(seed), problem.minimiser, []
    for scale in scales:
        w = w + scale * rng.uniform(-1, 1, problem.dimension)
        made.append(w)
    return made


def differences(problem: Problem, w: Array, h: float = 1e-3) -> Array:
    """The gradient of ``problem.value`` by central differences of fourth order."""
    e = h * np.eye(problem.dimension)
    F = problem.value
    return (8 * (F(w + e) - F(w - e)) - (F(w + 2 * e) - F(w - 2 * e))) / (12 * h)


def curvatures(problem: Problem) -> Array:
    """Eigenvalues of the Hessian at points on the way from the minimiser to the start, and beyond; shape (points, d)."""
    way = np.linspace(0, 1.5, 16)[:, None] * (problem.start - problem.minimiser) + problem.minimiser
    e = 1e-5 * np.eye(problem.dimension)
    hessian = (problem.gradient(way[:, None] + e) - problem.gradient(way[:, None] - e)) / 2e-5
    return np.linalg.eigvalsh((hessian + hessian.swapaxes(-1, -2)) / 2)


@EVERY
def test_name_shapes_and_fresh_arrays(name: str) -> None:
    problem = problems.get(name)
    d = problem.dimension
    assert problem.name == name
    assert problem.value(problem.start).shape == ()
    assert problem.F0 == problem.value(problem.start) > problem.minimum
    assert problem.gap(problem.start) == problem.F0 - problem.minimum
    w = np.random.default_rng(0).normal(size=(3, 2, d))
    before = w.copy()
    assert problem.value(w).shape == (3, 2)
    gradient = problem.gradient(w)
    assert gradient.shape == (3, 2, d)
    assert gradient[2, 1] == pytest.approx(problem.gradient(w[2, 1]), rel=1e-13, abs=1e-13)
    gradient += 1
    assert (w == before).all()


@EVERY
@given(walk=walks(1))
def test_gradient_is_that_of_the_value(name: str, walk: tuple[int, list[float]]) -> None:
    problem = problems.get(name)
    (w,) = points(problem, walk)
    # Rounding: 2e-16 F / h with F up to 6e4 (d = 64, w = 30) is 1e-8; truncation: h^4 F'''''/30, under 1e-10.
    assert problem.gradient(w) == pytest.approx(differences(problem, w), rel=0, abs=1e-7)


@EVERY
def test_planted_gradient_error_of_1e_5_is_seen(name: str) -> None:
    problem = problems.get(name)
    planted = problem.gradient(problem.start) * (1 + 1e-5)
    assert planted != pytest.approx(differences(problem, problem.start), rel=0, abs=1e-7)


@EVERY
@given(walk=walks(2))
def test_secants_stay_within_the_smoothness_constant(name: str, walk: tuple[int, list[float]]) -> None:
    problem = problems.get(name)
    u, v = points(problem, walk)
    change = np.linalg.norm(problem.gradient(u) - problem.gradient(v))
    rounding = 1e-14 * np.linalg.norm(problem.gradient(u))
    assert change <= problem.L * np.linalg.norm(u - v) * (1 + 1e-9) + rounding


@EVERY
def test_smoothness_constant_is_attained_so_that_its_half_is_refuted(name: str) -> None:
    problem = problems.get(name)
    largest = np.abs(curvatures(problem)).max()
    assert 0.99 * problem.L < largest < problem.L * (1 + 1e-6)
    assert largest > problem.L / 2


@EVERY
@given(walk=walks(1))
def test_minimum_is_a_lower_bound_and_attained(name: str, walk: tuple[int, list[float]]) -> None:
    problem = problems.get(name)
    (w,) = points(problem, walk)
    assert problem.value(w) >= problem.minimum
    assert problem.value(problem.minimiser) == problem.minimum


@EVERY
@given(walk=walks(1), log_mu=st.floats(-12, 3))
def test_pl_holds_or_is_refuted_for_every_mu(name: str, walk: tuple[int, list[float]], log_mu: float) -> None:
    problem = problems.get(name)
    if problem.refutes_pl is None:
        (w,) = points(problem, walk)
        assert problem.mu is not None
        assert np.sum(problem.gradient(w) ** 2) >= 2 * problem.mu * problem.gap(w) * (1 - 1e-12)
    else:
        w = problem.refutes_pl(10.0**log_mu)
        assert np.sum(problem.gradient(w) ** 2) < 2 * 10.0**log_mu * problem.gap(w)


@pytest.mark.parametrize("name", ["sine_valley", "rotated_sine_valley", "geman_mcclure", "cosine"])
def test_non_convex(name: str) -> None:
    problem = problems.get(name)
    assert curvatures(problem).min() < -0.2 * problem.L  # -0.25 L for Geman-McClure, -0.5 L and -L for the others


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


def test_mu_of_the_sine_valley_is_proved_between_the_analytic_parts() -> None:
    assert math.pi / 2 > 1.5  # the analytic parts are (0, π/2] and [5/2, ∞)
    assert certified(sine_valley.MU, 1.5, 2.5)


@pytest.mark.parametrize("too_large", [sine_valley.MU * 1.001, sine_valley.MU + 1e-4])
def test_planted_larger_mu_of_the_sine_valley_is_refuted_at_a_point(too_large: float) -> None:
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


def test_rotated_sine_valley_couples_every_pair_of_coordinates() -> None:
    problem = problems.get("rotated_sine_valley")
    e = 1e-5 * np.eye(64)
    hessian = (problem.gradient(problem.start + e) - problem.gradient(problem.start - e)) / 2e-5
    assert np.abs(hessian).min() > 1e-7  # differences of a straight sine valley are exact zeros off the diagonal
    assert np.median(np.abs(hessian)) > 1e-3


@pytest.mark.parametrize("L", [0.25, 3.0])
def test_stall_has_the_curvature_asked_for(L: float) -> None:
    problem = problems.get("stall", L=L)
    assert (problem.L, problem.mu) == (L, L)
    assert problem.value(np.array([2.0])) == 2 * L
    assert problem.gradient(np.array([2.0])) == 2 * L


# The registry and the door


def test_a_new_file_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from empirics.problems import cosine\ndef problem(dimension=1):\n    return cosine.problem(dimension)\n"
    (tmp_path / "newcomer.py").write_text(source)
    monkeypatch.setattr(problems, "__path__", [*problems.__path__, str(tmp_path)])
    try:
        assert set(problems.names()) == {"sine_valley", "rotated_sine_valley", "geman_mcclure", "cosine", "stall", "newcomer"}
        assert problems.get("newcomer", dimension=3).dimension == 3
    finally:
        sys.modules.pop("empirics.problems.newcomer", None)


@pytest.mark.parametrize("name", ["no_such", "problem", ""])
def test_unknown_name_lists_the_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"problem = '{name}' must be one of cosine, .*stall"):
        problems.get(name)


@pytest.mark.parametrize("dimension", [0, -1, 1.5, True, math.nan])
@pytest.mark.parametrize("name", [name for name in problems.names() if name != "stall"])
def test_bad_dimension(name: str, dimension: float) -> None:
    with pytest.raises(ValueError, match="dimension = "):
        problems.get(name, dimension=dimension)


def test_bad_curvature() -> None:
    with pytest.raises(ValueError, match="L = 0 must be a finite number above 0"):
        problems.get("stall", L=0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"start": np.zeros(3)}, r"start has shape \(3,\); a problem of dimension 2 needs \(2,\)"),
        ({"minimiser": np.zeros((2, 1))}, r"minimiser has shape \(2, 1\)"),
        ({"L": 0.0}, "L = 0 must be"),
        ({"mu": 2.0}, "mu = 2 is larger than L = 1"),
        ({"mu": None}, "mu = None and refutes_pl = None; exactly one"),
        ({"refutes_pl": np.full}, "mu = 1.0 and refutes_pl = .*; exactly one"),
    ],
)
def test_problem_refuses_what_does_not_fit(changed: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {"name": "bowl", "dimension": 2, "L": 1.0, "mu": 1.0, "minimum": 0.5}
    fields |= {"minimiser": np.zeros(2), "start": np.ones(2), "value": np.sum, "gradient": np.copy}
    assert Problem(**fields).gap(np.ones(2)) == 1.5
    with pytest.raises(ValueError, match=message):
        Problem(**fields | changed)
