"""Groups of examples taken in one at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from tsla.empirics.moments.estimators.estimate import Estimates, estimates
from tsla.empirics.moments.estimators.groups import FROM_BASICS, GroupSums, basics
from tsla.empirics.moments.per_example import GradientProducts
from tsla.empirics.moments.per_example.totals import is_lost, refuse_lost, rows_by_layer
from tsla.theory.constants import Array, whole
from tsla.theory.moments import Moments

SKETCH = 2**14
"""Entries of the sketch of a group's gradient."""
MAX_GROUPS = 128
"""Where there would be more, neighbours are joined: memory stays bounded, and Student's t has come close to the normal distribution."""


@dataclass(frozen=True, eq=False)
class _Group:
    """What is kept of a group: its share of :class:`GroupSums`, with sketches ``(2, entries)`` in place of the vectors."""

    size: int
    squares: Array
    own: Array  # ‖S‖², ‖Ŝ‖², ⟨S, Ŝ⟩, exact
    sketches: Array

    def joined(self, other: _Group) -> _Group:
        g, g_hat = self.sketches @ other.sketches.T
        between = np.array([2 * g[0], 2 * g_hat[1], g[1] + g_hat[0]])
        return _Group(self.size + other.size, self.squares + other.squares, self.own + other.own + between, self.sketches + other.sketches)


class Accumulator:
    """Takes in groups of examples one at a time, and estimates the moments of the set that they come from.

    It keeps the sums of the gradients, two float64 tensors a parameter, and of up to MAX_GROUPS groups a sketch of theirs: the vector times
    random signs, folded into SKETCH entries (after Charikar, Chen and Farach-Colton, 2002). Their inner products are unbiased, and exact
    for networks of no more parameters than that. Values come from the sums; the sketches serve the intervals only.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._signs: tuple[Tensor, ...] = ()
        self._sums: tuple[tuple[Tensor, ...], ...] = ()
        self._squares = torch.zeros(3, 0, dtype=torch.float64)  # of each parameter
        self._longest = torch.zeros(0, dtype=torch.float64)
        self._kinds: tuple[torch.dtype, ...] = ()
        self._groups: list[_Group] = []
        self._calls_per_group, self._calls_in_last = 1, 1

    def add(self, products: GradientProducts) -> None:
        """Add a group of examples, such as a batch of a DataLoader. Intervals are best for groups of one size.

        Raises ValueError for parameters other than those of the first group, and for gradients that are not finite.
        """
        if not self._groups:
            self._start(products)
        elif products.names != self._names or _shapes(products.G) != _shapes(self._sums[0]):
            raise ValueError("products are of other parameters than those of the first group; use a new Accumulator for another network")
        group = self._group(products)
        if not np.isfinite(group.squares).all() or not np.isfinite(group.sketches).all():
            refuse_lost(products.longest, products.G)  # where the gradients are finite, and their squares are not
            raise ValueError("products hold gradients that are not finite; must be finite (has the run diverged?)")
        for totals, means in zip(self._sums, (products.G, products.G_hat), strict=True):
            for total, mean in zip(totals, means, strict=True):
                total.add_(mean, alpha=group.size)
        self._squares += torch.stack((products.gg, products.hh, products.gh)).sum(2)
        self._longest = torch.maximum(self._longest, products.longest_of_each)
        self._take_in(group)

    @property
    def examples(self) -> int:
        """How many were added."""
        return sum(group.size for group in self._groups)

    @property
    def silent(self) -> bool:
        """Whether every ĝ so far is exactly 0."""
        return not self._squares[1].any()

    def estimates(self, *, population: int | None = None, centre: Sequence[Tensor] | None = None) -> Estimates:
        """Estimates from all groups so far.

        population:  M, where the examples were drawn from M without replacement; by default the draws are independent
        centre:      ∇F where it is known, shaped like the parameters: ``grad2`` is then exact, and the others are about it

        Raises ValueError for fewer than 2 examples, for a population of fewer than were added, and for a centre of other shapes.
        """
        m = self.examples
        if m < 2:
            raise ValueError(f"examples = {m} are too few for a variance; must be at least 2")
        if population is not None:
            whole("population", population, at_least=m)
        if centre is not None and _shapes(centre) != _shapes(self._sums[0]):
            raise ValueError(f"centre has tensors of shapes {_shapes(centre)}; must be those of the parameters, {_shapes(self._sums[0])}")
        sums, exact = self._by_group(centre), self._as_one_group(centre)
        return estimates(sums, population=population, exact=exact)

    def layer_moments(self, *, population: int | None = None) -> dict[str, Moments]:
        """Unbiased moments of each layer's own gradient, by its name; those of all layers add up to those of :meth:`estimates`.

        A layer is left out whose gradients are so short that their type does not hold their squares: nothing is known of them.
        """

        def moments(rows: list[int]) -> Moments:
            products = _products(*([tensors[row] for row in rows] for tensors in self._sums))
            means = basics(self.examples, self._squares[:, rows].sum(1).numpy(), products, population)
            return Moments(*(FROM_BASICS @ means).tolist())

        return {layer: moments(rows) for layer, rows in rows_by_layer(self._names).items() if not self._lost(rows)}

    def _lost(self, rows: list[int]) -> bool:
        """Whether the squares of these parameters' gradients are lost."""
        return is_lost(float(self._longest[rows].max()), self._kinds[rows[0]], [self._sums[0][row] for row in rows])

    def _start(self, products: GradientProducts) -> None:
        generator = torch.Generator().manual_seed(0)
        signs = (torch.randint(2, mean.shape, generator=generator, dtype=torch.int8) * 2 - 1 for mean in products.G)
        self._signs = tuple(sign.to(mean.device) for sign, mean in zip(signs, products.G, strict=True))
        self._sums = tuple(tuple(torch.zeros_like(mean, dtype=torch.float64) for mean in products.G) for _ in range(2))
        self._squares = torch.zeros(3, len(products.names), dtype=torch.float64)
        self._longest = torch.zeros(len(products.names), dtype=torch.float64)
        self._kinds = tuple(mean.dtype for mean in products.G)
        self._names = products.names

    def _group(self, products: GradientProducts) -> _Group:
        n, means = products.gg.shape[1], (products.G, products.G_hat)
        squares = torch.stack((products.gg, products.hh, products.gh)).sum((1, 2)).numpy()
        return _Group(n, squares, n**2 * _products(*means), n * np.stack([self._sketch(mean) for mean in means]))

    def _sketch(self, tensors: Sequence[Tensor]) -> Array:
        entries, start = sum(tensor.numel() for tensor in tensors), 0
        sketch = torch.zeros(min(entries, SKETCH), dtype=torch.float64)
        for tensor, sign in zip(tensors, self._signs, strict=True):
            sketch += folded((tensor * sign).flatten(), len(sketch), start).cpu()
            start += tensor.numel()
        return np.asarray(sketch.numpy())

    def _take_in(self, group: _Group) -> None:
        if self._groups and self._calls_in_last < self._calls_per_group:
            self._groups[-1] = self._groups[-1].joined(group)
            self._calls_in_last += 1
            return
        if len(self._groups) == MAX_GROUPS:
            self._groups = [a.joined(b) for a, b in zip(self._groups[::2], self._groups[1::2], strict=True)]
            self._calls_per_group *= 2
        self._groups.append(group)
        self._calls_in_last = 1

    def _by_group(self, centre: Sequence[Tensor] | None) -> GroupSums:
        sketches = np.stack([group.sketches for group in self._groups])
        g, g_hat = np.moveaxis(sketches, 1, 0)
        cross = g @ g_hat.T
        products = np.stack((g @ g.T, g_hat @ g_hat.T, (cross + cross.T) / 2))
        for matrix, own in zip(products, np.stack([group.own for group in self._groups], axis=1), strict=True):
            np.fill_diagonal(matrix, own)
        along = None if centre is None else sketches @ self._sketch(_on_device_of(self._sums[0], centre))
        sizes, squares = np.array([float(group.size) for group in self._groups]), np.stack([group.squares for group in self._groups])
        return GroupSums(sizes, squares, products, along, _centre2(centre))

    def _as_one_group(self, centre: Sequence[Tensor] | None) -> GroupSums:
        size, squares = (sum(group.size for group in self._groups), sum(group.squares for group in self._groups))
        along = None
        if centre is not None:
            along = np.array([[_inner(total, _on_device_of(total, centre)) for total in self._sums]])
        products = _products(*self._sums).reshape(3, 1, 1)
        return GroupSums(np.array([float(size)]), np.reshape(squares, (1, 3)), products, along, _centre2(centre))


def folded(vectors: Tensor, entries: int, start: int = 0) -> Tensor:
    """Sums over blocks of ``entries`` of vectors ``(..., p)``, ``(..., entries)``, float64; ``start``: where in a block they begin."""
    blocks = pad(vectors, (start % entries, -(start + vectors.shape[-1]) % entries))
    return blocks.view(*vectors.shape[:-1], -1, entries).sum(-2, dtype=torch.float64)


def _shapes(tensors: Sequence[Tensor]) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in tensors]


def _on_device_of(tensors: Sequence[Tensor], given: Sequence[Tensor]) -> list[Tensor]:
    return [there.detach().to(here.device) for here, there in zip(tensors, given, strict=True)]


def _centre2(centre: Sequence[Tensor] | None) -> float:
    return 0.0 if centre is None else _inner(centre, centre)


def _inner(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """Of vectors in pieces, summed in float64."""
    return sum(float((x.double() * y.double()).sum()) for x, y in zip(a, b, strict=True))


def _products(a: Sequence[Tensor], b: Sequence[Tensor]) -> Array:
    return np.array([_inner(a, a), _inner(b, b), _inner(a, b)])
