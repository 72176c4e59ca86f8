"""What is kept of groups of gradients, in sketches and in few groups, gives the estimates of all of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch

from tests.empirics.moments.draws import UNEQUAL, P, accumulated, group_sums, population, products_of
from tsla.empirics.moments.estimators import QUANTITIES, Accumulator, Estimates, accumulator, estimates
from tsla.empirics.moments.estimators.accumulator import folded
from tsla.theory.testing.planted import assert_rejects


def agree(found: Estimates, expected: Estimates, rel: float = 1e-6) -> None:
    for name in QUANTITIES:
        assert astuple(found.quantity(name)) == pytest.approx(astuple(expected.quantity(name)), rel=rel)


def test_short_vectors_are_sketched_exactly() -> None:
    g, g_hat = population(48)
    kept, explicit = accumulated(g, g_hat, (*UNEQUAL, 29)), group_sums(g, g_hat, (*UNEQUAL, 29))
    agree(kept.estimates(population=99), estimates(explicit, population=99))


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
