"""How the unbiased means vary from draw to draw, by the groups that the examples came in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from tsla.empirics.moments.estimators.groups import GroupSums
from tsla.theory.constants import Array

LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Spread:
    """How the basic means vary from draw to draw, to second order in the deviations of K groups; ``...`` as in :class:`GroupSums`.

    covariance:  of the basic means, ``(..., 6, 6)``
    single:      what each group contributes to their errors, ``(..., K, 6)``
    pairs:       what each pair of groups contributes to the errors of A, C, X beyond that, ``(..., 3, K, K)``, zero on the diagonal
    t:           Student's quantile for K - 1 degrees of freedom
    """

    covariance: Array
    single: Array
    pairs: Array
    t: float

    def of(self, left: Array, right: Array) -> Array:
        """Covariance, ``(...)``, of two functions of the basic means, from their gradients, ``(..., 6)``."""
        return np.asarray(np.einsum("...i,...ij,...j->...", left, self.covariance, right))

    def shift(self, form: Array) -> Array:
        """How far the middle of an interval belongs above the estimate, ``(...)``, for a function with this gradient, ``(..., 6)``.

        An estimate of ``‖∇F‖²`` that comes out low also makes its error look small, so that intervals about it miss on one side. With κ₁
        for the sum of single·single·pair over pairs, and κ₂ for that of pair·pair·pair over triples, the Cornish-Fisher expansion of the
        Studentised estimate moves both ends by ``[(t²+1)κ₁ - (4/3)(t²+2)κ₂]/variance`` (``docs/estimators.md``); here at most by one
        standard error. The third cumulant of single groups is left out: from so few groups it is mostly noise.
        """
        K, variance = self.single.shape[-2], self.of(form, form)
        single = np.einsum("...ki,...i->...k", self.single, form)
        pair = np.einsum("...a,...ajk->...jk", form[..., 3:], self.pairs)
        kappa1 = np.einsum("...j,...jk,...k->...", single, pair, single) * K / (K - 1)
        kappa2 = np.einsum("...jk,...jk->...", pair @ pair, pair) * K**2 / ((K - 1) * (K - 2))
        moved = (self.t**2 + 1) * kappa1 - 4 / 3 * (self.t**2 + 2) * kappa2
        error = np.sqrt(variance)
        return np.asarray(np.clip(moved / np.where(variance > 0, variance, 1.0), -error, error))


EXACT = Spread(np.zeros((6, 6)), np.zeros((4, 6)), np.zeros((3, 4, 4)), 0.0)
"""Where the whole population was drawn, nothing varies."""


def spread(sums: GroupSums, population: int | None = None) -> Spread:
    """How the basic means of ``sums``, of at least 4 groups, vary: by leaving out each group (Busing, Meijer and van der Leeden, 1999).

    This jackknife counts the part of the variance that is quadratic in the deviations twice (Efron and Stein, 1981); an unbiased variance
    was measured to make intervals too short. Draws without replacement from ``population`` vary less by ``1 - m/M``.
    """
    K, rest = len(sums.sizes), 1.0 if population is None else 1 - sums.examples / population
    shares = (sums.sizes / sums.sizes.sum())[:, None]
    pseudo_values = (sums.basics(population)[..., None, :] - (1 - shares) * sums.basics_without_each(population)) / shares
    deviations = pseudo_values - (shares * pseudo_values).sum(-2, keepdims=True)
    weighted = np.sqrt(rest / K * shares / (1 - shares)) * deviations
    t = float(stats.t.ppf((1 + LEVEL) / 2, K - 1))
    return Spread(np.swapaxes(weighted, -1, -2) @ weighted, np.sqrt(rest) * shares * deviations, rest * _pairs(sums), t)


def _pairs(sums: GroupSums) -> Array:
    """Products of the groups' mean gradients, centred without the diagonal (Székely and Rizzo, 2014) and weighted by size."""
    K, shares = len(sums.sizes), sums.sizes / sums.sizes.sum()
    apart = ~np.eye(K, dtype=bool)
    products = sums.products / np.outer(sums.sizes, sums.sizes) * apart
    if sums.along is not None:  # A and X are then means of single examples
        products[..., (0, 2), :, :] = 0
    rows = products.sum(-1, keepdims=True)
    centred = products - (rows + np.swapaxes(rows, -1, -2)) / (K - 2) + rows.sum(-2, keepdims=True) / ((K - 1) * (K - 2))
    return np.asarray(centred * np.outer(shares, shares) * apart)
