"""C13 in exact fractions: every path of the two-point noise on (L/2)w², with ĝ held off the minimum by √δσ."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support.marks import properties
from tests.claims.support.paths import fractions
from tests.claims.support.refusals import refuses
from tsla.theory import lsr, stall
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import for_all

Settled = Callable[..., Any]

below_one = st.builds(Fraction, st.integers(1, 31), st.just(32))
strengths = st.none() | st.builds(Fraction, st.integers(0, 16), st.just(16))


def paths(u: Fraction, x: Fraction, sigma: Fraction, root_delta: Fraction, theta: Fraction, T: int) -> list[Fraction]:
    """Lw at the ends of all paths of T steps of size x/L, from Lw = u: g = Lw ± σ, ĝ = Lw - sign(w)√δσ, sign(0) = 1."""
    ends = [u]
    for _ in range(T):
        ends = [
            end - x * ((1 - theta) * (end + noise) + theta * (end - (1 if end >= 0 else -1) * root_delta * sigma))
            for end in ends
            for noise in (sigma, -sigma)
        ]
    return ends


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def strength(theta: Fraction | None, root_delta: Fraction) -> Fraction:
    return 1 / (1 + root_delta**2) if theta is None else theta


def given_to(value: Settled, sigma: Fraction, root_delta: Fraction, theta: Fraction | None) -> float:
    return float(value(float(sigma**2), float(root_delta**2), None if theta is None else float(theta)))


@for_all(fractions, fractions, fractions, strengths, st.integers(1, 5), st.sampled_from([-1, 0, 1]))
def is_the_mean_after_any_number_of_full_steps(
    value: Settled, start: Fraction, sigma: Fraction, root_delta: Fraction, theta: Fraction | None, T: int, side: int
) -> None:
    """η = 1/L, from anywhere."""
    ends = paths(side * start, Fraction(1), sigma, root_delta, strength(theta, root_delta), T)
    expected = float(mean([end**2 for end in ends]))
    assert given_to(value, sigma, root_delta, theta) == pytest.approx(expected, rel=1e-13)


@for_all(fractions, below_one, strengths, below_one, st.integers(1, 6), st.sampled_from([-1, 1]))
def is_the_square_of_where_the_mean_stays(
    value: Settled, sigma: Fraction, root_delta: Fraction, theta: Fraction | None, x: Fraction, T: int, side: int
) -> None:
    """Where the noise does not carry w across 0, which for θ = 1/(1+δ) is δ < 1: at a small step E Lw stays at ±θ√δσ, and
    E‖∇F‖² is above its square by no more than x(1-θ)²σ², which goes to 0 with x = ηL. From farther off w comes down to it."""
    t = strength(theta, root_delta)
    assume(t * root_delta >= 1 - t)
    rest = side * t * root_delta * sigma
    ends = paths(rest, x, sigma, root_delta, t, T)
    value_ = given_to(value, sigma, root_delta, theta)
    assert float(mean(ends) ** 2) == pytest.approx(value_, rel=1e-13)
    assert 0 <= float(mean([end**2 for end in ends])) - value_ * (1 - 1e-13) <= float(x * (1 - t) ** 2 * sigma**2) + 2e-13 * value_
    farther = mean(paths(3 * rest, x, sigma, root_delta, t, T))
    assert float(abs(farther - rest)) == pytest.approx(2 * float((1 - x) ** T) * value_**0.5, rel=1e-12)


@pytest.mark.claim("C13", "property")
@given(fractions, fractions)
def test_both_beside_the_floor(sigma: Fraction, root_delta: Fraction) -> None:
    """Of C5 at θ = 1/(1+δ): a factor 2(1+δ) below, and 2."""
    k = Constants(L=1, sigma2=float(sigma**2), delta=float(root_delta**2), F0=1)
    floor = float(lsr.floor(k))
    assert floor / given_to(stall.settled, sigma, root_delta, None) == pytest.approx(2 * float(1 + root_delta**2), rel=1e-12)
    assert floor / given_to(stall.settled_at_largest_step, sigma, root_delta, None) == pytest.approx(2, rel=1e-12)


@pytest.mark.claim("C13", "property")
@given(fractions, fractions, fractions, strengths, below_one, st.integers(1, 5))
def test_the_instance_obeys_c5(start: Fraction, sigma: Fraction, root_delta: Fraction, theta: Fraction | None, x: Fraction, T: int) -> None:
    t = strength(theta, root_delta)
    k = Constants(L=1, sigma2=float(sigma**2), delta=float(root_delta**2), F0=float(start**2 / 2))
    gradient2 = mean([mean([end**2 for end in paths(start, x, sigma, root_delta, t, i)]) for i in range(T)])
    assert float(gradient2) <= float(lsr.bound(k, eta=float(x), T=T, theta=float(t)).total) * (1 + 1e-12)


def other_weights(sigma2: float, delta: float, theta: float | None) -> Any:
    """1-θ on the bias."""
    t = 1 / (1 + delta) if theta is None else theta
    return (1 - t) ** 2 * delta * sigma2 + t**2 * sigma2


def lemma(sigma2: float, delta: float, theta: float | None) -> Any:
    return lsr.floor(Constants(L=1, sigma2=sigma2, delta=delta, F0=1), theta)


def bias_once(sigma2: float, delta: float, theta: float | None) -> Any:
    """θδσ² for θ²δσ²."""
    t = 1 / (1 + delta) if theta is None else theta
    return t * delta * sigma2


test_at_the_largest_step = properties(
    "C13",
    stall.settled_at_largest_step,
    {is_the_mean_after_any_number_of_full_steps: [stall.settled, other_weights, lemma]},
    found="At η = 1/L the enumeration of every path gives E‖∇F‖² = θ²δσ² + (1-θ)²σ². At θ = 1/(1+δ) that is half of C5's floor.",
)
test_at_small_steps = properties(
    "C13",
    stall.settled,
    {is_the_square_of_where_the_mean_stays: [bias_once, other_weights, lemma, stall.settled_at_largest_step]},
    found="For small step sizes the mean of ∇F stays at θ√δσ, by an enumeration in fractions.",
)


@pytest.mark.parametrize("value", [stall.settled, stall.settled_at_largest_step])
def test_premises(value: Settled) -> None:
    refuses(lambda: value(-1, 0.1), "sigma2 = -1 must be a finite number at least 0")
    refuses(lambda: value(1, -0.1), "delta = -0.1 must be a finite number at least 0")
    refuses(lambda: value(1, 0.1, 1.5), "theta = 1.5 must be a finite number at least 0 and at most 1")
