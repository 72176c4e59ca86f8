"""Bounds as numbers: twelve digits where numbers are small, an error and never an infinity where they are large, premises first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support.domain import constants, step_counts, step_sizes, thetas
from tests.claims.support.recursions import Exact, exact, smoothed_error2
from tests.claims.support.refusals import refuses
from tests.claims.support.relations import BoundOf, last_iterate_bound, lsr_bound, sgd_bound, stage_one_bound, tsla_bound
from tsla.theory import lsr, sgd, sgd_pl, two_stage
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
BARE = Constants(L=10, sigma2=1, F0=1)
BOUNDS: dict[str, BoundOf] = {
    "C4": sgd_bound,
    "C5": lsr_bound,
    "C7": stage_one_bound,
    "C8": tsla_bound,
    "C15a": last_iterate_bound,
}
"""Those whose closed form is here; what all bounds owe is in ``obligations.py``."""
every_bound = pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS.keys())


def closed_form(claim: str, k: Constants, eta: float, T: float, theta: float | None) -> Exact:
    """The theorems as they are printed, at 50 digits."""
    L, mu, sigma2, F0, step, steps = map(exact, (k.L, k.mu, k.sigma2, k.F0, eta, T))
    V = smoothed_error2(k, theta)
    shrunk = (1 - step * mu) ** steps * F0
    return {
        "C4": 2 * F0 / (step * steps) + step * L * sigma2,
        "C5": 2 * F0 / (step * steps) + V,
        "C7": shrunk + V / (2 * mu),
        "C8": 2 * (shrunk + V / (2 * mu)) / (step * steps) + step * L * sigma2,
        "C15a": 2 * L * shrunk + step * L**2 * sigma2 / mu,
    }[claim]


def test_a_larger_step_is_advised_where_one_of_them_can_be_larger() -> None:
    for eta, advised in ((0.1, "more steps T"), ([0.1, 0.05], "more steps T, or a larger eta up to 1/L")):
        assert sgd.bound(BARE, eta=eta, T=10).lowered_by["optimisation"] == advised


SMALL_AND_LONG = [
    ({"L": 1.0, "mu": 1e-6, "sigma2": 1e-18, "delta": 0.1, "F0": 1.0}, 1e-6, 1e12),  # (1 - 1e-12)^1e12
    ({"L": 1.0, "mu": 1e-9, "sigma2": 1e-30, "delta": 0.3, "F0": 3.0}, 1e-3, 1e14),  # e^-100
    ({"L": 1.0, "mu": 1e-12, "sigma2": 1e-20, "delta": 1e-3, "F0": 1e-9}, 1.0, 1e12),
    ({"L": 1e-12, "mu": 1e-18, "sigma2": 1e-6, "delta": 0.5, "F0": 1e6}, 1e6, 3.0),
    ({"L": 1e12, "mu": 1e3, "sigma2": 1e9, "delta": 2.0, "F0": 1e-6}, 1e-15, 1e9),
    ({"L": 1.0, "mu": 0.5, "sigma2": 1e-200, "delta": 0.5, "F0": 1e-200}, 1e-3, 1e12),
]


@every_bound
@pytest.mark.parametrize(("constants", "eta", "T"), SMALL_AND_LONG)
@pytest.mark.parametrize("theta", [None, 0.0, 0.3, 1.0])
def test_twelve_digits_at_small_values(bound: BoundOf, constants: dict[str, float], eta: float, T: float, theta: float | None) -> None:
    k = Constants(**constants)
    result = bound(k, eta, T, theta)
    expected = closed_form(result.claim, k, eta, T, theta)
    assert abs(exact(result.total) / expected - 1) < 1e-12


@given(st.data(), constants(), step_counts, st.none() | thetas, st.sampled_from(sorted(BOUNDS)))
def test_a_bound_is_rounded_up(data: st.DataObject, k: Constants, T: int, theta: float | None, claim: str) -> None:
    """Never below its exact value, and by no more than 1e-12 above it, as far as float64 reaches."""
    eta = data.draw(step_sizes(float(k.L)))
    expected = closed_form(claim, k, eta, T, theta)
    assume(expected > 1e-290 and exact(eta) * exact(k.mu) <= 1)  # 1/L is rounded, and may be beyond the premise by its last digit
    assert 0 <= exact(BOUNDS[claim](k, eta, T, theta).total) / expected - 1 < 1e-12


@pytest.mark.parametrize("claim", ["C7", "C8", "C15a"])
def test_a_bound_is_rounded_up_where_one_step_is_enough(claim: str) -> None:
    k = Constants(L=3, mu=3, sigma2=0, delta=0, F0=1)
    eta = 1 / 3
    assert exact(BOUNDS[claim](k, eta, 1, None).total) >= closed_form(claim, k, eta, 1, None)


@pytest.mark.parametrize("delta", [1e-10, 1e-17, 1e-30])
def test_twelve_digits_of_the_floor_at_small_delta(delta: float) -> None:
    k = Constants(L=1, sigma2=1, delta=delta, F0=1)
    assert abs(exact(lsr.floor(k)) / smoothed_error2(k, None) - 1) < 1e-12


def test_twelve_digits_at_tiny_smoothness() -> None:
    k = Constants(L=1e-200, mu=1e-200, sigma2=1, F0=1)
    assert float(sgd_pl.last_iterate_bound(k, eta=1e200, T=1).terms["noise"]) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("bound", [BOUNDS[claim] for claim in ("C4", "C5", "C7")])
def test_a_larger_step_is_proposed_where_there_is_one(bound: BoundOf) -> None:
    k = Constants(L=3, mu=1, sigma2=1, delta=0.1, F0=1)  # 3*(1/3) is 1 by luck, and 1/3 a little less than a third
    assert "up to 1/L" in bound(k, 0.3, 10, None).lowered_by["optimisation"]
    assert "larger" not in bound(k, 1 / 3, 10, None).lowered_by["optimisation"]


@pytest.mark.parametrize(
    ("call", "term"),
    [
        (lambda: sgd.bound(Constants(L=1e300, sigma2=1, F0=1e300), eta=1e-300, T=1), "the optimisation term of C4"),
        (lambda: lsr.bound(Constants(L=1, sigma2=1e300, delta=1e300, F0=1), eta=1, T=1, theta=1), "lemma"),
        (lambda: two_stage.stage_one(Constants(L=1, mu=1e-300, sigma2=1e300, delta=1, F0=1), eta1=1, T1=1), "the smoothing term of C7"),
        (lambda: two_stage.bound(Constants(L=1e300, mu=1, sigma2=1, delta=1, F0=1e300), eta1=1e-300, T1=0, eta2=1e-300, T2=1), "of C8"),
        (lambda: sgd_pl.last_iterate_bound(Constants(L=1e200, mu=1, sigma2=1e200, F0=1), eta=1e-200, T=1), "the noise term of C15a"),
    ],
)
def test_an_overflow_names_its_term(call: Callable[[], Bound], term: str) -> None:
    with pytest.raises(ValueError, match=f"{term}.*overflows float64 for these constants; rescale F"):
        call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sgd.bound(Constants(L=1e300, sigma2=1, F0=1), eta=1e300, T=1), "is larger than 1/L"),
        (lambda: sgd.bound(Constants(L=1, sigma2=1.5e308, F0=0.8e308), eta=1, T=1).total, "overflows"),
        (lambda: lsr.floor(Constants(L=1, sigma2=1e300, delta=1e300, F0=1), 1), "overflows"),
        (lambda: two_stage.bound(Constants(L=10, mu=1, sigma2=1, delta=0, F0=1), eta1=0.1, T1=1, eta2=1e-310, T2=1), "overflows"),
    ],
    ids=["product eta L", "sum of the terms", "floor", "a gap over a tiny step"],
)
def test_an_overflow_on_the_way_is_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_a_term_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="the noise term of C4 overflows float64"):
        Bound("sgd", "C4", "E‖∇F(w_R)‖²", {"optimisation": np.float64(1), "noise": np.float64("nan")}, {}, ())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lsr.floor(BARE), "delta is missing; C6 needs it (assumption A3)"),
        (lambda: sgd.bound(K, eta=0.1, T=0), "T = 0 must be a whole number, at least 1"),
        (lambda: lsr.bound(K, eta=0.1, T=0), "T = 0 must be a whole number, at least 1"),
        (lambda: two_stage.bound(K, eta1=0.1, T1=0, eta2=0.1, T2=0), "T2 = 0 must be a whole number, at least 1"),
        (lambda: two_stage.bound(K, eta1=0.2, T1=1, eta2=0.1, T2=1), "eta1 = 0.2 is larger than 1/L = 0.1; C7 needs 0 < eta1 <= 1/L"),
        (lambda: two_stage.bound(K, eta1=0.1, T1=1, eta2=0.2, T2=1), "eta2 = 0.2 is larger than 1/L = 0.1; C8 needs 0 < eta2 <= 1/L"),
        (lambda: lsr.bound(K, eta=0.1, T=1, theta=1.5), "theta = 1.5 must be a finite number at least 0 and at most 1"),
        (lambda: lsr.floor(K, -0.5), "theta = -0.5 must be a finite number at least 0 and at most 1"),
        (
            lambda: two_stage.stage_one(K, eta1=0.1, T1=1, theta=float("nan")),
            "theta = nan must be a finite number at least 0 and at most 1",
        ),
        (lambda: sgd.descent(1, -1, 1, L=10, eta=0.1), "grad2 = -1 must be a finite number at least 0"),
        (lambda: sgd.descent(1, 1, -1, L=10, eta=0.1), "error2 = -1 must be a finite number at least 0"),
        (lambda: sgd.descent(1, 1, 1, L=0, eta=0.1), "L = 0 must be a finite number above 0"),
        (lambda: sgd.descent("F", 1, 1, L=10, eta=0.1), "F = 'F' must be a finite number"),
        (lambda: sgd_pl.smoothing_gain(-1), "delta = -1 must be a finite number at least 0"),
    ],
)
def test_premises_of_one_bound(call: Callable[[], Any], message: str) -> None:
    refuses(call, message)


def test_sgd_needs_neither_a3_nor_a4() -> None:
    assert float(sgd.bound(BARE, eta=0.1, T=20).total) == pytest.approx(2)
    assert sgd.bound(BARE, eta=0.1, T=20).assumes == ("A1", "A2")
