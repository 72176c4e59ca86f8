"""Planned seeds give the power that was asked for, no fewer do, and the interval of their number covers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from tests.refusals import refusals
from tsla.empirics.statistics import power
from tsla.empirics.statistics.power import Need, need, paired_power, sd_interval, seeds_for
from tsla.theory.testing.planted import Rejects, assert_rejects

RUNS = 40_000
PILOTS = 400


def rejections(n: int, mean: float, sd: float, seed: int) -> float:
    """Share of paired t-tests, of n pairs with a large common part, that reject at 0.05."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 3, size=(RUNS, n))
    a = shared + rng.normal(mean, sd / math.sqrt(2), size=shared.shape)
    b = shared + rng.normal(0, sd / math.sqrt(2), size=shared.shape)
    return float(np.mean(stats.ttest_rel(a, b, axis=1).pvalue < 0.05))


def error(probability: float, runs: int = RUNS) -> float:
    """Four standard errors of a share of so many runs: missed once in 16,000."""
    return 4 * math.sqrt(probability * (1 - probability) / runs)


# --- the power of the test


def by_quadrature(n: int, d: float, level: float) -> float:
    """The definition: a normal mean over an independent root of chi-square, integrated over the quantiles of the latter."""
    reach, shift = stats.t.isf(level / 2, n - 1), d * math.sqrt(n)

    def given_spread(u: float) -> float:
        edge = reach * math.sqrt(stats.chi2.ppf(u, n - 1) / (n - 1))
        return float(stats.norm.sf(edge - shift) + stats.norm.cdf(-edge - shift))

    return float(integrate.quad(given_spread, 0, 1, epsabs=1e-11, epsrel=1e-9, limit=500)[0])


# the last three are where SciPy's noncentral t gives nan
CASES = [(2, 0.1, 0.05), (2, 5, 0.05), (5, 2, 0.001), (10, 1, 0.05), (50, 0.4, 0.01), (100_000, 0.01, 0.05)]
CASES += [(2, 50, 0.001), (3, 5, 0.001), (3, 50, 1e-6)]


def power_is_exact(function: Callable[[int, float, float], float]) -> None:
    for n, d, level in CASES:
        assert function(n, d, level) == pytest.approx(by_quadrature(n, d, level), rel=1e-8)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda n, d, level: float(stats.norm.sf(stats.norm.isf(level / 2) - d * math.sqrt(n))),
        lambda n, d, level: float(stats.nct.sf(stats.t.isf(level, n - 1), n - 1, d * math.sqrt(n))),  # one-sided
        lambda n, d, level: paired_power(n, d / math.sqrt(2), level=level),  # not paired
    ],
)
def test_power_is_that_of_quadrature(wrong: Callable[[int, float, float], float], rejects: Rejects) -> None:
    rejects(power_is_exact, right=lambda n, d, level: paired_power(n, d, level=level), wrong=wrong)


def test_power_without_an_effect_is_the_level_and_the_sign_does_not_matter() -> None:
    assert [paired_power(7, d, level=0.03) for d in (0.0, 1e-300, 1e-12, 1e-7)] == pytest.approx([0.03] * 4, rel=1e-12)
    assert paired_power(7, -0.8) == paired_power(7, 0.8)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("level", [0.05, 1e-6, 1e-9])
def test_huge_effects_join_on(n: int, level: float) -> None:
    below, above = (paired_power(n, power.LARGEST / math.sqrt(n) * factor, level=level) for factor in (1 - 1e-9, 1 + 1e-9))
    assert above == pytest.approx(below, abs=2e-9)
    assert paired_power(n, 1e200, level=level) == 1


def test_a_level_whose_critical_value_has_no_square() -> None:
    assert paired_power(2, 1.0, level=1e-200) < 1e-90  # SciPy 1.12 knows no critical value above 1e100
    assert 2 < seeds_for(1.0, level=1e-200) < 1e4


def test_a_table_of_cohen() -> None:
    """Two-sided 5 %, power 0.8: 199, 34 and 15 pairs for d = 0.2, 0.5, 0.8, as G*Power and statsmodels have it."""
    assert [seeds_for(d) for d in (0.2, 0.5, 0.8)] == [199, 34, 15]


@pytest.mark.parametrize("d", [0.03, 0.4, 1.0, 3.0, 40.0])
@pytest.mark.parametrize(("level", "asked"), [(0.05, 0.8), (0.001, 0.99), (0.2, 0.25)])
def test_the_smallest_number_that_suffices(d: float, level: float, asked: float) -> None:
    n = seeds_for(d, level=level, power=asked)
    assert n == seeds_for(-d, level=level, power=asked)
    assert paired_power(n, d, level=level) >= asked
    assert n == 2 or paired_power(n - 1, d, level=level) < asked


# --- planned seeds do in simulation what they promise


Formula = Callable[[float, float, float], int]  # effect, standard deviation of the differences, power -> n


def keeps_its_promise(formula: Formula) -> None:
    """At n the power is at least that asked for, and not by more than one seed; without an effect, the level is kept."""
    for effect, sd, asked in ((2.0, 1.0, 0.8), (1.2, 1.0, 0.9), (0.5, 1.0, 0.8)):
        n = formula(effect, sd, asked)
        assert rejections(n, effect, sd, seed=n) >= asked - error(asked), (effect, n)
        assert rejections(n - 1, effect, sd, seed=n) <= asked + error(asked), (effect, n)
        assert rejections(n, 0.0, sd, seed=n + 1) == pytest.approx(0.05, abs=error(0.05))


def normal_formula(effect: float, sd: float, asked: float) -> int:
    return max(2, math.ceil(((stats.norm.isf(0.025) + stats.norm.isf(1 - asked)) * sd / effect) ** 2))


def unpaired_formula(effect: float, sd: float, asked: float) -> int:
    """The common part of standard deviation 3 counts as noise of both, as it does where the seeds are not shared."""
    return seeds_for(effect / math.sqrt(sd**2 + 2 * 3**2), power=asked)


def test_seeds_keep_their_promise() -> None:
    keeps_its_promise(lambda effect, sd, asked: seeds_for(effect / sd, power=asked))
    for wrong in (normal_formula, unpaired_formula):
        assert_rejects(keeps_its_promise, wrong)


# --- the interval from the pilot


def covers(interval: Callable[[float, int], tuple[float, float]], m: int) -> None:
    samples = np.random.default_rng(m).normal(0, 2, size=(5_000, m)).std(axis=1, ddof=1)
    ends = np.array([interval(float(sd), m) for sd in samples])
    share = np.mean((ends[:, 0] <= 2) & (ends[:, 1] >= 2))
    assert share == pytest.approx(0.95, abs=error(0.95, len(samples)))


def normal_interval(sd: float, m: int) -> tuple[float, float]:
    reach = 1.96 * math.sqrt(2 / (m - 1))
    return sd * math.sqrt(max(0, 1 - reach)), sd * math.sqrt(1 + reach)


@pytest.mark.parametrize("m", [3, 10])
def test_the_interval_of_the_standard_deviation_covers(m: int) -> None:
    covers(sd_interval, m)
    assert_rejects(lambda interval: covers(interval, m), normal_interval)


def n_is_covered(wanted: Callable[[np.ndarray], Need]) -> None:
    """n is monotone in the standard deviation, so that its interval covers at least as often; whole numbers make it more."""
    truth = seeds_for(0.5)
    pilots = np.random.default_rng(1).normal(9, 1, size=(PILOTS, 6))
    found = [wanted(sample) for sample in pilots]
    share = np.mean([each.low <= truth <= each.high for each in found])
    assert 0.95 - error(0.95, PILOTS) <= share <= 0.99


def test_the_interval_of_the_number_of_seeds_covers() -> None:
    def with_n_for_high(sample: np.ndarray) -> Need:
        found = need(sample, effect=0.5)
        return replace(found, high=found.n)

    n_is_covered(lambda sample: need(sample, effect=0.5))
    for wrong in (with_n_for_high, need):  # the pilot's own mean is another effect
        assert_rejects(n_is_covered, wrong)


def test_need_by_hand() -> None:
    found = need([1.0, 2.0, 3.0, 6.0])
    assert (found.effect, found.sd) == (3, pytest.approx(math.sqrt(14 / 3)))
    assert found.d == pytest.approx(3 / math.sqrt(14 / 3))
    assert found.n == seeds_for(found.d)
    assert found.achieved == paired_power(found.n, found.d) >= 0.8
    low, high = sd_interval(found.sd, 4)
    assert (found.low, found.high) == (seeds_for(3 / low), seeds_for(3 / high))
    assert found.low < found.n < found.high
    assert need([1.0, 2.0, 3.0, 6.0], effect=1.0).n > found.n
    assert need([-1.0, -2.0, -3.0, -6.0]).n == found.n


def test_need_is_of_the_level_and_the_power_that_are_asked_for() -> None:
    asked = {"level": 0.01, "power": 0.9}
    found = need([1.0, 2.0, 3.0, 6.0], **asked)
    low, high = sd_interval(found.sd, 4)
    assert (found.n, found.low, found.high) == tuple(seeds_for(3 / sd, **asked) for sd in (found.sd, low, high))
    assert found.achieved == paired_power(found.n, found.d, level=0.01) >= 0.9


def test_an_end_beyond_what_is_counted() -> None:
    found = need([1.0, -1.0], effect=0.0002)
    assert found.high == power.MOST
    assert found.low < found.n < found.high


test_bad_arguments = refusals(
    operator.call,
    (lambda: need([1.0]), r"differences has shape \(1,\), one for each seed of the pilot; must be \(m,\), m at least 2"),
    (lambda: need([0.1, 0.1, 0.1]), "differences = 0.1 must not all be equal"),
    (lambda: need([1.0, -1.0]), "effect = 0 must not be 0"),
    (lambda: need([1.0, math.nan]), "differences = nan must be a finite number"),
    (lambda: seeds_for(0.0), "d = 0 must not be 0"),
    (lambda: seeds_for(1.0, level=0.0), "level = 0 must be a finite number above 0"),
    (lambda: seeds_for(1.0, power=1.0), "power = 1 must be below 1"),
    (lambda: seeds_for(1.0, level=0.5, power=0.4), "power = 0.4 must be above level = 0.5"),
    (lambda: seeds_for(1e-6), "d = 1e-06 must be larger: .* more than 1e.09 seeds"),
    (lambda: paired_power(1, 1.0), "n = 1 must be a whole number, at least 2"),
)
