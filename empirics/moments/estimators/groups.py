"""Sums over groups of examples, and the unbiased means that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.constants import Array

# The moments (rows) from the basic means (columns): gg, hh, gh of single examples, and A, C, X for ‖∇F‖², ‖Eĝ‖², ⟨∇F, Eĝ⟩.
FROM_BASICS = np.array(
    [
        [0, 0, 0, 1, 0, 0],  # grad2
        [1, 0, 0, -1, 0, 0],  # s2
        [0, 1, 0, 1, 0, -2],  # shat2
        [0, 0, 1, 0, 0, -1],  # c
        [0, 0, 0, 1, 1, -2],  # beta2
        [0, 1, 0, 0, -1, 0],  # nu2
    ],
    dtype=np.float64,
)


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Sums over each of K groups of examples. Leading dimensions ``...`` are independent repetitions.

    sizes:     numbers of examples, ``(K,)``
    squares:   ``Σ‖g_i‖², Σ‖ĝ_i‖², Σ⟨g_i, ĝ_i⟩``, ``(..., K, 3)``
    products:  of the groups' sums of gradients ``⟨S_j, S_k⟩, ⟨Ŝ_j, Ŝ_k⟩, (⟨S_j, Ŝ_k⟩ + ⟨Ŝ_j, S_k⟩)/2``, ``(..., 3, K, K)``
    along:     ``⟨S_k, V⟩, ⟨Ŝ_k, V⟩`` with a centre ``V = ∇F`` that is known, ``(..., K, 2)``; else None
    centre2:   ``‖V‖²``
    """

    sizes: Array
    squares: Array
    products: Array
    along: Array | None = None
    centre2: float = 0.0

    @property
    def examples(self) -> int:
        """m, those of all groups."""
        return int(self.sizes.sum())

    def basics(self, population: int | None = None) -> Array:
        """The unbiased basic means, ``(..., 6)``; of draws without replacement from ``population``, or else of independent ones."""
        along = None if self.along is None else self.along.sum(-2)
        return basics(self.sizes.sum(), self.squares.sum(-2), self.products.sum((-2, -1)), population, along, self.centre2)

    def basics_without_each(self, population: int | None = None) -> Array:
        """The basic means of all groups but one, ``(..., K, 6)``."""
        rows, own = self.products.sum(-1), np.diagonal(self.products, axis1=-2, axis2=-1)
        products = np.moveaxis(rows.sum(-1, keepdims=True) - 2 * rows + own, -2, -1)
        squares = self.squares.sum(-2, keepdims=True) - self.squares
        along = None if self.along is None else self.along.sum(-2, keepdims=True) - self.along
        return basics(self.sizes.sum() - self.sizes, squares, products, population, along, self.centre2)

    def plug_in(self) -> Array:
        """The basic means of these examples as a population of their own, ``(..., 6)``; A and X as in :meth:`basics` about a centre."""
        m = self.sizes.sum()
        means = np.concatenate((self.squares.sum(-2) / m, self.products.sum((-2, -1)) / m**2), axis=-1)
        if self.along is not None:
            means[..., (3, 5)] = self.basics()[..., (3, 5)]
        return means


def basics(
    m: ArrayLike, squares: Array, products: Array, population: int | None = None, along: Array | None = None, centre2: float = 0.0
) -> Array:
    """From sums over ``m`` examples, ``(...)``, to their means, ``(..., 6)``; the sums as in :class:`GroupSums`, but of all groups.

    Products of different examples alone are unbiased for products of means (Hoeffding, 1948). Of the pairs in a population of M, drawn from
    without replacement, 1/M are of an example with itself. About a centre, ``gg - A`` is the mean of ``‖g - V‖²``, ``gh - X`` that of
    ``⟨g - V, ĝ - V⟩``.
    """
    count = np.asarray(m, dtype=np.float64)[..., None]
    means, pairs = squares / count, (products - squares) / (count * (count - 1))
    if population is not None:
        pairs = pairs + (means - pairs) / float(min(population, 10**300))
    if along is not None:
        of_g, of_g_hat = np.moveaxis(along / count, -1, 0)
        pairs = np.stack((2 * of_g - centre2, pairs[..., 1], of_g + of_g_hat - centre2), axis=-1)
    return np.concatenate((means, pairs), axis=-1)
