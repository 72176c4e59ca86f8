"""Bounds beside their exact values: twelve digits, never below them, also at the ends of float64.

There a bound is never 0 for what is not 0, and it is refused in place of an infinity.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.claims.support.recursions import Exact, exact, mp, shrunk
from tests.claims.support.refusals import unless_refused
from tsla.theory import biased, lsr, sgd, sgd_pl, sharp, sharp_exact, smoothing, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.moments import Moments
from tsla.theory.testing.domain import FIELDS, constants, step_counts, step_sizes, thetas, with_terms
from tsla.theory.testing.planted import assert_rejects

Numbers = dict[str, Any]
scales = st.floats(-300, 300).map(lambda power: 10.0**power)
shares = st.floats(-300, 0).map(lambda power: 10.0**power)


@st.composite
def numbers(draw: st.DrawFn) -> Numbers:
    """Constants and a run of any size, where the premises hold exactly: ``μ <= L`` and ``ηL <= 1``; σ², δ, β², ν² may be 0."""
    L, maybe = draw(scales), st.just(0.0) | scales
    eta = min(draw(shares | st.just(1.0)) / L * (1 - 1e-15), 1e300)
    drawn = {name: draw(maybe) for name in ("sigma2", "delta", "beta2", "nu2")}
    correlation = draw(st.sampled_from([0.0, 0.5, -0.5]))
    return {
        "L": L,
        "mu": max(L * draw(shares | st.just(1.0)), 1e-305),
        "F0": draw(scales),
        "eta": max(eta, 1e-305),
        "T": float(np.floor(draw(st.floats(0, 300).map(lambda power: 10.0**power)))),
        "theta": draw(st.just(0.0) | shares | st.just(1.0)),
        "c": correlation * drawn["sigma2"] ** 0.5 * drawn["nu2"] ** 0.5,
    } | drawn


def known(n: Numbers) -> Constants:
    return Constants(**{name: n[name] for name in FIELDS})


def oracle(n: Numbers) -> SmoothingOracle:
    return SmoothingOracle(**{name: n[name] for name in ("beta2", "nu2", "c")})


def single(n: Numbers) -> Numbers:
    return {"eta": n["eta"], "T": n["T"]}


BOUNDS: dict[str, Callable[[Numbers], Bound]] = {
    "C4": lambda n: sgd.bound(known(n), **single(n)),
    "C5": lambda n: lsr.bound(known(n), **single(n), theta=n["theta"]),
    "C7": lambda n: two_stage.stage_one(known(n), eta1=n["eta"], T1=n["T"], theta=n["theta"]),
    "C8": lambda n: two_stage.bound(known(n), eta1=n["eta"], T1=n["T"], eta2=n["eta"], T2=n["T"], theta=n["theta"]),
    "C12": lambda n: biased.bound(known(n), oracle(n), **single(n), theta=n["theta"]),
    "C12, gap": lambda n: biased.gap_bound(known(n), oracle(n), **single(n), theta=n["theta"]),
    "C15a": lambda n: sgd_pl.last_iterate_bound(known(n), **single(n)),
    "C16": lambda n: worst_case.sgd_bound(known(n), **single(n)),
    "C18": lambda n: sharp.bound(known(n), **single(n), theta=n["theta"]),
    "C18, exact": lambda n: sharp_exact.bound(known(n), **single(n), theta=n["theta"]),
}


def expected(claim: str, n: Numbers) -> Exact:
    """The theorems as they are printed, at 50 digits and any exponent."""
    L, mu, sigma2, delta, F0, eta, T, beta2, nu2, c = (
        exact(n[name]) for name in ("L", "mu", "sigma2", "delta", "F0", "eta", "T", "beta2", "nu2", "c")
    )
    t = 1 / (1 + delta) if n["theta"] is None else exact(n["theta"])
    V = (1 - t) * sigma2 + t * delta * sigma2
    floor = t**2 * beta2 + eta * L * ((1 - t) ** 2 * sigma2 + t**2 * nu2 + 2 * t * (1 - t) * c)
    left = shrunk(eta * mu, T) * F0
    if "C18" in claim:
        return at_worst_split(claim, sigma2, delta, eta * L, 2 * F0 / (eta * T), n["theta"])
    return {
        "C4": 2 * F0 / (eta * T) + eta * L * sigma2,
        "C5": 2 * F0 / (eta * T) + V,
        "C7": left + V / (2 * mu),
        "C8": 2 * (left + V / (2 * mu)) / (eta * T) + eta * L * sigma2,
        "C12": 2 * F0 / (eta * T) + floor,
        "C12, gap": left + floor / (2 * mu),
        "C15a": 2 * L * left + eta * L**2 * sigma2 / mu,
        "C16": (2 * F0 / (eta * T) + eta * L * sigma2) / (2 - eta * L),
    }[claim]


def at_worst_split(claim: str, sigma2: Exact, delta: Exact, x: Exact, start: Exact, theta: float | None) -> Exact:
    """C18, and its exact form; θ left out: at the θ that is best, where it is what the split ``n = δσ`` allows."""
    y, plain = x / (1 - x) if x < 1 else mp.inf, start + x * sigma2
    if theta is not None:
        a, q = (1 - exact(theta)) * mp.sqrt(sigma2), exact(theta) * mp.sqrt(delta * sigma2)
        if claim == "C18":
            m = min(y * a, q) if a > 0 else mp.mpf(0)
            return start + q**2 - m**2 + x * (a + m) ** 2
        C, rest = start + x * (a**2 + q**2), 1 - x
        root = mp.sqrt((2 - x) * C * rest**2 + q**2 * rest**4 + (2 - x) ** 2 * x**2 * a**2)
        return ((2 - x) * C + 2 * q**2 * rest**2 + 2 * q * root) / (2 - x) ** 2
    if claim == "C18":
        return start + sigma2 * delta * x / (delta * (1 - x) + x) if delta < 1 else plain
    if delta >= 1:
        return plain / (2 - x)
    square, linear = x * (2 - x) + (1 - x) ** 2 * delta, x * (1 - x) * mp.sqrt(delta * (1 - delta) * sigma2)
    z = (linear + mp.sqrt(linear**2 + square * x * (start + x * delta * sigma2))) / square
    smooths = (1 - x) * mp.sqrt(delta) * z < x * mp.sqrt((1 - delta) * sigma2)
    return z**2 if smooths else plain / (2 - x)


SPLIT = {"beta2": 0.0, "nu2": 0.0, "c": 0.0}
WITHOUT_ORACLE = [claim for claim in BOUNDS if "C12" not in claim]


@pytest.mark.parametrize("claim", WITHOUT_ORACLE)
@pytest.mark.parametrize("theta", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "drawn",
    [
        (1.0, 1e-6, 1e-18, 0.1, 1.0, 1e-6, 1e12),  # (1 - 1e-12)^1e12
        (1.0, 1e-9, 1e-30, 0.3, 3.0, 1e-3, 1e14),  # e^-100
        (1.0, 1e-12, 1e-20, 1e-3, 1e-9, 1.0, 1e12),
        (1e-12, 1e-18, 1e-6, 0.5, 1e6, 1e6, 3.0),
        (1e12, 1e3, 1e9, 2.0, 1e-6, 1e-15, 1e9),
        (1.0, 0.5, 1e-200, 0.5, 1e-200, 1e-3, 1e12),
    ],
)
def test_twelve_digits_at_small_values(claim: str, theta: float | None, drawn: tuple[float, ...]) -> None:
    n = SPLIT | {"theta": theta} | dict(zip((*FIELDS, "eta", "T"), drawn, strict=True))
    assert abs(exact(BOUNDS[claim](n).total) / expected(claim, n) - 1) < 1e-12


@given(st.data(), constants(), step_counts, st.none() | thetas, st.sampled_from(WITHOUT_ORACLE))
def test_a_bound_is_rounded_up(data: st.DataObject, k: Constants, T: int, theta: float | None, claim: str) -> None:
    """Never below its exact value, and by no more than 1e-12 above it, as far as float64 reaches."""
    eta = data.draw(step_sizes(float(k.L)))
    n = {name: float(getattr(k, name)) for name in FIELDS} | SPLIT | {"eta": eta, "T": T, "theta": theta}
    value = expected(claim, n)
    assume(value > 1e-290 and exact(eta) * exact(k.mu) <= 1)  # 1/L is rounded, and may be beyond the premise by its last digit
    assert 0 <= exact(BOUNDS[claim](n).total) / value - 1 < 1e-12


@st.composite
def long_steps(draw: st.DrawFn) -> Numbers:
    """η from 1/L up to 2/L, by fractions of the distance down to the last bit: ``2 - ηL`` is as small as the rounding of ηL."""
    k = draw(constants())
    eta = 2 / float(k.L) * (1 - 2.0 ** -draw(st.integers(1, 53)))
    assume(exact(eta) * exact(k.L) < 2)
    return {name: float(getattr(k, name)) for name in FIELDS} | SPLIT | {"eta": eta, "T": draw(step_counts), "theta": 0.0}


def is_rounded_up_at_long_steps(bound: Callable[[Numbers], Bound]) -> None:
    """Never below its exact value, and by no more than 4e-15 of it above."""

    @given(long_steps())
    def check(n: Numbers) -> None:
        assert 0 <= exact(bound(n).total) / expected("C16", n) - 1 < 4e-15

    check()


def with_plain_slack(n: Numbers) -> Bound:
    terms = BOUNDS["C4"](n | {"eta": n["eta"] / 2}).terms
    total = np.asarray((terms["optimisation"] / 2 + terms["noise"] * 2) / (2 - n["eta"] * n["L"]))
    return Bound("sgd", "C16", "F", {"all": total}, {"all": ""}, ())


def test_long_steps() -> None:
    is_rounded_up_at_long_steps(BOUNDS["C16"])
    assert_rejects(is_rounded_up_at_long_steps, with_plain_slack)


WITHOUT_RUN: Numbers = {"L": 1, "mu": 1, "delta": 0, "F0": 1, "beta2": 0, "eta": 1, "T": 1}


@st.composite
def cancelling(draw: st.DrawFn) -> Numbers:
    """c from -σν up, and θ near where the two noises are equal: all but a rounding error of ``N(θ)`` cancels. Of any size."""
    sigma2 = draw(scales | st.floats(-323, -300).map(lambda power: 10.0**power))
    nu2 = min(sigma2 * 10.0 ** draw(st.floats(-2, 2)), 1e300)
    c = -(np.sqrt(sigma2) * np.sqrt(nu2)) * (1 - draw(st.just(0.0) | shares))
    equal = np.sqrt(sigma2) / (np.sqrt(sigma2) + np.sqrt(nu2))
    theta = float(np.clip(equal * (1 + draw(st.sampled_from([0.0, -1.0, 1.0])) * 10.0 ** draw(st.floats(-17, 0))), 0, 1))
    return WITHOUT_RUN | {"sigma2": sigma2, "nu2": nu2, "c": float(c), "theta": theta}


def says_the_noise_from_above(bound: Callable[[Numbers], Bound]) -> None:
    """Never below N(θ), and by no more than 1e-14 of what it is computed from above, as far as float64 reaches."""

    @given(cancelling())
    @example(WITHOUT_RUN | {"sigma2": 6.556e-321, "nu2": 6.55625e-319, "c": -6.5563e-320, "theta": 1 / 11})  # 0 < N < 5e-324
    def check(n: Numbers) -> None:
        sigma2, nu2, c, t = (exact(n[name]) for name in ("sigma2", "nu2", "c", "theta"))
        parts = (1 - t) ** 2 * sigma2 + t**2 * nu2
        assert 0 <= exact(bound(n).terms["noise"]) - (parts + 2 * t * (1 - t) * c) <= parts * 1e-14 + 1e-322

    check()


def with_plain_noise(n: Numbers) -> Bound:
    t = n["theta"]
    noise = (1 - t) ** 2 * n["sigma2"] + t**2 * n["nu2"] + 2 * t * (1 - t) * n["c"]
    return with_terms(BOUNDS["C12"](n), noise=max(noise, 0.0))


def test_noise_that_cancels() -> None:
    says_the_noise_from_above(BOUNDS["C12"])
    assert_rejects(says_the_noise_from_above, with_plain_noise)


@pytest.mark.parametrize("claim", ["C7", "C8", "C15a"])
def test_a_bound_is_rounded_up_where_one_step_is_enough(claim: str) -> None:
    n = SPLIT | {"L": 3, "mu": 3, "sigma2": 0, "delta": 0, "F0": 1, "eta": 1 / 3, "T": 1, "theta": None}
    assert exact(BOUNDS[claim](n).total) >= expected(claim, n)


def is_said_from_above(claim: str, bound: Callable[[Numbers], Bound]) -> None:
    """As a number, as JSON, and as printed; what is printed holds for inputs known to half an ulp."""

    @given(numbers())
    def check(n: Numbers) -> None:
        found = unless_refused(lambda: bound(n), "overflows float64 for these constants; rescale F")
        value = expected(claim, n)
        if found is None:  # what is refused is large itself, or in C7 its variance, in C8 its gap
            assert claim in ("C7", "C8") or value > 1e290
            return
        said = json.loads(json.dumps(found.json(), allow_nan=False))
        assert mp.mpf(said["total"]) >= value
        assert said["total"] > 0
        printed = found.table().splitlines()[0].partition(" <= ")[2].split()[0].replace(",", "")
        assert mp.mpf(printed) >= value * (1 - mp.mpf(2) ** -46)

    check()


@pytest.mark.parametrize("claim", BOUNDS)
def test_bounds_of_any_size_are_said_from_above(claim: str) -> None:
    is_said_from_above(claim, BOUNDS[claim])


def plain(claim: str) -> Callable[[Numbers], Bound]:
    """The formulas as they stand in the paper, in float64: they vanish on the way."""
    formulas: dict[str, Callable[..., Any]] = {
        "C4": lambda L, F0, eta, T, sigma2, **_: 2 * F0 / (eta * T) + eta * L * sigma2,
        "C5": lambda F0, eta, T, theta, delta, sigma2, **_: 2 * F0 / (eta * T) + (1 - theta) * sigma2 + theta * delta * sigma2,
        "C7": lambda mu, F0, eta, T, theta, delta, sigma2, **_: (1 - eta * mu) ** T * F0 + (1 - theta + theta * delta) * sigma2 / (2 * mu),
    }

    def bound(n: Numbers) -> Bound:
        with np.errstate(all="ignore"):
            total = formulas[claim](**{name: np.float64(value) for name, value in n.items()})
        return Bound("sgd", claim, "F", {"all": np.asarray(total)}, {"all": ""}, ())

    return bound


@pytest.mark.parametrize("claim", ["C4", "C5", "C7"])
def test_planted_formulas_that_vanish_are_rejected(claim: str) -> None:
    assert_rejects(lambda bound: is_said_from_above(claim, bound), plain(claim))


@pytest.mark.parametrize("claim", BOUNDS)
def test_arrays_are_as_their_elements(claim: str) -> None:
    k = {"L": 1e-200, "mu": 1e-210, "delta": 1e-200, "theta": 0.5, "beta2": 1e-300, "nu2": 1e-200, "c": 0.0}
    two = k | {"eta": [1e-150, 1e200], "T": [1e200, 3], "F0": [1e-300, 1], "sigma2": [1e-200, 1e-300]}
    found = BOUNDS[claim](two)
    for i in range(2):
        one = {name: float(np.broadcast_to(value, 2)[i]) for name, value in two.items()}
        assert float(found.total[i]) == float(BOUNDS[claim](one).total) > 0
    assert all((np.asarray(term) > 0).all() for term in found.terms.values())


def test_the_lemma_is_above_zero() -> None:
    assert smoothing.lemma(1e-200, 1e-200, 1) > 0
    assert smoothing.lemma_at_paper_theta(1e-200, 1e-200) > 0
    assert Moments.of(s2=1e-200, shat2=1e-200, c=0).second_moment(1e-100) > 0


MAY_BE_THERE = ("sgd-pl-last", "lsr-pl-last", "lsr-pl-last-sharp", "smoothed-pl-last", "sgd-pl", "sgd-two-step", "tsla", "tsla-sharp")
"""Methods that need no sample where A4 says that the start meets the target."""


@given(numbers(), scales, st.sampled_from(sorted(METHODS)))
def test_plans_of_any_size_are_finite_or_refused(n: Numbers, eps: float, method: str) -> None:
    plan = unless_refused(lambda: METHODS[method](known(n), eps=eps), "float64|must be above 0")
    if plan is not None and plan.reachable:
        json.dumps(plan.json(), allow_nan=False)
        assert method in MAY_BE_THERE or plan.total >= 1
        assert all(float(stage.eta) >= np.finfo(np.float64).tiny for stage in plan.stages)
