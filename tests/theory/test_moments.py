"""The six moments: of a finite population by their definitions, and where they say nothing."""

from __future__ import annotations

import re
from dataclasses import astuple

import numpy as np
import pytest
from numpy.random import default_rng

from tests.theory.population import by_definition
from tsla.theory.constants import Array
from tsla.theory.moments import Moments
from tsla.theory.representable import UnrepresentableError


def from_means(g: Array, g_hat: Array) -> Moments:
    G, H = g.mean(0), g_hat.mean(0)
    squares = ((a * b).sum(1).mean() for a, b in ((g, g), (g_hat, g_hat), (g, g_hat)))
    return Moments.from_means(*map(float, squares), GG=float(G @ G), HH=float(H @ H), GH=float(G @ H))


@pytest.mark.parametrize("seed", range(3))
def test_of_a_population(seed: int) -> None:
    g, g_hat = default_rng(seed).normal(size=(2, 7, 4)) + 0.5
    assert astuple(from_means(g, g_hat)) == pytest.approx(by_definition(g, g_hat), rel=1e-12)


def test_rounding_leaves_no_moment_where_none_can_be() -> None:
    same = from_means(np.full((3, 2), 0.1), np.full((3, 2), 0.3))  # all examples are one
    assert (same.s2, same.c) == (0, 0)
    assert same.beta2 == pytest.approx(0.08, rel=1e-12)
    assert same.nu2 == pytest.approx(0, abs=1e-15)
    low = Moments.from_means(gg=1.0, hh=1.0, gh=-3.0, GG=1.5, HH=9.0, GH=0.5)  # of no population
    assert (low.s2, low.c) == (0, 0)
    assert (low.shat2, low.beta2, low.nu2) == (1.5, 1.5, 0)
    assert Moments.from_means(gg=2.0, hh=2.0, gh=9.0, GG=1.0, HH=1.0, GH=1.0).c == 1  # Cauchy-Schwarz
    assert Moments.from_means(gg=2.0, hh=2.0, gh=-9.0, GG=1.0, HH=1.0, GH=1.0).c == -1
    assert Moments.from_means(gg=2.0, hh=0.5, gh=0.0, GG=1.0, HH=0.25, GH=2.0).shat2 == 0


def test_delta_where_there_is_no_variance() -> None:
    found = Moments.of(s2=[0.0, 2.0, 4.0], shat2=[1.0, 1.0, 0.0], c=0.0).delta
    assert np.asarray(found).tolist() == [np.inf, 0.5, 0.0]
    assert Moments.of(s2=0.0, shat2=0.0, c=0.0).delta == np.inf


def test_a_delta_that_overflows_is_no_infinity() -> None:
    found = Moments(grad2=1, s2=1e-300, shat2=1e300, c=0, beta2=1e300, nu2=0)
    with pytest.raises(UnrepresentableError, match=r"^delta = shat2/s2 overflows float64"):
        _ = found.delta
    assert re.search("delta +overflows", str(found))


@pytest.mark.parametrize("theta", [1e-200, 1e-17, 1e-3])
def test_what_a_small_theta_gains_does_not_cancel(theta: float) -> None:
    found = Moments(grad2=1, s2=1.0, shat2=1.5, c=0.25, beta2=1.0, nu2=0.5)
    assert found.gain(theta) == pytest.approx(theta * (1.5 - theta), rel=1e-14)
    assert found.critical_batch_size(theta) == pytest.approx((1.5 - theta) / theta, rel=1e-14)


def test_a_theta_whose_square_vanishes() -> None:
    found = Moments(grad2=1.0, s2=1e296, shat2=3e296, c=-1e294, beta2=1e296, nu2=2e296)
    assert found.beyond(1e-162) == pytest.approx(2e-28 - 2e132, rel=1e-14)
    alone = Moments(grad2=1e296, s2=1e296, shat2=3e296, c=0.0, beta2=1e296, nu2=2e296)
    assert alone.beyond(1e-200) == pytest.approx(2e-104, rel=1e-14, abs=0)
    same = Moments(grad2=1.0, s2=1.0, shat2=3.0, c=1.0, beta2=1.0, nu2=2.0)  # N(θ) = s² + θ²
    assert same.critical_batch_size(5e-324) == pytest.approx(-1, rel=1e-14)
    louder = Moments(grad2=1.0, s2=0.0, shat2=1e-5, c=0.0, beta2=1e-158, nu2=1e-5)
    assert louder.critical_batch_size(5e-324, eta_L=1e-5) == pytest.approx(-1e148, rel=1e-14)


def test_whole_numbers_of_numpy_are_whole() -> None:
    found = Moments(grad2=1, s2=1, shat2=1, c=0, beta2=0.5, nu2=0.5)
    assert found.at_batch_size(np.int64(16)) == found.at_batch_size(16)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"B = 1000.* must be a whole number, at least 1 and at most"):
        found.at_batch_size(10**400)


def test_there_is_nothing_to_smooth_where_g_and_its_partner_are_one_but_for_rounding() -> None:
    s2 = np.array([1.0, 1e6])
    assert np.asarray(Moments.of(s2=s2, shat2=s2, c=s2 * (1 - 2.0**-53)).theta_star).tolist() == [0, 0]
    assert np.asarray(Moments.of(s2=s2, shat2=s2, c=s2 * (1 - 2.0**-40)).theta_star) == pytest.approx(0.5)
