"""Estimators against their definitions: unbiased by going through all samples, intervals by leaving out groups one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.empirics.moments.draws import P, accumulated, population, products_of
from tests.theory.population import by_definition
from tsla.empirics.moments.estimators import QUANTITIES, Accumulator, Estimate, Estimates, Quantity, accumulator, estimates
from tsla.empirics.moments.estimators.accumulator import folded
from tsla.empirics.moments.estimators.groups import FROM_BASICS, GroupSums, basics
from tsla.empirics.moments.estimators.intervals import linear_interval, ratio_interval
from tsla.empirics.moments.estimators.spread import Spread, spread
from tsla.theory.constants import Array
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects, assert_rejects


def group_sums(g: Array, g_hat: Array, sizes: Iterable[int], centre: Array | None = None) -> GroupSums:
    counts = np.array(list(sizes))
    starts = np.cumsum(counts) - counts
    S, S_hat = np.add.reduceat(g, starts), np.add.reduceat(g_hat, starts)
    squares = np.add.reduceat(np.stack([(g * g).sum(1), (g_hat * g_hat).sum(1), (g * g_hat).sum(1)], axis=1), starts)
    cross = S @ S_hat.T
    products = np.stack((S @ S.T, S_hat @ S_hat.T, (cross + cross.T) / 2))
    along = None if centre is None else np.stack((S @ centre, S_hat @ centre), axis=1)
    return GroupSums(counts.astype(float), squares, products, along, 0.0 if centre is None else float(centre @ centre))


# --- values


Estimator = Callable[[Array, Array, int | None], Moments]
SIZES = (1, 2, 1)


def estimated(g: Array, g_hat: Array, M: int | None) -> Moments:
    return accumulated(g, g_hat, SIZES).estimates(population=M).moments


def divided_by_m(g: Array, g_hat: Array, M: int | None) -> Moments:
    """All pairs, an example with itself among them, less the diagonal, but divided by m²."""
    sums = group_sums(g, g_hat, SIZES)
    means = basics(sums.sizes.sum(), sums.squares.sum(0), sums.products.sum((1, 2)), M)
    means[3:] *= (len(g) - 1) / len(g)
    return Moments(*(FROM_BASICS @ means).tolist())


def is_unbiased(estimate: Estimator, M: int | None) -> None:
    n, samples = (4, itertools.product(range(4), repeat=4)) if M is None else (M, itertools.permutations(range(M), 4))
    g, g_hat = population(n)
    found = np.mean([astuple(estimate(g[list(sample)], g_hat[list(sample)], M)) for sample in samples], axis=0)
    assert found == pytest.approx(by_definition(g, g_hat), abs=1e-12)


INDEPENDENT, OF_SIX = partial(is_unbiased, M=None), partial(is_unbiased, M=6)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        *itertools.product(
            (INDEPENDENT, OF_SIX), (lambda g, g_hat, M: accumulated(g, g_hat, SIZES).estimates(population=M).plug_in, divided_by_m)
        ),
        (OF_SIX, lambda g, g_hat, M: estimated(g, g_hat, None)),
    ],
)
def test_unbiased_over_all_samples(check: Callable[[Estimator], None], wrong: Estimator, rejects: Rejects) -> None:
    rejects(check, right=estimated, wrong=wrong)


@pytest.mark.parametrize("M", [None, 6])
def test_unbiased_about_a_known_centre(M: int | None) -> None:
    g, g_hat = population(6)
    centre = tuple(products_of(g, g_hat).G)
    samples = itertools.product(range(6), repeat=3) if M is None else itertools.permutations(range(6), 3)
    every = [accumulated(g[list(s)], g_hat[list(s)], (1, 2)).estimates(population=M, centre=centre) for s in samples]
    assert np.mean([astuple(found.moments) for found in every], axis=0) == pytest.approx(by_definition(g, g_hat), abs=1e-12)
    assert {found.moments.grad2 for found in every} == {every[0].moments.grad2}
    plain = np.array([astuple(found.plug_in) for found in every])
    assert np.abs(plain.mean(0) - by_definition(g, g_hat))[4:].min() > 0.1, "the plug-in of what needs pairs is biased about a centre too"


def test_about_a_centre_the_deviations_from_it_are_measured() -> None:
    (g, g_hat), centre = population(5), np.linspace(-1, 1, P)
    tensors = products_of(centre[None], centre[None]).G
    expected = by_definition(g, g_hat, centre)
    found = accumulated(g, g_hat, (2, 3)).estimates(centre=tensors)
    assert astuple(found.moments)[:4] == pytest.approx(expected[:4])
    assert astuple(found.plug_in) == pytest.approx(expected)


def is_the_exact_error(error: Callable[[Estimates], dict[str, float]]) -> None:
    g, g_hat = population(7)
    found = accumulated(g, g_hat, (3, 4)).estimates()
    m = found.moments
    expected = np.array([m.s2, -m.s2, m.s2 - 2 * m.c, -m.c, m.s2 + m.nu2 - 2 * m.c, -m.nu2]) / 7
    assert [error(found)[name] for name in MOMENTS] == pytest.approx(expected)
    assert error(found)["delta"] == pytest.approx(found.plug_in.shat2 / found.plug_in.s2 - m.shat2 / m.s2)
    assert astuple(found.plug_in) == pytest.approx(by_definition(g, g_hat))


def test_the_error_of_the_plug_in() -> None:
    is_the_exact_error(Estimates.plug_in_errors)
    assert_rejects(is_the_exact_error, lambda found: {name: -error for name, error in found.plug_in_errors().items()})


# --- the whole population


def is_exact(M: int | None, sizes: tuple[int, ...] = (4,) * 5) -> None:
    g, g_hat = population(20)
    found = accumulated(g, g_hat, sizes).estimates(population=M)
    assert astuple(found.moments) == pytest.approx(by_definition(g, g_hat))
    assert astuple(found.moments) == pytest.approx(astuple(found.plug_in), abs=1e-14)
    for name in QUANTITIES:
        quantity = found.quantity(name)
        assert quantity.low == quantity.high == pytest.approx(quantity.estimate, rel=1e-12)
        assert quantity.standard_error == 0
    assert found.precise(1e-9)


@pytest.mark.parametrize("sizes", [(20,), (5, 5, 10), (4,) * 5])
def test_all_of_the_population_leaves_nothing_open(sizes: tuple[int, ...]) -> None:
    is_exact(20, sizes)


@pytest.mark.parametrize("M", [None, 21])
def test_planted_part_of_the_population(M: int | None) -> None:
    assert_rejects(is_exact, M)


def test_intervals_shrink_as_less_is_left_out() -> None:
    g, g_hat = population(40)
    widths = [accumulated(g, g_hat, (4,) * 10).estimates(population=M).quantity("s2").standard_error for M in (41, 50, 400, 10**9)]
    assert widths == sorted(widths)
    independent = accumulated(g, g_hat, (4,) * 10).estimates().quantity("s2").standard_error
    assert widths[-1] == pytest.approx(independent)
    assert widths[1] / independent == pytest.approx(np.sqrt(1 - 40 / 50), rel=0.03)


# --- the spread, by leaving out each group


UNEQUAL = (3, 5, 2, 4, 4, 1)


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
    others = [[kernel[j, [k for k in range(K) if k != j]].sum() for j in range(K)]]
    total = sum(others[0])
    b = np.zeros((K, K))
    for j, k in itertools.permutations(range(K), 2):
        b[j, k] = (kernel[j, k] - (others[0][j] + others[0][k]) / (K - 2) + total / ((K - 1) * (K - 2))) / K**2
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


def symmetric(covariance: Array, t: float = 2.0) -> Spread:
    """A spread without shift."""
    return Spread(covariance, np.zeros((5, 6)), np.zeros((3, 5, 5)), t)


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


# --- quantities


@st.composite
def gradient_moments(draw: st.DrawFn) -> Moments:
    """Moments that a network can have."""
    s2, nu2, beta2, grad2 = (draw(st.floats(1e-3, 1e3)) for _ in range(4))
    c = draw(st.floats(-1, 1)) * np.sqrt(s2 * nu2)
    return Moments(grad2=grad2, s2=s2, shat2=beta2 + nu2, c=c, beta2=beta2, nu2=nu2)


@given(gradient_moments())
def test_quantities_are_those_of_the_theory(m: Moments) -> None:
    at = {name: quantity.at(m) for name, quantity in QUANTITIES.items()}
    assert at["delta"] == pytest.approx(m.delta)
    assert at["theta_star"] == pytest.approx(float(m.theta_star), abs=1e-9)
    assert at["critical_batch"] == pytest.approx(float(m.critical_batch_size()), abs=1e-9)
    assert at["noise_scale"] == pytest.approx(m.s2 / m.grad2)
    assert [at[name] for name in MOMENTS] == list(astuple(m))


@given(gradient_moments())
def test_gradients_of_linear_functions_are_exact(m: Moments) -> None:
    quantity = Quantity(lambda m: 3 * m.s2 - m.c + 0.5 * m.grad2, over=lambda m: m.beta2)
    assert quantity.gradients(m) == pytest.approx(np.array([[0.5, 3, 0, -1, 0, 0], [0, 0, 0, 0, 1, 0]]), abs=1e-9)


def test_any_function_of_the_moments_has_an_interval() -> None:
    found = accumulated(*population(64), (4,) * 16).estimates()
    m = found.moments
    second = found.interval(lambda m: m.second_moment(0.3))
    assert second.estimate == pytest.approx(m.second_moment(0.3))
    linear = found.interval(lambda m: 0.49 * m.s2 + 0.09 * m.shat2 + 0.42 * m.c)
    assert astuple(second) == pytest.approx(astuple(linear), rel=1e-6)
    assert found.interval(lambda m: m.shat2, over=lambda m: m.s2) == found.delta
    root = found.interval(lambda m: m.s2**0.5)
    assert root.standard_error == pytest.approx(found.quantity("s2").standard_error / 2 / m.s2**0.5, rel=1e-4)
    for name in ("delta", "theta_star", "critical_batch", "noise_scale"):
        assert getattr(found, name) == found.quantity(name)


def test_theta_star_stays_between_0_and_1() -> None:
    g, g_hat = population(64)
    for factor, expected in ((-0.2, (0.0, 1.0)), (3.0, (0.0, 0.2))):
        found = accumulated(g, factor * g + 0.01 * g_hat, (4,) * 16).estimates().theta_star
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert expected[0] <= found.estimate <= expected[1]


def test_where_there_is_nothing_to_smooth_and_no_gradient_at_all() -> None:
    g, nothing = population(64)[0], np.zeros((64, P))
    found = accumulated(g, g, (4,) * 16).estimates()
    assert (found.theta_star.estimate, found.critical_batch.estimate) == (0, 0)
    assert found.moments.beta2 == pytest.approx(0, abs=1e-12)
    found = accumulated(nothing, nothing, (4,) * 16).estimates()
    assert [astuple(found.quantity(name)) for name in QUANTITIES] == [(0, 0, 0, 0)] * len(QUANTITIES)


def test_unbiased_values_may_be_negative() -> None:
    g, g_hat = population(32, seed=1)
    centred, centred_hat = g - g.mean(0), g_hat - g_hat.mean(0)
    found = accumulated(centred, centred_hat, (2,) * 16).estimates()
    assert found.moments.grad2 < 0
    assert found.moments.beta2 < 0
    assert found.plug_in.grad2 == pytest.approx(0, abs=1e-12)
    assert found.noise_scale.estimate == found.noise_scale.high == found.noise_scale.standard_error == np.inf


# --- when to stop


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (Estimate(2.0, 1.0, 4.0, 0.5), 0.75),
        (Estimate(-2.0, -3.0, -1.0, 0.5), 0.5),
        (Estimate(0.0, 0.0, 0.0, 0.0), 0.0),
        (Estimate(0.0, 0.0, 0.1, 0.0), np.inf),
        (Estimate(2.0, 1.0, np.inf, 0.5), np.inf),
        (Estimate(np.inf, np.inf, np.inf, 0.0), 0.0),
        (Estimate(np.inf, 1.0, np.inf, np.inf), np.inf),
    ],
)
def test_relative_half_width(estimate: Estimate, expected: float) -> None:
    assert estimate.relative_half_width == expected


def test_precise_is_when_all_quantities_are_known_from_enough_groups() -> None:
    g, g_hat = population(160)
    found, of_unequal, of_two = (accumulated(g, g_hat, sizes).estimates() for sizes in ((10,) * 16, (11,) * 14 + (6,), (80, 80)))
    widest = max(found.delta.relative_half_width, found.theta_star.relative_half_width)
    assert found.precise(widest)
    assert not found.precise(0.999 * widest)
    assert found.precise(found.quantity("s2").relative_half_width, names=("s2",))
    assert [of_unequal.precise(100.0), of_two.precise(100.0)] == [False, False]


# --- the accumulator


def agree(found: Estimates, expected: Estimates, rel: float = 1e-6) -> None:
    for name in QUANTITIES:
        assert astuple(found.quantity(name)) == pytest.approx(astuple(expected.quantity(name)), rel=rel)


def test_short_vectors_are_sketched_exactly() -> None:
    g, g_hat = population(48)
    kept, explicit = accumulated(g, g_hat, (*UNEQUAL, 29)).estimates(population=99), group_sums(g, g_hat, (*UNEQUAL, 29))
    expected = estimates(explicit, population=99)
    assert astuple(kept.moments) == pytest.approx(astuple(expected.moments))
    agree(kept, expected)


def test_intervals_about_a_centre() -> None:
    (g, g_hat), centre = population(48), np.linspace(-0.2, 0.4, P)
    tensors = products_of(centre[None], centre[None]).G
    kept, expected = accumulated(g, g_hat, (6,) * 8).estimates(centre=tensors), estimates(group_sums(g, g_hat, (6,) * 8, centre))
    agree(kept, expected)
    assert kept.quantity("grad2").standard_error == 0
    deviations = ((g - centre) ** 2).sum(1).reshape(8, 6).mean(1)
    assert kept.quantity("s2").standard_error == pytest.approx(np.std(deviations, ddof=1) / np.sqrt(8)), "a mean of single examples"
    assert kept.quantity("s2").high - kept.moments.s2 == pytest.approx(kept.moments.s2 - kept.quantity("s2").low)


def is_unbiased_over_signs(signs: Iterable[tuple[int, ...]]) -> None:
    x, y = torch.arange(1.0, 8.0).double(), torch.linspace(-1, 2, 7).double()
    every = [folded(torch.stack((x, y)) * torch.tensor(sign), 3) for sign in signs]
    assert np.mean([float(a @ b) for a, b in every]) == pytest.approx(float(x @ y))


def test_sketches_are_unbiased_over_all_signs() -> None:
    is_unbiased_over_signs(itertools.product((-1, 1), repeat=7))
    assert_rejects(is_unbiased_over_signs, [(1,) * 7])


@pytest.mark.parametrize("start", [0, 1, 5, 7])
def test_folding_in_pieces_is_folding_the_whole(start: int) -> None:
    x = torch.randn(2, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pieces = folded(x[:, :start], 6) + folded(x[:, start:], 6, start) if start else folded(x, 6)
    expected = torch.nn.functional.pad(x, (0, 4)).reshape(2, 4, 6).sum(1)
    torch.testing.assert_close(pieces, expected)


def test_values_don_t_depend_on_sketches_and_errors_hardly(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    scale = 1 / np.arange(1, 2001)  # of an effective dimension far below that of the sketch, as of networks
    g = (generator.normal(size=(64, 2000)) + 1) * scale
    g_hat = 0.5 * g + (generator.normal(size=g.shape) - 1) * scale
    exact = accumulated(g, g_hat, (4,) * 16, ((40, 50),)).estimates()
    monkeypatch.setattr(accumulator, "SKETCH", 500)
    rough = accumulated(g, g_hat, (4,) * 16, ((40, 50),)).estimates()
    assert rough.moments == exact.moments
    for name in QUANTITIES:
        assert rough.quantity(name).standard_error == pytest.approx(exact.quantity(name).standard_error, rel=0.2)
        assert rough.quantity(name).standard_error != exact.quantity(name).standard_error


def test_neighbours_are_joined_where_groups_become_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    g, g_hat = population(57)
    monkeypatch.setattr(accumulator, "MAX_GROUPS", 8)
    found = accumulated(g, g_hat, (3,) * 19).estimates()
    expected = estimates(group_sums(g, g_hat, (12, 12, 12, 12, 9)))
    assert found.groups == expected.groups == 5
    agree(found, expected)


def test_float32_gradients_and_one_example_a_group() -> None:
    g, g_hat = population(20)
    sums = Accumulator()
    for i in range(20):
        one = products_of(g[i : i + 1], g_hat[i : i + 1])
        sums.add(replace(one, G=tuple(x.float() for x in one.G), G_hat=tuple(x.float() for x in one.G_hat)))
    expected = estimates(group_sums(g, g_hat, (1,) * 20))
    agree(sums.estimates(), expected, rel=1e-4)


# --- refusals


def refusals() -> Iterator[tuple[Callable[[], object], str]]:
    g, g_hat = population(8)
    products, sums = products_of(g, g_hat), accumulated(g, g_hat, (4, 4))
    found, enough = sums.estimates(), accumulated(*population(64), (4,) * 16).estimates()
    yield Accumulator().estimates, r"^examples = 0 are too few for a variance; must be at least 2$"
    yield accumulated(g[:1], g_hat[:1], (1,)).estimates, r"^examples = 1 are too few"
    yield lambda: sums.estimates(population=7), r"^population = 7 must be a whole number, at least 8$"
    yield lambda: sums.estimates(population=9.0), r"^population = 9\.0 must be"  # type: ignore[arg-type]
    yield lambda: sums.estimates(population=True), r"^population = True must be"
    yield lambda: sums.estimates(centre=products.G[:2]), r"^centre has tensors of shapes .* must be those of the parameters"
    yield lambda: found.delta, r"^groups = 2 are too few for an interval; must be at least 4, and should be 16; a batch is a group$"
    yield lambda: found.quantity("sigma"), r"^name = 'sigma' is not a quantity; there are grad2, .*, noise_scale$"
    yield lambda: enough.precise(0), r"^until = 0 must be a finite number above 0$"
    yield lambda: enough.precise(0.1, names=("sigma",)), r"^name = 'sigma' is not a quantity"
    yield lambda: sums.add(replace(products, names=("a", "b", "c"))), r"^products are of other parameters"
    yield lambda: sums.add(replace(products, G=products.G[::-1])), r"^products are of other parameters"
    infinite = replace(products, G_hat=(*products.G_hat[:2], products.G_hat[2] * float("inf")))
    yield lambda: sums.add(infinite), r"^products hold gradients that are not finite"
    broken = replace(products, G=(products.G[0] * float("nan"), *products.G[1:]))
    yield lambda: sums.add(broken), r"^products hold gradients that are not finite"
    assert sums.estimates().moments == found.moments, "a refused group leaves no trace"


def test_refusals_say_what_would_be_valid() -> None:
    for call, message in refusals():
        with pytest.raises(ValueError, match=message) as refusal:
            call()
        assert "\n" not in str(refusal.value)
