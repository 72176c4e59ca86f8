"""The rules that are compared: from draws to the ends of intervals for a quantity, ``(trials,)`` each, or None where they don't apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from tsla.empirics.moments.estimators.groups import FROM_BASICS, GroupSums
from tsla.empirics.moments.estimators.quantities import QUANTITIES, Quantity
from tsla.empirics.moments.estimators.spread import LEVEL, Spread, spread
from tsla.theory.constants import Array
from tsla.theory.moments import Moments

THETA = 0.3
RESAMPLES = 199

MEASURED: Mapping[str, Quantity] = {
    **QUANTITIES,
    "second_moment": Quantity(lambda m: m.second_moment(THETA)),
    "beyond": Quantity(lambda m: m.beyond(THETA)),
}
"""All are linear, or ratios of linear functions, so that their gradients are the same for all draws."""

Ends = tuple[Array, Array]
FORMS = {name: quantity.gradients(Moments(*[1.0] * 6)) @ FROM_BASICS for name, quantity in MEASURED.items()}


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws with what all rules need of them."""

    sums: GroupSums
    population: int | None
    basics: Array
    spread: Spread

    @classmethod
    def of(cls, sums: GroupSums, population: int | None = None) -> Draws:
        """Of ``sums``, drawn without replacement from ``population`` or else independently."""
        return cls(sums, population, sums.basics(population), spread(sums, population))


def value_of(name: str, basics: Array) -> Array:
    """The value of a quantity at basic means ``(..., 6)``."""
    return MEASURED[name].value(_functions(name, basics))


def _functions(name: str, basics: Array) -> Array:
    """The values of what the quantity is made of, ``(1 or 2, ...)``."""
    return np.moveaxis(basics @ FORMS[name].T, -1, 0)


def shifted(name: str, draws: Draws) -> Ends:
    """That of the estimators."""
    forms = np.broadcast_to(FORMS[name][:, None], (len(FORMS[name]), *draws.basics.shape))
    return MEASURED[name].interval(_functions(name, draws.basics), forms, draws.spread)[:2]


def unshifted(name: str, draws: Draws) -> Ends:
    """About the estimate itself: Student's interval with the jackknife's variance, or Fieller's."""
    return shifted(name, replace(draws, spread=replace(draws.spread, pairs=np.zeros_like(draws.spread.pairs))))


class _Skewed(Spread):
    """A spread whose shift counts the third cumulant of single groups too."""

    def shift(self, form: Array) -> Array:
        K, variance = self.single.shape[-2], self.of(form, form)
        cubes = (np.einsum("...ki,...i->...k", self.single, form) ** 3).sum(-1) * K**2 / ((K - 1) * (K - 2))
        moved = super().shift(form) + (2 * self.t**2 + 1) / 6 * cubes / variance
        return np.asarray(np.clip(moved, -np.sqrt(variance), np.sqrt(variance)))


def with_skewness(name: str, draws: Draws) -> Ends:
    """The same with the skewness of the groups (Johnson, 1978), which is estimated from as few as there are."""
    spread = draws.spread
    return shifted(name, replace(draws, spread=_Skewed(spread.covariance, spread.single, spread.pairs, spread.t)))


def normal(name: str, draws: Draws) -> Ends:
    """As unshifted, with the quantile of the normal distribution."""
    return unshifted(name, replace(draws, spread=replace(draws.spread, t=float(stats.norm.ppf((1 + LEVEL) / 2)))))


def unbiased_variance(name: str, draws: Draws) -> Ends | None:
    """Student's interval with the jackknife's variance less all of what it has too much, at most half; of linear functions."""
    if MEASURED[name].over is not None:
        return None
    form, K = FORMS[name][0], len(draws.sums.sizes)
    jackknife = draws.spread.of(form, form)
    pairs = np.einsum("a,...ajk->...jk", form[3:], draws.spread.pairs)
    error = np.sqrt(np.maximum(jackknife - 2 * K / (K - 3) * (pairs**2).sum((-2, -1)), jackknife / 2))
    value = draws.basics @ form
    return value - draws.spread.t * error, value + draws.spread.t * error


def jackknife(name: str, draws: Draws, scale: Callable[[Array], Array] = np.asarray, back: Callable[[Array], Array] = np.asarray) -> Ends:
    """Student's interval with the jackknife of the quantity itself, on a scale; everything where that is not finite."""
    K, rest = len(draws.sums.sizes), 1.0 if draws.population is None else 1 - draws.sums.examples / draws.population
    with np.errstate(all="ignore"):
        value, without = scale(value_of(name, draws.basics)), scale(value_of(name, draws.sums.basics_without_each(draws.population)))
        error = np.sqrt(rest * (K - 1) / K * ((without - without.mean(-1, keepdims=True)) ** 2).sum(-1))
        known = np.isfinite(value) & np.isfinite(error)
        reach = np.where(known, draws.spread.t * error, np.inf)
        value = np.where(known, value, 0)
        return back(value - reach), back(value + reach)


def log_jackknife(name: str, draws: Draws) -> Ends | None:
    """The same for logarithms, of what is never negative."""
    return None if name in ("c", "critical_batch", "beyond") else jackknife(name, draws, np.log, np.exp)


def bootstrap(name: str, draws: Draws) -> Ends:
    """The percentiles of resampled groups."""
    K, generator = len(draws.sums.sizes), np.random.default_rng(0)
    counts = generator.multinomial(K, np.full(K, 1 / K), size=RESAMPLES).astype(np.float64)
    squares = counts @ draws.sums.squares
    products = np.einsum("bj,...ajk,bk->...ba", counts, draws.sums.products, counts, optimize=True)
    again = GroupSums(draws.sums.sizes, squares[..., None, :], products[..., None, None])
    ends = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    low, high = np.percentile(value_of(name, again.basics(draws.population)), ends, axis=-1, method="inverted_cdf")
    return low, high


CHOSEN = "shifted"
RULES: Mapping[str, Callable[[str, Draws], Ends | None]] = {
    CHOSEN: shifted,
    "with skewness": with_skewness,
    "unshifted": unshifted,
    "normal": normal,
    "unbiased variance": unbiased_variance,
    "jackknife": jackknife,
    "log jackknife": log_jackknife,
    "bootstrap": bootstrap,
}
