"""Bounds as numbers: an error and never an infinity where they are large, premises first. Their digits are in ``test_extremes.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.claims.support.bounds import lsr_bound, sgd_bound, stage_one_bound
from tests.claims.support.recursions import exact, smoothed_error2
from tests.claims.support.refusals import refuses
from tsla.theory import lsr, sgd, sgd_pl, two_stage
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.testing.relations import BoundOf

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
BARE = Constants(L=10, sigma2=1, F0=1)
SMALL_MU = Constants(L=1, mu=1e-300, sigma2=1e300, delta=1, F0=1)
LARGE = Constants(L=1e300, mu=1, sigma2=1, delta=1, F0=1e300)
NOISY = Constants(L=1e200, mu=1, sigma2=1e200, F0=1)
OVERFLOWS = "overflows float64 for these constants; rescale F"


def test_a_larger_step_is_advised_where_one_of_them_can_be_larger() -> None:
    for eta, advised in ((0.1, "more steps T"), ([0.1, 0.05], "more steps T, or a larger eta up to 1/L")):
        assert sgd.bound(BARE, eta=eta, T=10).lowered_by["optimisation"] == advised


def test_shares_of_what_is_nearly_too_large() -> None:
    assert " 100.0 %" in sgd.bound(Constants(L=1, sigma2=1.7e308, F0=1), eta=1, T=10).table()


@pytest.mark.parametrize(
    ("F", "grad2", "error2", "after"),
    [(1, 1e20, 1e20, 1), (1, 3e16, 3e16 + 4, 3), (1e20, 2e20, 1, 0.5), (-1, 1e20, 1e20, -1), (1, 1e20, 0, -5e19), (1, 0, 1e20, 5e19)],
)
def test_a_step_keeps_what_two_of_its_terms_leave_where_they_cancel(F: float, grad2: float, error2: float, after: float) -> None:
    assert float(sgd.descent(F, grad2, error2, L=1, eta=1)) == after


@pytest.mark.parametrize("delta", [1e-10, 1e-17, 1e-30])
def test_twelve_digits_of_the_floor_at_small_delta(delta: float) -> None:
    k = Constants(L=1, sigma2=1, delta=delta, F0=1)
    assert abs(exact(lsr.floor(k)) / smoothed_error2(k, None) - 1) < 1e-12


def test_twelve_digits_at_tiny_smoothness() -> None:
    k = Constants(L=1e-200, mu=1e-200, sigma2=1, F0=1)
    assert float(sgd_pl.last_iterate_bound(k, eta=1e200, T=1).terms["noise"]) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("bound", [sgd_bound, lsr_bound, stage_one_bound])
def test_a_larger_step_is_proposed_where_there_is_one(bound: BoundOf) -> None:
    k = Constants(L=3, mu=1, sigma2=1, delta=0.1, F0=1)  # 3*(1/3) is 1 by luck, and 1/3 a little less than a third
    assert "up to 1/L" in bound(k, 0.3, 10, None).lowered_by["optimisation"]
    assert "larger" not in bound(k, 1 / 3, 10, None).lowered_by["optimisation"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sgd.bound(Constants(L=1e300, sigma2=1, F0=1e300), eta=1e-300, T=1), f"the optimisation term of C4.*{OVERFLOWS}"),
        (lambda: lsr.bound(Constants(L=1, sigma2=1e300, delta=1e300, F0=1), eta=1, T=1, theta=1), f"lemma.*{OVERFLOWS}"),
        (lambda: two_stage.stage_one(SMALL_MU, eta1=1, T1=1), f"the smoothing term of C7.*{OVERFLOWS}"),
        (lambda: two_stage.bound(LARGE, eta1=1e-300, T1=0, eta2=1e-300, T2=1), f"of C8.*{OVERFLOWS}"),
        (lambda: sgd_pl.last_iterate_bound(NOISY, eta=1e-200, T=1), f"the noise term of C15a.*{OVERFLOWS}"),
        (lambda: Bound("sgd", "C4", "F", {"noise": np.float64("nan")}, {}, ()), f"the noise term of C4.*{OVERFLOWS}"),
        # on the way: the product ηL, the sum of the terms, the floor, and a gap over a tiny step
        (lambda: sgd.bound(Constants(L=1e300, sigma2=1, F0=1), eta=1e300, T=1), "is larger than 1/L"),
        (lambda: sgd.bound(Constants(L=1, sigma2=1.5e308, F0=0.8e308), eta=1, T=1).total, "overflows"),
        (lambda: lsr.floor(Constants(L=1, sigma2=1e300, delta=1e300, F0=1), 1), "overflows"),
        (lambda: two_stage.bound(Constants(L=10, mu=1, sigma2=1, delta=0, F0=1), eta1=0.1, T1=1, eta2=1e-310, T2=1), "overflows"),
    ],
)
def test_an_overflow_is_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


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
        (lambda: two_stage.stage_one(K, eta1=0.1, T1=1, theta=np.nan), "theta = nan must be a finite number at least 0 and at most 1"),
        (lambda: sgd_pl.smoothing_gain(-1), "delta = -1 must be a finite number at least 0"),
    ],
)
def test_premises_of_one_bound(call: Callable[[], Any], message: str) -> None:
    refuses(call, message)
