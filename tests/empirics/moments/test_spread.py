"""Intervals of estimates against leaving out groups one by one, and those of ratios against the tests that they invert."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import astuple, replace

import numpy as np
import pytest
from scipy import stats

from tests.empirics.moments.draws import UNEQUAL, accumulated, group_sums, population
from tsla.empirics.moments.estimators import estimates
from tsla.empirics.moments.estimators.groups import FROM_BASICS, GroupSums
from tsla.empirics.moments.estimators.intervals import linear_interval, ratio_interval
from tsla.empirics.moments.estimators.spread import Spread, spread
from tsla.theory.constants import Array
from tsla.theory.moments import MOMENTS
from tsla.theory.testing.planted import Rejects, assert_rejects


def brute_force_covariance(M: int | None) -> Array:
    """Equation by equation: Busing, Meijer and van der Leeden (1999), of the moments."""
    g, g_hat = population(sum(UNEQUAL))
    m, K, ends = len(g), len(UNEQUAL), np.cumsum(UNEQUAL)
    whole = np.array(astuple(accumulated(g, g_hat, UNEQUAL).estimates(population=M).moments))
    without, h = [], [m / n for n in UNEQUAL]
    for k, (end, n) in enumerate(zip(ends, UNEQUAL, strict=True)):
        kept = np.r_[: end - n, end:m]
        rest = accumulated(g[kept], g_hat[kept], UNEQUAL[:k] + UNEQUAL[k + 1 :])
        without.append(np.array(astuple(rest.estimates(population=M).moments)))
    middle = K * whole - sum((1 - 1 / h_k) * left for h_k, left in zip(h, without, strict=True))
    off = [h_k * whole - (h_k - 1) * left - middle for h_k, left in zip(h, without, strict=True)]
    rest_of_population = 1 if M is None else 1 - m / M
    return np.asarray(rest_of_population * sum(np.outer(d, d) / (h_k - 1) for h_k, d in zip(h, off, strict=True)) / K)


def agrees_with_leaving_out(covariance: Callable[[GroupSums, int | None], Array]) -> None:
    for M in (None, 30):
        found = covariance(group_sums(*population(sum(UNEQUAL)), UNEQUAL), M)
        assert FROM_BASICS @ found @ FROM_BASICS.T == pytest.approx(brute_force_covariance(M), rel=1e-9)


def for_equal_groups(sums: GroupSums, M: int | None) -> Array:
    without, K = sums.basics_without_each(M), len(sums.sizes)
    off = without - without.mean(0)
    return np.asarray((1 if M is None else 1 - sums.examples / M) * (K - 1) / K * off.T @ off)


def jackknife(sums: GroupSums, M: int | None) -> Array:
    return spread(sums, M).covariance


@pytest.mark.parametrize("wrong", [for_equal_groups, lambda sums, M: spread(sums, None).covariance])
def test_the_jackknife_is_leaving_out_each_group(wrong: Callable[[GroupSums, int | None], Array], rejects: Rejects) -> None:
    rejects(agrees_with_leaving_out, right=jackknife, wrong=wrong)


def brute_force_shift(sums: GroupSums, form: Array, sign: float = -1.0) -> float:
    """By sums over pairs and triples of groups of one size, from the definitions."""
    K, t = len(sums.sizes), stats.t.ppf(0.975, len(sums.sizes) - 1)
    without = sums.basics_without_each() @ form
    a = -(K - 1) * (without - without.mean()) / K
    kernel = np.einsum("a,ajk->jk", form[3:], sums.products) / sums.sizes[0] ** 2
    others = [kernel[j, [k for k in range(K) if k != j]].sum() for j in range(K)]
    total = sum(others)
    b = np.zeros((K, K))
    for j, k in itertools.permutations(range(K), 2):
        b[j, k] = (kernel[j, k] - (others[j] + others[k]) / (K - 2) + total / ((K - 1) * (K - 2))) / K**2
    kappa1 = sum(a[j] * a[k] * b[j, k] for j, k in itertools.permutations(range(K), 2)) * K / (K - 1)
    kappa2 = sum(b[i, j] * b[j, k] * b[k, i] for i, j, k in itertools.permutations(range(K), 3)) * K**2 / ((K - 1) * (K - 2))
    variance = (K - 1) / K * ((without - without.mean()) ** 2).sum()
    moved = ((t**2 + 1) * kappa1 + sign * 4 / 3 * (t**2 + 2) * kappa2) / variance
    return float(np.clip(moved, -np.sqrt(variance), np.sqrt(variance)))


def test_the_interval_is_the_formula() -> None:
    sums = group_sums(*population(40, seed=3), (4,) * 10)
    found, known = estimates(sums), spread(sums)

    def is_the_shift(sign: float) -> None:
        for form in FROM_BASICS:
            assert float(known.shift(form)) == pytest.approx(brute_force_shift(sums, form, sign), abs=1e-12)

    is_the_shift(-1.0)
    assert_rejects(is_the_shift, 0.0)
    t = stats.t.ppf(0.975, 9)
    for name, form in zip(MOMENTS, FROM_BASICS, strict=True):
        middle = getattr(found.moments, name) + brute_force_shift(sums, form)
        quantity = found.quantity(name)
        error = np.sqrt(form @ for_equal_groups(sums, None) @ form)
        assert astuple(quantity) == pytest.approx((getattr(found.moments, name), middle - t * error, middle + t * error, error))


def ignores_what_single_groups_explain(pairs: Callable[[GroupSums], Array]) -> None:
    """A product of mean gradients that is a sum of one term for each group is not of the pair."""
    sums = group_sums(*population(sum(UNEQUAL)), UNEQUAL)
    terms = np.linspace(-3, 5, len(UNEQUAL))
    explained = (terms[:, None] + terms) * np.outer(sums.sizes, sums.sizes)
    assert pairs(replace(sums, products=sums.products + explained)) == pytest.approx(pairs(sums), abs=1e-12)


def centred_by_weighted_means(sums: GroupSums) -> Array:
    shares = sums.sizes / sums.sizes.sum()
    products = sums.products / np.outer(sums.sizes, sums.sizes) * ~np.eye(len(shares), dtype=bool)
    rows = (shares * products).sum(-1, keepdims=True)
    return np.asarray(products - rows - np.swapaxes(rows, -1, -2) + (shares[:, None] * rows).sum(-2, keepdims=True))


def test_pairs_are_beyond_what_single_groups_explain() -> None:
    ignores_what_single_groups_explain(lambda sums: spread(sums).pairs)
    assert_rejects(ignores_what_single_groups_explain, centred_by_weighted_means)


def test_pairs_vary_less_the_more_of_a_population_is_drawn() -> None:
    sums = group_sums(*population(24), (4,) * 6)
    np.testing.assert_allclose(spread(sums, 32).pairs, (1 - 24 / 32) * spread(sums).pairs)


def test_repetitions_are_handled_side_by_side() -> None:
    draws = [group_sums(*population(24, seed=seed), (4,) * 6) for seed in range(3)]
    together = GroupSums(draws[0].sizes, *(np.stack([getattr(d, name) for d in draws]) for name in ("squares", "products")))
    forms = np.broadcast_to(FROM_BASICS[[2, 1], None], (2, 3, 6))
    low, high, error = ratio_interval(np.moveaxis(together.basics() @ FROM_BASICS[[2, 1]].T, -1, 0), forms, spread(together))
    for i, one in enumerate(draws):
        found = estimates(one).delta
        assert (found.low, found.high, found.standard_error) == pytest.approx((low[i], high[i], error[i]))


# --- ratios

SYMMETRIC = np.eye(6)[[0, 1]]  # the ratio of the first of the basic means to the second


def symmetric(covariance: Array) -> Spread:
    """A spread without shift."""
    return Spread(covariance, np.zeros((5, 6)), np.zeros((3, 5, 5)), t=2.0)


Ratio = Callable[[Array, Array, Spread], tuple[Array, Array, Array]]


def holds_the_ratios_that_are_not_rejected(interval: Ratio) -> None:
    rho = np.tan(np.linspace(-np.pi / 2, np.pi / 2, 4001)[1:-1])
    for p, q, correlation in itertools.product((-2.0, 0.1, 3.0), (0.2, 1.0, 5.0), (-0.8, 0.0, 0.8)):
        covariance = np.zeros((6, 6))
        covariance[:2, :2] = [[1, 0.5 * correlation], [0.5 * correlation, 0.25]]
        low, high, _ = interval(np.array([p, q]), SYMMETRIC, symmetric(covariance))
        accepted = (p - rho * q) ** 2 <= 4 * (1 - rho * correlation + 0.25 * rho**2)
        if q <= 1:  # q may be 0: of the two rays, that on which it is positive
            start = p - q * correlation / 0.5
            accepted &= rho > rho[~accepted].max() if start > 0 and not accepted.all() else True
            accepted &= rho < rho[~accepted].min() if start < 0 and not accepted.all() else True
        assert ((rho >= low) & (rho <= high) == accepted).mean() > 0.999


def delta_method(values: Array, forms: Array, known: Spread) -> tuple[Array, Array, Array]:
    ratio = values[0] / values[1]
    contrast = (forms[0] - ratio * forms[1]) / values[1]
    return linear_interval(ratio, contrast, known)


def test_a_ratio_has_the_interval_of_fieller() -> None:
    holds_the_ratios_that_are_not_rejected(ratio_interval)
    assert_rejects(holds_the_ratios_that_are_not_rejected, delta_method)


@pytest.mark.parametrize(
    ("values", "variance", "expected"),
    [
        ((3.0, 2.0), 4.0, (1.5 - 2, 1.5 + 2, 1.0)),  # a linear interval
        ((3.0, 0.0), 1.0, (np.inf, np.inf, 0)),
        ((-3.0, 0.0), 1.0, (-np.inf, -np.inf, 0)),
        ((0.0, 0.0), 1.0, (0, 0, 0)),
    ],
)
def test_a_sure_denominator(values: tuple[float, float], variance: float, expected: tuple[float, ...]) -> None:
    assert ratio_interval(np.array(values), SYMMETRIC, symmetric(np.diag([variance, 0, 0, 0, 0, 0]))) == pytest.approx(expected)


@pytest.mark.parametrize("q", [0.0, -0.5])
def test_a_denominator_that_came_out_as_0_or_less(q: float) -> None:
    known = symmetric(np.diag([1.0, 1, 0, 0, 0, 0]))
    low, high, error = ratio_interval(np.array([5.0, q]), SYMMETRIC, known)
    assert 0 < low < high == error == np.inf
    assert ratio_interval(np.array([-5.0, q]), SYMMETRIC, known)[:2] == (-np.inf, -low)


def test_a_ratio_of_which_nothing_is_known() -> None:
    assert ratio_interval(np.array([0.1, 0.1]), SYMMETRIC, symmetric(np.eye(6)))[:2] == (-np.inf, np.inf)
