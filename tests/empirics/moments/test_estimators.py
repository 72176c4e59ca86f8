"""Estimators against their definitions: unbiased by going through all samples, and exact of the whole population."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from dataclasses import astuple, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.empirics.moments.draws import P, accumulated, group_sums, population, products_of
from tests.refusals import refusals
from tests.theory.population import by_definition
from tsla.empirics.moments.estimators import QUANTITIES, Accumulator, Estimate, Estimates, Quantity
from tsla.empirics.moments.estimators.groups import FROM_BASICS, basics
from tsla.theory.constants import Array
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects, assert_rejects

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


# --- refusals


PRODUCTS, SUMS = products_of(*population(8)), accumulated(*population(8), (4, 4))
FEW, ENOUGH = SUMS.estimates(), accumulated(*population(64), (4,) * 16).estimates()


def add(**changes: Any) -> None:
    """A group with these changes, which leaves no trace where it is refused."""
    try:
        SUMS.add(replace(PRODUCTS, **changes))
    finally:
        assert SUMS.estimates().moments == FEW.moments


test_refusals = refusals(
    operator.call,
    (Accumulator().estimates, r"^examples = 0 are too few for a variance; must be at least 2$"),
    (accumulated(*population(1), (1,)).estimates, r"^examples = 1 are too few"),
    (lambda: SUMS.estimates(population=7), r"^population = 7 must be a whole number, at least 8$"),
    (lambda: SUMS.estimates(population=9.0), r"^population = 9\.0 must be"),  # type: ignore[arg-type]
    (lambda: SUMS.estimates(population=True), r"^population = True must be"),
    (lambda: SUMS.estimates(centre=PRODUCTS.G[:2]), r"^centre has tensors of shapes .* must be those of the parameters"),
    (lambda: FEW.delta, r"^groups = 2 are too few for an interval; must be at least 4, and should be 16; a batch is a group$"),
    (lambda: FEW.quantity("sigma"), r"^name = 'sigma' is not a quantity; there are grad2, .*, noise_scale$"),
    (lambda: ENOUGH.precise(0), r"^until = 0 must be a finite number above 0$"),
    (lambda: ENOUGH.precise(0.1, names=("sigma",)), r"^name = 'sigma' is not a quantity"),
    (lambda: add(names=("a", "b", "c")), r"^products are of other parameters"),
    (lambda: add(G=PRODUCTS.G[::-1]), r"^products are of other parameters"),
    (lambda: add(G_hat=(*PRODUCTS.G_hat[:2], PRODUCTS.G_hat[2] * float("inf"))), r"^products hold gradients that are not finite"),
    (lambda: add(G=(PRODUCTS.G[0] * float("nan"), *PRODUCTS.G[1:])), r"^products hold gradients that are not finite"),
)
