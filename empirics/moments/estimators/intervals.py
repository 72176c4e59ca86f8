"""The ends of an interval for a linear function of the means, and for a ratio of two."""

from __future__ import annotations

import numpy as np

from tsla.empirics.moments.estimators.spread import Spread
from tsla.theory.constants import Array


def linear_interval(value: Array, form: Array, spread: Spread) -> tuple[Array, Array, Array]:
    """``low, high, standard error``, ``(...)``, of a function of the basic means with this ``value`` and gradient, ``(..., 6)``."""
    error, middle = np.sqrt(spread.of(form, form)), value + spread.shift(form)
    return middle - spread.t * error, middle + spread.t * error, error


def ratio_interval(values: Array, forms: Array, spread: Spread) -> tuple[Array, Array, Array]:
    """``low, high, standard error``, ``(...)``, of ``p/q``, from p and ``q >= 0``, ``(2, ...)``, and their gradients, ``(2, ..., 6)``.

    Fieller's (1954): the ratios ρ with ``|p - ρq| <= t·error(p - ρq)``; unbounded where q may be 0. Before that, p and q are moved by what
    :meth:`Spread.shift` says of ``p - ρq`` at the estimated ρ, along the regression on it.
    """
    p, q = values[0], np.maximum(values[1], 0)
    vpp, vpq, vqq = (spread.of(forms[i], forms[j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    ratio, certain = limit_ratio(p, q), (vqq == 0) & ((vpp == 0) | (q == 0))
    contrast = _contrast(values, forms)
    with np.errstate(all="ignore"):  # of ratios that are infinite
        error = np.where(q > 0, np.sqrt(np.maximum(vpp - 2 * ratio * vpq + ratio**2 * vqq, 0)) / q, np.inf)
        moved = np.nan_to_num(spread.shift(contrast) / spread.of(contrast, contrast))
    p, q = p + moved * spread.of(forms[0], contrast), np.maximum(q + moved * spread.of(forms[1], contrast), 0)
    low, high = _fieller(p, q, spread.t**2 * np.stack((vpp, vpq, vqq)))
    return np.where(certain, ratio, low), np.where(certain, ratio, high), np.where(certain, 0.0, error)


def _contrast(values: Array, forms: Array) -> Array:
    """Gradient of ``p - ρq`` at the estimated ρ; of ``-q`` where that is infinite."""
    finite = values[1] > 0
    ratio = np.where(finite, limit_ratio(values[0], values[1]), 0.0)[..., None]
    return np.asarray(np.where(finite[..., None], forms[0] - ratio * forms[1], -forms[1]))


def _fieller(p: Array, q: Array, reach: Array) -> tuple[Array, Array]:
    """Ends of the ρ with ``(p - ρq)² <= reach_pp - 2ρ reach_pq + ρ² reach_qq`` that go with a positive q."""
    a, b, c = q**2 - reach[2], p * q - reach[1], p**2 - reach[0]  # aρ² - 2bρ + c <= 0
    a = np.where(a == 0, -0.0, a)  # the limit from below, where one end is infinite
    larger = b + np.copysign(np.sqrt(np.maximum(b**2 - a * c, 0)), b)  # without cancellation
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.sort(np.stack((larger / a, np.where(larger == 0, 0.0, c / larger))), axis=0)
    unbounded, everything = a <= 0, (a <= 0) & (b**2 <= a * c)
    at_zero = p * reach[2] - q * reach[1]  # has the sign that p has where q is 0
    low = np.where(unbounded, np.where(everything | (at_zero < 0), -np.inf, ends[1]), ends[0])
    high = np.where(unbounded, np.where(everything | (at_zero > 0), np.inf, ends[0]), ends[1])
    return np.asarray(low), np.asarray(high)


def limit_ratio(p: Array, q: Array) -> Array:
    """``p/q``, and its limit where q is 0 or, by chance, less: infinite with the sign of p, 0 for 0."""
    limit = np.where(p > 0, np.inf, np.where(p < 0, -np.inf, 0.0))
    return np.asarray(np.where(q > 0, p / np.where(q > 0, q, 1.0), limit))
