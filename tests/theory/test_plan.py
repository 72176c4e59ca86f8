"""Plans as numbers: ceilings that forgive rounding, an error where a length is no number, and a word where there is no plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.recursions import exact
from tests.theory import stated
from tsla.theory import lsr, sgd, sgd_pl, sharp_exact, smoothed_pl, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.complexity import exponents
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.testing.planted import assert_rejects

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)


@pytest.mark.parametrize(
    ("real_steps", "steps"),
    [
        (800000.0000000001, 800000),
        (799999.9999999999, 800000),
        (800000.001, 800001),
        (0.1 * 3 / 0.3, 1),
        (1.0000001, 2),
        (1e-12, 1),
        (0.0, 0),
        (-0.0, 0),
        (-5.5, 0),
        (-np.inf, 0),
        (np.inf, np.inf),
        (1e30, 1e30),
    ],
)
def test_ceilings(real_steps: float, steps: float) -> None:
    assert float(whole_steps(np.float64(real_steps))) == pytest.approx(steps, rel=1e-14)


@given(st.integers(1, 10**9), st.floats(-1e-15, 1e-15), st.floats(1e-4, 1))
def test_a_ceiling_forgives_rounding_and_nothing_else(n: int, rounding: float, part: float) -> None:
    assert float(whole_steps(np.float64(n * (1 + rounding)))) == n
    assert float(whole_steps(np.float64(n - 1 + part))) == n


NOISELESS = Constants(L=10, mu=1, sigma2=0, delta=0.1, F0=1)
VANISHES = "its square overflows float64 or vanishes in it"
ENDLESS = "the number of steps that C5 asks for overflows"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_stage.steps(NOISELESS, eps=1), "sigma2 = 0 must be above 0 for C8"),
        (lambda: two_stage.steps(Constants(L=10, mu=1, sigma2=1, delta=[0.1, 0], F0=1), eps=1), "delta = 0 must be above 0 for C8"),
        (lambda: sgd_pl.three_phase_steps(NOISELESS, eps=1), "sigma2 = 0 must be above 0 for C15b"),
        (lambda: sgd_pl.two_step_size_steps(NOISELESS, eps=1), "sigma2 = 0 must be above 0 for C15c"),
        (lambda: lsr.steps(Constants(L=1e300, sigma2=0, delta=0, F0=1e300), eps=1e-3), f"{ENDLESS} float64; eps is too small"),
        (lambda: Plan("lsr", "C5", (), (Stage(np.float64(1), np.float64(0), np.float64(np.inf)),)), ENDLESS),
        (lambda: sgd.steps(NOISELESS, eps=1e-200), f"eps = 1e-200: {VANISHES}"),  # 0/0 for eta
        (lambda: lsr.steps(Constants(L=10, mu=1, sigma2=0, delta=0, F0=1), eps=1e-200), f"eps = 1e-200: {VANISHES}"),
        *((partial(plan, K, eps=1e200), f"eps = 1e+200: {VANISHES}") for plan in (sgd.steps, lsr.steps, sgd_pl.last_iterate_steps)),
        (lambda: exponents(-1), "q = -1 must be a finite number at least 0"),
    ],
)
def test_plans_that_have_no_value(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call()


@pytest.mark.parametrize(
    ("plan", "steps"), [(sgd.steps, 4000), (worst_case.sgd_steps, 2000), (lsr.steps, 4000), (sgd_pl.last_iterate_steps, 83)]
)
def test_a_noiseless_oracle_needs_no_small_step(plan: Callable[..., Plan], steps: int) -> None:
    """4LF0/ε², 2LF0/ε², 4LF0/ε², ⌈κ log(4LF0/ε²)⌉."""
    (stage,) = plan(NOISELESS, eps=0.1).stages
    assert (float(stage.eta), float(stage.steps)) == (0.1, steps)


def test_the_first_step_must_not_vanish() -> None:
    first = np.finfo(float).tiny
    assert Plan("lsr", "C5", (), (Stage(np.float64(first), np.float64(0), np.float64(2)),)).total == 2
    growing = Stage(np.float64(first / 2), np.float64(0), np.float64(2), factor=lambda t: 1 + t)
    with pytest.raises(ValueError, match="the step size that C5 asks for vanishes in float64; rescale F"):
        Plan("lsr", "C5", (), (growing,))


def test_an_infinite_length_is_allowed_where_the_target_is_out_of_reach() -> None:
    endless = Stage(np.float64(1), np.float64(0), np.float64(np.inf))
    assert np.isinf(Plan("lsr", "C5", (), (endless,), reachable=np.False_).total)


def test_a_stage_says_how_it_goes_on() -> None:
    falling = Stage(np.float64(0.5), np.float64(0.2), np.float64(5), factor=lambda t: (1 + t) ** -1, weights=lambda t: (t >= 2) * t)
    assert [float(falling.step_size(t)) for t in (0, 1, 4)] == [0.5, 0.25, 0.1]
    assert falling.json() == pytest.approx({"eta": 0.5, "theta": 0.2, "steps": 5, "last_eta": 0.1, "first_weight": 0, "last_weight": 1})
    assert falling.said() == "0.5 to 0.1"
    slowing = Stage(np.float64(0.5), np.float64(0), np.float64(9), decay_steps=np.float64(4))
    assert [float(slowing.step_size(t)) for t in (0, 4)] == [0.5, 0.25]
    assert slowing.json() == {"eta": 0.5, "theta": 0, "steps": 9, "decay_steps": 4}
    assert slowing.said() == "0.5/(1 + t/4)"
    single = Stage(np.float64(0.5), np.float64(0), np.float64(1), factor=lambda t: 1 / (1 + t), weights=lambda t: (2 + t) ** -1)
    assert single.json() == {"eta": 0.5, "theta": 0, "steps": 1, "last_eta": 0.5, "first_weight": 1, "last_weight": 1}
    assert single.said() == "0.5 to 0.5"
    with pytest.raises(ValueError, match="decay_steps and factor exclude each other"):
        Stage(np.float64(0.5), np.float64(0), np.float64(1), decay_steps=np.float64(4), factor=np.ones_like)
    endless = Stage(np.float64(0.5), np.float64(0), np.float64(np.inf), factor=lambda t: (1 + t) ** -1)
    assert endless.json() == {"eta": 0.5, "theta": 0, "steps": None, "last_eta": 0}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"eta": -0.1}, "eta = -0.1 must be a finite number at least 0"),
        ({"eta": np.array([0.1, np.nan])}, "eta = nan must be a finite number at least 0"),
        ({"eta": "a"}, "eta = 'a' must be a finite number at least 0"),
        ({"theta": 7}, "theta = 7 must be a finite number at least 0 and at most 1"),
        ({"steps": -3}, "steps = -3 must be a number at least 0, or infinite"),
        ({"steps": np.array([np.inf, np.nan])}, "steps = nan must be a number at least 0, or infinite"),
        ({"steps": "3"}, "steps = '3' must be a number, or an array of numbers"),
        ({"decay_steps": 0.0}, "decay_steps = 0 must be a finite number above 0"),
    ],
)
def test_a_stage_is_of_numbers_in_their_ranges(changed: dict[str, Any], message: str) -> None:
    Stage(**{"eta": 0.1, "theta": 0.1, "steps": 3})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Stage(**{"eta": 0.1, "theta": 0.1, "steps": 3} | changed)


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_a_plan_of_nothing_says_so(shape: tuple[int, ...]) -> None:
    plan = sgd.steps(Constants(L=np.zeros(shape), sigma2=1, F0=1), eps=0.1)
    assert str(plan) == f"sgd: no samples to count in an array of shape {shape}   (C4; assumes A1 A2)"


# --- at the ends of float64


def is_the_root_at_every_scale(largest_scale: Callable[..., Any]) -> None:
    """For targets down to 1e-300 of the noise; σ² = 1, β² = ν²."""
    half, target2 = np.geomspace(1e-150, 1, 7)[:, None], np.geomspace(1e-300, 1e3, 31)
    found = np.broadcast_to(largest_scale(np.ones(()), SmoothingOracle(beta2=half, nu2=half), target2), (7, 31))
    for (i, j), scale in np.ndenumerate(found):
        assert float(scale) == pytest.approx(float(stated.largest_scale(exact(1), exact(half[i, 0]), exact(target2[j]))), rel=1e-9, abs=0)


def down_to_the_root_of_tiny(sigma2: Any, oracle: SmoothingOracle, target2: Any) -> Any:
    return np.maximum(smoothed_pl.largest_scale(sigma2, oracle, target2), 1e-154)


def test_the_largest_step_size_at_every_scale() -> None:
    is_the_root_at_every_scale(smoothed_pl.largest_scale)
    assert_rejects(is_the_root_at_every_scale, down_to_the_root_of_tiny)


def test_the_exact_plan_right_below_the_delta_from_which_it_does_not_smooth() -> None:
    """``ε² - δσ²`` is less than a rounding error of ε² there, but more than 0."""
    eps = np.geomspace(1e-9, 1e-10, 200)
    share = 1 / (1 + 1 / eps**2)
    plan = sharp_exact.steps(Constants(L=10, F0=1, sigma2=1, delta=np.nextafter(share, 0)), eps=eps)
    assert (plan.total <= 20 * (1 + eps**2) / eps**4 * (1 + 1e-12)).all()
