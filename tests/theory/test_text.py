"""Numbers as text: digits that are true, and rounded up where a bound is said; counts; columns."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsla.theory import bound as bounds
from tsla.theory import sgd, text
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.testing.planted import assert_rejects

Text = Callable[[float], str]


@pytest.mark.parametrize(
    ("value", "said", "up"),
    [
        (0, "0", "0"),
        (0.18181818, "0.1818", "0.1819"),
        (1.2000000000000002, "1.2", "1.2"),
        (1.2 * (1 + 100 * 2**-52), "1.2", "1.201"),
        (1.2001, "1.2", "1.201"),
        (1e-4, "0.0001", "0.0001"),
        (1.23456e-5, "1.235e-05", "1.235e-05"),
        (1.23441e-5, "1.234e-05", "1.235e-05"),
        (1234.2, "1,234", "1,235"),
        (9999.6, "1e+04", "10,000"),
        (10_000, "10,000", "10,000"),
        (800_000, "800,000", "800,000"),
        (123_456.7, "123,457", "123,500"),
        (1.2341e12, "1.234e+12", "1.235e+12"),
        (-3.14159, "-3.142", "-3.142"),
        (5e-324, "4.941e-324", "4.941e-324"),
        (1.2352e-322, "1.235e-322", "1.236e-322"),
        (1.2345e-310, "1.234e-310", "1.235e-310"),
        (1.7976931348623157e308, "1.798e+308", "1.798e+308"),
        (np.inf, "inf", "inf"),
        (np.nan, "nan", "nan"),
    ],
)
def test_numbers(value: float, said: str, up: str) -> None:
    assert text.number(value) == said
    assert text.number_up(value) == up


def is_never_below_by_more_than_rounding(number_up: Text) -> None:
    """33 ulp below is what the inputs are known to, and the fifth digit is what is rounded up."""

    @given(st.floats(1e-300, 1e300) | st.floats(1e-6, 1e15))
    def check(x: float) -> None:
        printed = Decimal(number_up(x).replace(",", ""))
        assert Decimal(x) * (1 - Decimal(33 * 2**-52)) <= printed <= Decimal(x) * Decimal("1.001")

    check()


def keeps_four_digits(number_up: Text) -> None:
    """A number of four digits is not rounded up to the next, nor is what rounding made of it."""

    @given(st.integers(1000, 9999), st.integers(-280, 280), st.integers(-8, 8))
    def check(digits: int, exponent: int, ulps: int) -> None:
        x = float(f"{digits}e{exponent}")
        assert float(number_up(x * (1 + ulps * 2**-52)).replace(",", "")) == x

    check()


@pytest.mark.parametrize("check", [is_never_below_by_more_than_rounding, keeps_four_digits])
def test_rounding_up(check: Callable[[Text], None]) -> None:
    check(text.number_up)


def next_digit_up(x: float) -> str:
    return text.number_up(x * (1 + 1e-12))


def up_to_three_digits(x: float) -> str:
    return f"{float(text.number_up(x).replace(',', '')):.2e}"


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (is_never_below_by_more_than_rounding, text.number),
        (is_never_below_by_more_than_rounding, up_to_three_digits),
        (keeps_four_digits, next_digit_up),
    ],
)
def test_wrong_rounding_is_rejected(check: Callable[[Text], None], wrong: Text) -> None:
    assert_rejects(check, wrong)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (800_000, "800,000"),
        (999_999_999_999_999, "999,999,999,999,999"),
        (1e15, "1e+15"),
        (1.23456e30, "1.235e+30"),
        (np.inf, "never"),
    ],
)
def test_counts(value: float, said: str) -> None:
    assert text.count(value) == said


def test_columns() -> None:
    assert text.aligned([["a", "bb", "c"], ["aaa", "b", ""]], right=frozenset({1})) == "  a    bb  c\n  aaa   b"


def printed_rounds_up(table: Callable[[Bound], str]) -> None:
    """The total and every term of what is printed are bounds."""

    @given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(1, 10**6))
    def check(sigma2: float, F0: float, T: int) -> None:
        bound = sgd.bound(Constants(L=10, sigma2=sigma2, F0=F0), eta=0.1, T=T)
        head, *rows, _ = table(bound).splitlines()
        printed = {"total": head.split("<= ")[1].split()[0]} | dict(row.split()[:2] for row in rows if row[2] != " ")
        for name, value in (bound.terms | {"total": bound.total}).items():
            assert float(printed[name].replace(",", "")) >= float(value) * (1 - 33 * 2**-52)

    check()


def test_bounds_are_printed_rounded_up_and_not_to_the_nearest_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    printed_rounds_up(Bound.table)
    monkeypatch.setattr(bounds, "number_up", text.number)
    assert_rejects(printed_rounds_up, Bound.table)
