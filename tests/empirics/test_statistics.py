"""Intervals cover as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from empirics.statistics import Interval, log_log_slope, paired, student_t

RUNS = 20_000


def covers(interval: Interval, truth: float, level: float) -> bool:
    """Whether the interval's measured coverage is within 5 standard errors of its level."""
    share = np.mean((interval.low <= truth) & (truth <= interval.high))
    return bool(abs(share - level) <= 5 * math.sqrt(level * (1 - level) / RUNS))


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [2, 5, 20])
def test_student_interval_covers_at_its_level(n: int, level: float) -> None:
    samples = np.random.default_rng(0).normal(3, 2, size=(RUNS, n))
    assert covers(student_t(samples, level=level, axis=1), 3, level)


@pytest.mark.parametrize("n", [5, 20])
def test_planted_normal_quantile_does_not_cover(n: int) -> None:
    samples = np.random.default_rng(0).normal(3, 2, size=(RUNS, n))
    mean, error = samples.mean(axis=1), samples.std(axis=1, ddof=1) / math.sqrt(n)
    assert not covers(Interval(mean, mean - 1.96 * error, mean + 1.96 * error), 3, 0.95)


def test_student_interval_is_that_of_a_table() -> None:
    interval = student_t([1.0, 2.0, 3.0, 4.0, 5.0])
    assert interval.estimate == 3
    assert interval.high - 3 == pytest.approx(2.776445105 * math.sqrt(2.5 / 5), rel=1e-9)  # t(0.975, 4) = 2.776445105
    assert interval.low == pytest.approx(6 - interval.high)


def test_axis_and_shapes() -> None:
    samples = np.random.default_rng(0).normal(size=(4, 7))
    along, across = student_t(samples, axis=0), student_t(samples, axis=-1)
    assert (along.low.shape, across.low.shape, student_t(samples[0]).low.shape) == ((7,), (4,), ())
    assert across.high[2] == student_t(samples[2]).high
    assert along.high[2] == student_t(samples[:, 2]).high


def test_equal_samples_have_an_interval_of_no_width() -> None:
    interval = student_t([2.0, 2.0, 2.0])
    assert (interval.low, interval.estimate, interval.high) == (2, 2, 2)


def test_pairing_is_sharper_where_seeds_are_shared_and_covers_all_the_same() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 5, size=(10, RUNS))
    a, b = shared + rng.normal(1, 1, size=shared.shape), shared + rng.normal(0, 1, size=shared.shape)
    interval = paired(a, b)
    assert covers(interval, 1, 0.95)
    assert not covers(interval, 1.3, 0.95)  # planted
    apart = student_t(a)
    assert np.mean(interval.high - interval.low) < 0.4 * np.mean(apart.high - apart.low)


def test_paired_keeps_the_sign() -> None:
    assert paired([3.0, 4.0], [1.0, 1.0]).estimate == 2.5


@pytest.mark.parametrize("power", [-4.0, -1.0, 0.0, 0.5, 2.0])
def test_slope_of_a_power_law(power: float) -> None:
    x = np.geomspace(1e-3, 1e4, 15)
    interval = log_log_slope(x, 7 * x**power)
    assert interval.estimate == pytest.approx(power, abs=1e-12)
    assert interval.high - interval.low < 1e-6
    assert not interval.low <= power + 1e-3 <= interval.high


@pytest.mark.parametrize("n", [3, 6])
def test_slope_interval_covers_at_its_level(n: int) -> None:
    rng, x, repeats = np.random.default_rng(2), np.geomspace(1, 100, n), 2000
    inside = inside_planted = 0
    for _ in range(repeats):
        interval = log_log_slope(x, 3 * x**-2 * np.exp(rng.normal(0, 0.3, size=n)))
        inside += interval.low <= -2 <= interval.high
        narrower = 1.96 / stats.t.ppf(0.975, n - 2)
        inside_planted += abs(interval.estimate + 2) <= narrower * (interval.high - interval.estimate)
    allowed = 5 * math.sqrt(0.95 * 0.05 / repeats)
    assert abs(inside / repeats - 0.95) <= allowed
    assert abs(inside_planted / repeats - 0.95) > allowed  # planted: the normal quantile in place of Student's


@pytest.mark.parametrize("samples", [[], [1.0], 1.0, [[1.0, 2.0]]])
def test_too_few_samples(samples: object) -> None:
    with pytest.raises(ValueError, match=r"samples has [01] along axis 0; an interval needs at least 2"):
        student_t(samples)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: student_t([1.0, math.nan]), "samples = nan must be a finite number"),
        (lambda: student_t([1.0, 2.0], level=0.0), "level = 0 must be a finite number above 0"),
        (lambda: student_t([1.0, 2.0], level=1.0), "level = 1 must be below 1"),
        (lambda: student_t([1.0, 2.0], level=95), "level = 95 must be below 1"),
        (lambda: paired([1.0, 2.0], [1.0]), r"a has shape \(2,\) and b has \(1,\); pairs need the same shape"),
        (lambda: paired([1.0], [2.0]), "samples has 1 along axis 0"),
        (lambda: log_log_slope([1.0, 2.0], [1.0, 2.0]), "x has 2 points; .* at least 3"),
        (lambda: log_log_slope([1.0, 2.0, 3.0], [1.0, 2.0]), r"x has shape \(3,\) and y has \(2,\)"),
        (lambda: log_log_slope([[1.0, 2.0, 3.0]], [[1.0, 2.0, 4.0]]), r"x has shape \(1, 3\)"),
        (lambda: log_log_slope([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]), "x = 2 everywhere"),
        (lambda: log_log_slope([1.0, 2.0, 3.0], [1.0, 0.0, 2.0]), "y = 0 must be a finite number above 0"),
        (lambda: log_log_slope([-1.0, 2.0, 3.0], [1.0, 1.0, 2.0]), "x = -1 must be a finite number above 0"),
    ],
)
def test_bad_arguments(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
