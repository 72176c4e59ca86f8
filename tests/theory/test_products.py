"""What bounds are made of: products, what is left of the gap, and moments, as far as float64 reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.claims.support.recursions import exact, mp, shrunk
from tsla.theory.contraction import contraction
from tsla.theory.products import logarithm, product
from tsla.theory.testing.planted import assert_rejects

SIZES = [5e-324, 1e-310, 1e-300, 1e-155, 0.3, 1.0, 7e155, 1e300]


def is_the_product_from_above(multiply: Callable[..., Any]) -> None:
    for a in SIZES:
        for b in SIZES:
            for c in SIZES:
                value, found = exact(a) * exact(b) / exact(c), mp.mpf(float(multiply(a, b, over=(c,))))
                assert found > 0
                assert found == mp.inf or abs(found / value - 1) < 1e-15 or 0 < found - value < 1e-323
                assert (found == mp.inf) == (value > 1.7976931348623158e308)


def test_products_are_right_as_far_as_float64_reaches() -> None:
    is_the_product_from_above(product)
    assert product(0.0, 1e300, over=(5e-324,)) == 0
    with np.errstate(all="ignore"):
        assert_rejects(is_the_product_from_above, lambda a, b, over: np.float64(a) * b / over[0])


def is_the_logarithm(log: Callable[..., Any]) -> None:
    for a in SIZES:
        for b in SIZES:
            for c in SIZES:
                value = exact(a) * exact(b) / exact(c)
                assert value < 1e-300 or float(log(a, b, over=(c,))) == pytest.approx(float(mp.log(value)), rel=1e-14, abs=1e-15)


def test_logarithms_are_numbers_where_products_are_not() -> None:
    is_the_logarithm(logarithm)
    assert logarithm(0.0, 1.0) == -np.inf
    assert_rejects(is_the_logarithm, lambda a, b, over: np.log(product(a, b, over=over)))


@pytest.mark.parametrize(
    ("rate", "T"), [(0.1, 1e4), (0.1, 1e300), (1e-300, 1e303), (1 - 2.0**-53, 30.0), (1 - 2.0**-53, 1e307), (0.5, 1074.0)]
)
def test_what_is_left_of_the_gap_is_above_zero(rate: float, T: float) -> None:
    found = float(contraction(np.asarray(rate), np.asarray(1.0), np.asarray(T)))
    value = shrunk(exact(rate), exact(T))
    assert 0 < value <= found <= max(2 * value, 1e-323)


@pytest.mark.parametrize(("rate", "T"), [(0.3, 1.0), (0.3, 1900.0), (0.7, 1.0), (0.7, 500.0)])
def test_what_is_left_of_the_gap_is_raised_by_what_rounding_may_take(rate: float, T: float) -> None:
    found = float(contraction(np.asarray(rate), np.asarray(1.0), np.asarray(T)))
    value = shrunk(exact(rate), exact(T))
    assert 0 <= exact(found) / value - 1 <= (1 + 4.5 * (1 - mp.log(value))) * np.finfo(float).eps


def test_no_more_is_left_than_there_was_and_nothing_where_nothing_is() -> None:
    assert contraction(np.asarray(1e-300), np.asarray(1.0), np.asarray(1.0)) == 1
    assert contraction(np.asarray(1.0), np.asarray(1.0), np.asarray(1.0)) == 0
