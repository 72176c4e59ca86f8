"""What is refused at the door, and in which words: the argument, its value, and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.refusals import refuses
from tsla.theory import smoothing, variance
from tsla.theory.constants import ROUNDING, Constants, real, shown, step_count, step_size, strength, whole
from tsla.theory.moments import Moments

BARE = Constants(L=1, sigma2=1, F0=1)
VALID: dict[str, Any] = {"L": 10, "mu": 1, "sigma2": 1, "delta": 0.1, "F0": 1}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("L", 0, "L = 0 must be a finite number above 0"),
        ("L", -1.5, "L = -1.5 must be a finite number above 0"),
        ("L", True, "L = True must be a finite number above 0"),
        ("L", "ten", "L = 'ten' must be a finite number above 0"),
        ("L", "10", "L = '10' must be a finite number above 0"),
        ("L", 1j, "L = 1j must be a finite number above 0"),
        ("L", None, "L = None must be a finite number above 0"),
        ("mu", 0, "mu = 0 must be a finite number above 0"),
        ("mu", 10.5, "mu = 10.5 is larger than L = 10; A4 with A1 needs 0 < mu <= L"),
        ("mu", [1, 11, 12], "mu = 11 is larger than L = 10; A4 with A1 needs 0 < mu <= L"),
        ("sigma2", -1, "sigma2 = -1 must be a finite number at least 0"),
        ("sigma2", [0, 1, -1e-12], "sigma2 = -1e-12 must be a finite number at least 0"),
        ("delta", -0.1, "delta = -0.1 must be a finite number at least 0"),
        ("delta", False, "delta = False must be a finite number at least 0"),
        ("F0", 0, "F0 = 0 must be a finite number above 0"),
        ("F0", [True, False], "F0 = [True, False] must be a finite number above 0"),
    ],
)
def test_constants_outside_their_ranges(name: str, value: Any, message: str) -> None:
    refuses(lambda: Constants(**VALID | {name: value}), message)


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_constants_that_are_not_finite(name: str, value: float) -> None:
    allowed = "at least 0" if name in ("sigma2", "delta") else "above 0"
    refuses(lambda: Constants(**VALID | {name: value}), f"{name} = {value} must be a finite number {allowed}")
    refuses(lambda: Constants(**VALID | {name: [1, value]}), f"{name} = {value} must be a finite number {allowed}")


def test_edges_are_allowed() -> None:
    k = Constants(L=10, mu=10, sigma2=0, delta=0, F0=1e-300)
    assert (float(k.L), float(k.need_mu("C7")), float(k.sigma2), float(k.need_delta("C5"))) == (10, 10, 0, 0)
    largest = np.finfo(np.float64).max
    assert Constants(L=largest, mu=largest, sigma2=0, F0=1).mu == largest


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.int8(2), np.uint64(2), np.array(2.0), [2], (2, 2), np.full((2, 3), 2.0)])
def test_numbers_of_all_kinds_become_float64(number: Any) -> None:
    array = real("x", number, above=1, at_most=2)
    assert array.dtype == np.float64
    assert array.shape == np.shape(number)
    assert (array == 2).all()


@pytest.mark.parametrize("zero", [-0.0, [-0.0, 1.0], np.float32(-0.0), np.array([[-0.0]])])
def test_negative_zero_is_zero(zero: Any) -> None:
    assert not np.signbit(real("x", zero, at_least=0)).any()
    assert not np.signbit(Constants(L=1, sigma2=zero, F0=1, delta=zero).sigma2).any()


def step(value: Any) -> Any:
    return step_size("eta", value, np.float64(10), "C5")


def length(value: Any) -> Any:
    return step_count("T", value)


@pytest.mark.parametrize(
    ("door", "value", "message"),
    [
        (step, 0.2, "eta = 0.2 is larger than 1/L = 0.1; C5 needs 0 < eta <= 1/L"),
        (step, [0.05, 0.3], "eta = 0.3 is larger than 1/L = 0.1; C5 needs 0 < eta <= 1/L"),
        (step, 0, "eta = 0 must be a finite number above 0"),
        (step, -0.1, "eta = -0.1 must be a finite number above 0"),
        (step, float("nan"), "eta = nan must be a finite number above 0"),
        (step, True, "eta = True must be a finite number above 0"),
        (step, "0.1", "eta = '0.1' must be a finite number above 0"),
        (length, 0, "T = 0 must be a whole number, at least 1"),
        (length, -3, "T = -3 must be a whole number, at least 1"),
        (length, 2.5, "T = 2.5 must be a whole number, at least 1"),
        (length, [1, 2, 3.25], "T = 3.25 must be a whole number, at least 1"),
        (length, float("inf"), "T = inf must be a whole number, at least 1"),
        (length, True, "T = True must be a whole number, at least 1"),
        (length, "7", "T = '7' must be a whole number, at least 1"),
        *(
            (strength, value, f"theta = {value:.12g} must be a finite number at least 0 and at most 1")
            for value in (-0.1, 1.1, 2, float("nan"), float("inf"))
        ),
    ],
)
def test_what_is_outside_the_premises(door: Callable[[Any], Any], value: Any, message: str) -> None:
    refuses(lambda: door(value), message)


@given(st.floats(1e-300, 1e300))
def test_the_inverse_of_the_smoothness_is_a_step_size(L: float) -> None:
    """Its product with L may be rounded to above 1; what is beyond rounding is not let through."""
    assert float(step_size("eta", 1 / L, np.float64(L), "C3")) == 1 / L
    with pytest.raises(ValueError, match=r"is larger than 1/L"):
        step_size("eta", (1 + 4 * ROUNDING) / L, np.float64(L), "C3")


@pytest.mark.parametrize("count", [1, 7])
def test_counts_at_their_limits(count: int) -> None:
    whole("n", count, at_least=1, at_most=7)
    whole("n", -(10**30))


def test_a_first_stage_may_be_empty_and_a_huge_count_is_a_number_like_any_other() -> None:
    assert float(step_count("T1", 0, at_least=0)) == 0
    assert float(step_count("T", 1e30)) == 1e30


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BARE.need_delta("C5"), "delta is missing; C5 needs it (assumption A3)"),
        (lambda: BARE.need_mu("C7"), "mu is missing; C7 needs it (assumption A4)"),
        (lambda: real("x", 3, above=1, at_most=2), "x = 3 must be a finite number above 1 and at most 2"),
        (lambda: real("x", 1, above=1, at_most=2), "x = 1 must be a finite number above 1 and at most 2"),
        (lambda: real("x", float("nan")), "x = nan must be a finite number"),
        (lambda: step_size("eta2", 0.1, np.array([1, 10, 20]), "C8"), "eta2 = 0.1 is larger than 1/L = 0.05; C8 needs 0 < eta2 <= 1/L"),
        (lambda: step_count("T1", 0.5, at_least=0), "T1 = 0.5 must be a whole number, at least 0"),
        (lambda: step_count("T1", -1, at_least=0), "T1 = -1 must be a whole number, at least 0"),
        (lambda: whole("n", 2.0), "n = 2.0 must be a whole number"),
        (lambda: whole("n", True, at_least=1), "n = True must be a whole number, at least 1"),
        (lambda: whole("n", 0, at_least=1), "n = 0 must be a whole number, at least 1"),
        (lambda: whole("n", 8, at_least=1, at_most=7), "n = 8 must be a whole number, at least 1 and at most 7"),
        (lambda: whole("n", -5, at_most=-6), "n = -5 must be a whole number, at most -6"),
        (lambda: smoothing.lemma(1, 0.1, 1.5), "theta = 1.5 must be a finite number at least 0 and at most 1"),
        (lambda: smoothing.paper_theta(-2), "delta = -2 must be a finite number at least 0"),
        (lambda: smoothing.lemma_theta(np.nan), "delta = nan must be a finite number at least 0"),
        (lambda: Moments.of(s2=4, shat2=1, c=2.5), "c = 2.5 must lie within ±sqrt(s2*shat2) = ±2 (Cauchy-Schwarz)"),
        (lambda: Moments.of(s2=4, shat2=[1, 9], c=-3), "c = -3 must lie within ±sqrt(s2*shat2) = ±2 (Cauchy-Schwarz)"),
        (lambda: variance.from_moments(s2=0, shat2=1, c=0), "s2 = 0 must be a finite number above 0"),
    ],
)
def test_what_is_outside_its_range(call: Callable[[], Any], message: str) -> None:
    refuses(call, message)


def test_estimates_are_moved_to_where_moments_can_be() -> None:
    inside = Moments(grad2=1.0, s2=4.0, shat2=3.0, c=-1.5, beta2=2.0, nu2=1.0)
    assert inside.clipped() == inside
    assert replace(inside, c=2.5).clipped() == replace(inside, c=2.0)
    assert replace(inside, c=-2.5).clipped() == replace(inside, c=-2.0)
    assert Moments(-1.0, -4.0, 3.0, -1.5, -2.0, 1.0).clipped() == Moments(0.0, 0.0, 1.0, 0.0, 0.0, 1.0)
    assert replace(inside, nu2=-1.0).clipped() == replace(inside, shat2=2.0, c=0.0, nu2=0.0)


@given(st.floats(1e-100, 1e100), st.floats(1e-100, 1e100), st.sampled_from([-1, 1]))
def test_parallel_vectors_are_within_cauchy_schwarz(s2: float, shat2: float, sign: int) -> None:
    assert np.isfinite(Moments.of(s2=s2, shat2=shat2, c=sign * np.sqrt(s2) * np.sqrt(shat2)).c)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (800000, "800000"), (1e-12, "1e-12"), (np.float64(0.30000000000000004), "0.3"), (1e300, "1e+300")]
)
def test_numbers_are_shown_as_a_person_writes_them(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_door_that_lets_everything_in_is_noticed() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        refuses(lambda: None, "L = 0 must be a finite number above 0")
    with pytest.raises(AssertionError, match="L = 0 must be a finite number above 0"):
        refuses(lambda: Constants(**VALID | {"L": 0}), "L must be above 0")
