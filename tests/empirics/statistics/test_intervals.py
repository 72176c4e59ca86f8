"""Intervals cover as often as they say."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy import stats

from tests.refusals import refusals
from tsla.empirics.statistics.intervals import Interval, effect_size, holm, log_log_slope, paired, paired_p_value, share, student_t
from tsla.theory.testing.planted import Rejects, assert_rejects

RUNS = 20_000


def covers(interval: Interval, truth: float, level: float) -> bool:
    """Whether the interval's measured coverage is within 5 standard errors of its level."""
    share = np.mean((interval.low <= truth) & (truth <= interval.high))
    return bool(abs(share - level) <= 5 * math.sqrt(level * (1 - level) / RUNS))


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [2, 5, 20])
def test_student_interval_covers_at_its_level(n: int, level: float) -> None:
    samples = np.random.default_rng(0).normal(3, 2, size=(RUNS, n))
    assert covers(student_t(samples, level=level, axis=1), 3, level)
    mean, reach = samples.mean(axis=1), stats.norm.ppf((1 + level) / 2) * samples.std(axis=1, ddof=1) / math.sqrt(n)
    assert not covers(Interval(mean, mean - reach, mean + reach), 3, level)  # planted: the normal quantile


def test_student_interval_is_that_of_a_table() -> None:
    interval = student_t([1.0, 2.0, 3.0, 4.0, 5.0])
    assert interval.estimate == 3
    assert interval.high - 3 == pytest.approx(2.776445105 * math.sqrt(2.5 / 5), rel=1e-9)  # t(0.975, 4) = 2.776445105
    assert interval.low == pytest.approx(6 - interval.high)


def test_samples_whose_squares_overflow() -> None:
    usual = np.array([[1.0, 2.0, 4.0], [1.0, 1.5, 1.25]])
    for unit in (2.0**1021, 2.0**600):
        found, by_hand = student_t(usual * np.array([[unit], [1.0]]), axis=1), student_t(usual, axis=1)
        for large, small in ((found.estimate, by_hand.estimate), (found.low, by_hand.low), (found.high, by_hand.high)):
            assert large.tolist() == [small[0] * unit, small[1]]
    assert student_t([1e308, 1.7e308]).high == np.inf


def test_axis_and_shapes() -> None:
    samples = np.random.default_rng(0).normal(size=(4, 7))
    along, across = student_t(samples, axis=0), student_t(samples, axis=-1)
    assert (along.low.shape, across.low.shape, student_t(samples[0]).low.shape) == ((7,), (4,), ())
    assert across.high[2] == student_t(samples[2]).high
    assert along.high[2] == student_t(samples[:, 2]).high


def test_pairing_is_sharper_where_seeds_are_shared_and_covers_all_the_same() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 5, size=(10, RUNS))
    a, b = shared + rng.normal(1, 1, size=shared.shape), shared + rng.normal(0, 1, size=shared.shape)
    interval = paired(a, b)
    assert covers(interval, 1, 0.95)
    assert not covers(interval, 1.3, 0.95)  # planted
    apart = student_t(a)
    assert np.mean(interval.high - interval.low) < 0.4 * np.mean(apart.high - apart.low)


@pytest.mark.parametrize("power", [-4.0, -1.0, 0.0, 0.5, 2.0])
def test_slope_of_a_power_law(power: float) -> None:
    x = np.geomspace(1e-3, 1e4, 15)
    assert log_log_slope(x, 7 * x**power) == pytest.approx(power, abs=1e-12)


def test_the_share_of_a_table() -> None:
    """10 of 100, as Wilson's interval is tabulated."""
    found = share(10, 100)
    assert (found.estimate, found.low, found.high) == (0.1, pytest.approx(0.0552, abs=5e-5), pytest.approx(0.1744, abs=5e-5))


# --- tests and effect sizes


def test_effect_size_and_p_value_are_those_of_the_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.5, 1, size=(2, 9, 6))
    expected = stats.ttest_rel(a, b, axis=0)
    assert paired_p_value(a - b) == pytest.approx(expected.pvalue)
    assert effect_size(a - b) * 3 == pytest.approx(expected.statistic)
    assert paired_p_value((a - b).T, axis=1) == pytest.approx(expected.pvalue)
    assert effect_size([2.0, 3.0, 4.0]) == 3.0


def agrees_with_the_interval(p_value: Callable[[ArrayLike], ArrayLike]) -> None:
    differences = np.random.default_rng(4).normal(0.7, 1.4, size=(5, 400))
    for level in (0.5, 0.95):
        interval = student_t(differences, level=level)
        outside = (interval.low > 0) | (interval.high < 0)
        assert 10 < outside.sum() < 390
        assert ((np.asarray(p_value(differences)) < 1 - level) == outside).all()


def test_p_value_and_interval_agree() -> None:
    agrees_with_the_interval(paired_p_value)
    assert_rejects(agrees_with_the_interval, lambda d: paired_p_value(d) / 2)  # planted: one-sided
    assert_rejects(agrees_with_the_interval, lambda d: 2 * stats.norm.sf(np.abs(effect_size(d)) * math.sqrt(5)))  # planted: normal


def test_differences_without_spread() -> None:
    assert (effect_size([0.0, 0.0]), paired_p_value([0.0, 0.0])) == (0, 1)
    rounded = [0.1 + 0.2, 0.3, 0.3]
    assert (effect_size(rounded), paired_p_value(rounded)) == (math.inf, 0)
    assert effect_size(np.negative(rounded)) == -math.inf


Adjustment = Callable[[ArrayLike], ArrayLike]


def rejects_step_by_step(adjust: Adjustment) -> None:
    """Holm's procedure as he wrote it: the smallest first, each at α over the number that are left, until one is not rejected."""
    rng = np.random.default_rng(5)
    for m in (1, 2, 7):
        for p in (*rng.uniform(size=(20, m)) ** 3, np.full(m, 0.02)):
            for alpha in (0.01, 0.05, 0.2, 0.7):
                rejected = np.zeros(m, dtype=bool)
                for left, i in zip(range(m, 0, -1), np.argsort(p), strict=True):
                    if p[i] > alpha / left:
                        break
                    rejected[i] = True
                assert ((np.asarray(adjust(p)) <= alpha) == rejected).all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p: np.minimum(np.asarray(p) * len(p), 1),  # Bonferroni
        lambda p: np.asarray(p),
        lambda p: np.asarray(p) * (len(p) - np.argsort(np.argsort(p))),  # not made monotone
        lambda p: stats.false_discovery_control(p),
    ],
    ids=["Bonferroni", "unadjusted", "not monotone", "Benjamini and Hochberg"],
)
def test_holm_rejects_step_by_step(wrong: Adjustment, rejects: Rejects) -> None:
    rejects(rejects_step_by_step, right=holm, wrong=wrong)
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == pytest.approx([1, 1])


test_bad_arguments = refusals(
    operator.call,
    *(
        (lambda few=few: student_t(few), "samples has [01] along axis 0; an interval needs at least 2")
        for few in ([], [1.0], 1.0, [[1.0, 2.0]])
    ),
    (lambda: student_t([1.0, math.nan]), "samples = nan must be a finite number"),
    (lambda: student_t([1.0, 2.0], level=0.0), "level = 0 must be a finite number above 0"),
    (lambda: student_t([1.0, 2.0], level=1.0), "level = 1 must be below 1"),
    (lambda: student_t([1.0, 2.0], level=95), "level = 95 must be below 1"),
    (lambda: paired([1.0, 2.0], [1.0]), r"a has shape \(2,\) and b has \(1,\); pairs need the same shape"),
    (lambda: paired([1.0], [2.0]), "samples has 1 along axis 0"),
    (lambda: effect_size([1.0, math.nan]), "differences = nan must be a finite number"),
    (lambda: paired_p_value([1.0]), "samples has 1 along axis 0"),
    (lambda: paired_p_value(1.0), "samples has 1 along axis 0"),
    (lambda: holm([0.1, 1.1]), "p_values = 1.1 must be a finite number at least 0 and at most 1"),
    (lambda: holm([0.1, math.nan]), "p_values = nan"),
    (lambda: holm(0.1), r"p_values has shape \(\); a family is \(m,\)"),
    (lambda: log_log_slope([1.0], [1.0]), "x has 1 points; a slope needs at least 2"),
    (lambda: log_log_slope([1.0, 2.0, 3.0], [1.0, 2.0]), r"x has shape \(3,\) and y has \(2,\)"),
    (lambda: log_log_slope([[1.0, 2.0, 3.0]], [[1.0, 2.0, 4.0]]), r"x has shape \(1, 3\)"),
    (lambda: log_log_slope([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]), "x = 2 everywhere"),
    (lambda: share(3, 2), "events = 3 must be a whole number, at least 0 and at most 2"),
    (lambda: share(0, 0), "trials = 0 must be a whole number, at least 1"),
    (lambda: log_log_slope([1.0, 2.0, 3.0], [1.0, 0.0, 2.0]), "y = 0 must be a finite number above 0"),
    (lambda: log_log_slope([-1.0, 2.0, 3.0], [1.0, 1.0, 2.0]), "x = -1 must be a finite number above 0"),
)


def test_an_interval_is_shown_to_three_digits() -> None:
    assert str(student_t([1.0, 2.0, 3.0, 4.0, 5.0])) == "3 [1.04, 4.96]"
    assert str(student_t(np.array([1234.5, 1234.5]))) == "1.23e+03 [1.23e+03, 1.23e+03]"
    assert str(Interval(*(np.asarray(np.nan),) * 3)) == "-"
