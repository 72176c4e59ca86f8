"""Per-example gradients that are made up, and what an accumulator makes of them, group by group, or NumPy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from tsla.empirics.moments.estimators import Accumulator
from tsla.empirics.moments.estimators.groups import GroupSums
from tsla.empirics.moments.per_example import GradientProducts
from tsla.theory.constants import Array

Shapes = tuple[tuple[int, ...], ...]
SHAPES: Shapes = ((2, 3), (4,), ())  # of the parameters: 11 entries
P = 11
UNEQUAL = (3, 5, 2, 4, 4, 1)  # sizes of groups


def population(n: int, seed: int = 0) -> tuple[Array, Array]:
    """``g_i`` and ``ĝ_i`` as rows, ``(n, P)``: correlated, and with means that are small beside the noise."""
    noise = np.random.default_rng(seed).normal(size=(2, n, P)) * np.linspace(0.3, 2, P)
    return noise[0] + 0.3, 0.5 * noise[0] + 0.5 * noise[1] - 0.2


def products_of(g: Array, g_hat: Array, shapes: Shapes = SHAPES) -> GradientProducts:
    """What is measured of examples whose gradients are these rows."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    pieces, pieces_hat = (np.split(matrix, ends, axis=1) for matrix in (g, g_hat))

    def inner(a: list[Array], b: list[Array]) -> torch.Tensor:
        return torch.from_numpy(np.stack([(x * y).sum(1) for x, y in zip(a, b, strict=True)]))

    means, means_hat = (
        tuple(torch.from_numpy(piece.mean(0)).reshape(shape) for piece, shape in zip(some, shapes, strict=True))
        for some in (pieces, pieces_hat)
    )
    names = tuple(f"layer.{i}" for i in range(len(shapes)))
    return GradientProducts(names, inner(pieces, pieces), inner(pieces_hat, pieces_hat), inner(pieces, pieces_hat), means, means_hat)


def accumulated(g: Array, g_hat: Array, sizes: Iterable[int], shapes: Shapes = SHAPES) -> Accumulator:
    sums, start = Accumulator(), 0
    for size in sizes:
        sums.add(products_of(g[start : start + size], g_hat[start : start + size], shapes))
        start += size
    assert start == len(g)
    return sums


def group_sums(g: Array, g_hat: Array, sizes: Iterable[int], centre: Array | None = None) -> GroupSums:
    counts = np.array(list(sizes))
    starts = np.cumsum(counts) - counts
    S, S_hat = np.add.reduceat(g, starts), np.add.reduceat(g_hat, starts)
    squares = np.add.reduceat(np.stack([(g * g).sum(1), (g_hat * g_hat).sum(1), (g * g_hat).sum(1)], axis=1), starts)
    cross = S @ S_hat.T
    products = np.stack((S @ S.T, S_hat @ S_hat.T, (cross + cross.T) / 2))
    along = None if centre is None else np.stack((S @ centre, S_hat @ centre), axis=1)
    return GroupSums(counts.astype(float), squares, products, along, 0.0 if centre is None else float(centre @ centre))
