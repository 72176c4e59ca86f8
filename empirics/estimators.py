"""Gradient moments of a larger set from some of its examples: unbiased values, and intervals from the groups the examples came in.

The moments of m examples as a population of their own (:func:`empirics.moments.gradient_moments`) are biased for those of the set that
the examples were drawn from: there a mean over m stands in for ∇F. ``docs/estimators.md`` has the formulas and the measured coverage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import stats
from torch import Tensor
from torch.nn.functional import pad

from empirics.moments import GradientMoments
from empirics.per_example import GradientProducts
from empirics.per_example.products import rows_by_layer
from theory.constants import Array, real

SKETCH = 2**14
"""Entries of the sketch of a group's gradient."""
MAX_GROUPS = 128
"""Where there would be more, neighbours are joined: memory stays bounded, and Student's t has come close to the normal distribution."""
MIN_GROUPS = 16
"""How many groups an interval should rest on: from there on its coverage was measured to be near its level."""
LEVEL = 0.95

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

Function = Callable[[GradientMoments], float]


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
        pairs = pairs + (means - pairs) / population
    if along is not None:
        of_g, of_g_hat = np.moveaxis(along / count, -1, 0)
        pairs = np.stack((2 * of_g - centre2, pairs[..., 1], of_g + of_g_hat - centre2), axis=-1)
    return np.concatenate((means, pairs), axis=-1)


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


@dataclass(frozen=True)
class Quantity:
    """A function of the moments, or its ratio to another one that is never negative (``over``); kept within ``limits``."""

    function: Function
    over: Function | None = None
    limits: tuple[float, float] = (-np.inf, np.inf)

    @property
    def functions(self) -> tuple[Function, ...]:
        """One, or numerator and denominator."""
        return (self.function,) if self.over is None else (self.function, self.over)

    def value(self, values: Array) -> Array:
        """From the values of ``functions``, ``(1 or 2, ...)``."""
        return np.asarray(np.clip(values[0] if self.over is None else limit_ratio(values[0], values[1]), *self.limits))

    def interval(self, values: Array, forms: Array, spread: Spread) -> tuple[Array, Array, Array]:
        """``low, high, standard error``, from the values of ``functions`` and their gradients by the basic means, ``(1 or 2, ..., 6)``."""
        if self.over is None:
            low, high, error = linear_interval(values[0], forms[0], spread)
        else:
            low, high, error = ratio_interval(values, forms, spread)
        return np.clip(low, *self.limits), np.clip(high, *self.limits), error

    def at(self, moments: GradientMoments) -> float:
        """The value at these moments."""
        return float(self.value(np.array([function(moments) for function in self.functions])))

    def gradients(self, moments: GradientMoments) -> Array:
        """Of ``functions`` by the six moments, ``(1 or 2, 6)``: differences, exact up to rounding for linear ones."""
        step = 1e-4 * max(map(abs, astuple(moments))) or 1.0

        def slope(function: Function, name: str) -> float:
            up, down = (replace(moments, **{name: getattr(moments, name) + change}) for change in (step, -step))
            return (function(up) - function(down)) / (2 * step)

        return np.array([[slope(function, field.name) for field in fields(moments)] for function in self.functions])


QUANTITIES: Mapping[str, Quantity] = {
    "grad2": Quantity(lambda m: m.grad2),
    "s2": Quantity(lambda m: m.s2),
    "shat2": Quantity(lambda m: m.shat2),
    "c": Quantity(lambda m: m.c),
    "beta2": Quantity(lambda m: m.beta2),
    "nu2": Quantity(lambda m: m.nu2),
    "delta": Quantity(lambda m: m.shat2, over=lambda m: m.s2),
    "theta_star": Quantity(lambda m: m.s2 - m.c, over=lambda m: m.s2 + m.shat2 - 2 * m.c, limits=(0, 1)),
    "critical_batch": Quantity(lambda m: m.s2 - m.nu2, over=lambda m: m.beta2),
    "noise_scale": Quantity(lambda m: m.s2, over=lambda m: m.grad2),
}
"""The moments; δ (A3), θ* (C11) and ``B_c(1)`` (C14), where ``theory/`` accepts the values the same as there; and the noise scale
``s²/‖∇F‖²`` (McCandlish, Kaplan, Amodei et al., 2018)."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, which may be unbounded. A ratio is infinite where its divisor is estimated as 0 or less."""

    value: float
    low: float
    high: float
    standard_error: float

    @property
    def relative_half_width(self) -> float:
        """Half the width of the interval, divided by ``|value|``; infinite where the value is 0 and the interval is more than that."""
        if self.low == self.high:
            return 0.0
        return (self.high - self.low) / 2 / abs(self.value) if 0 < abs(self.value) < np.inf else np.inf


@dataclass(frozen=True, eq=False)
class Estimates:
    """Moments of the set that the examples were drawn from.

    moments:  unbiased values, not clipped: ``grad2`` and ``beta2`` may be negative where they are small beside their noise
    plug_in:  the moments of the examples as a population of their own; about the centre, where one was given
    groups:   K, on which the intervals rest
    """

    moments: GradientMoments
    plug_in: GradientMoments
    groups: int
    _spread: Spread | None
    _from_basics: Array

    def interval(self, function: Function, *, over: Function | None = None, limits: tuple[float, float] = (-np.inf, np.inf)) -> Estimate:
        """``function`` of the six moments, or its ratio to ``over``, which is never negative, within ``limits``, with a 95 % interval.

        Right for linear functions and for their ratios; others are taken for linear near the estimate. The functions are called with
        moments that may be negative. Raises ValueError for fewer than 4 groups, unless they are the whole population.
        """
        return self._estimate(Quantity(function, over, limits))

    def quantity(self, name: str) -> Estimate:
        """One of QUANTITIES, as by :meth:`interval`. Raises ValueError for another name."""
        if name not in QUANTITIES:
            raise ValueError(f"name = {name!r} is not a quantity; there are {', '.join(QUANTITIES)}")
        return self._estimate(QUANTITIES[name])

    @property
    def delta(self) -> Estimate:
        """``δ = ŝ²/s²`` (A3)."""
        return self.quantity("delta")

    @property
    def theta_star(self) -> Estimate:
        """θ* (C11), within [0, 1]."""
        return self.quantity("theta_star")

    @property
    def critical_batch(self) -> Estimate:
        """``B_c(1) = (s² - ν²)/β²`` (C14); unbounded where β² may be 0."""
        return self.quantity("critical_batch")

    @property
    def noise_scale(self) -> Estimate:
        """``s²/‖∇F‖²``, the batch size at which noise and gradient are of one size; unbounded where ∇F may be 0."""
        return self.quantity("noise_scale")

    def plug_in_errors(self) -> dict[str, float]:
        """Plug-in less unbiased value of each of QUANTITIES: the error of taking the mean over these examples for ∇F.

        For m independent draws those of the moments are ``s2/m, -s2/m, (s2-2c)/m, -c/m, (s2+nu2-2c)/m, -nu2/m``.
        """
        return {name: quantity.at(self.plug_in) - quantity.at(self.moments) for name, quantity in QUANTITIES.items()}

    def precise(self, until: float, names: Sequence[str] = ("delta", "theta_star")) -> bool:
        """Whether to stop drawing: each quantity is known to a relative half-width of ``until``, from MIN_GROUPS or the whole population.

        Raises ValueError for ``until`` not above 0, and for names that are no quantities.
        """
        limit = float(real("until", until, above=0))
        if self._spread is not EXACT and self.groups < MIN_GROUPS:
            return False
        return all(self.quantity(name).relative_half_width <= limit for name in names)

    def _estimate(self, quantity: Quantity) -> Estimate:
        if self._spread is None:
            raise ValueError(f"groups = {self.groups} are too few for an interval; must be at least 4, and should be {MIN_GROUPS}")
        values = np.array([function(self.moments) for function in quantity.functions])
        low, high, error = quantity.interval(values, quantity.gradients(self.moments) @ self._from_basics, self._spread)
        return Estimate(quantity.at(self.moments), float(low), float(high), float(error))


def estimates(sums: GroupSums, *, population: int | None = None, exact: GroupSums | None = None) -> Estimates:
    """Estimates from one draw, without leading dimensions. Where ``sums`` come from sketches, ``exact`` is all examples as one group."""
    whole, groups, matrix, constant = exact or sums, len(sums.sizes), FROM_BASICS.copy(), np.zeros(6)
    if sums.along is not None:  # ∇F is known
        matrix[0], constant[0] = 0, sums.centre2
    unbiased, plug_in = (GradientMoments(*(matrix @ b + constant).tolist()) for b in (whole.basics(population), whole.plug_in()))
    known = EXACT if population == sums.examples else spread(sums, population) if groups >= 4 else None
    return Estimates(unbiased, plug_in, groups, known, matrix)


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
    for networks of no more parameters than that. Values come from the sums; the sketches serve the intervals only. ``seed``: the signs'.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._names: tuple[str, ...] = ()
        self._signs: tuple[Tensor, ...] = ()
        self._sums: tuple[tuple[Tensor, ...], ...] = ()
        self._squares = torch.zeros(3, 0, dtype=torch.float64)  # of each parameter
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
            raise ValueError("products hold gradients that are not finite; must be finite (has the run diverged?)")
        for totals, means in zip(self._sums, (products.G, products.G_hat), strict=True):
            for total, mean in zip(totals, means, strict=True):
                total.add_(mean, alpha=group.size)
        self._squares += torch.stack((products.gg, products.hh, products.gh)).sum(2)
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
        if population is not None and (isinstance(population, bool) or not isinstance(population, int) or population < m):
            raise ValueError(f"population = {population!r} must be a whole number, at least the {m} examples that were added")
        if centre is not None and _shapes(centre) != _shapes(self._sums[0]):
            raise ValueError(f"centre has tensors of shapes {_shapes(centre)}; must be those of the parameters, {_shapes(self._sums[0])}")
        sums, exact = self._by_group(centre), self._as_one_group(centre)
        return estimates(sums, population=population, exact=exact)

    def layer_moments(self, *, population: int | None = None) -> dict[str, GradientMoments]:
        """Unbiased moments of each layer's own gradient, by its name; those of all layers add up to those of :meth:`estimates`."""

        def moments(rows: list[int]) -> GradientMoments:
            products = _products(*([tensors[row] for row in rows] for tensors in self._sums))
            means = basics(self.examples, self._squares[:, rows].sum(1).numpy(), products, population)
            return GradientMoments(*(FROM_BASICS @ means).tolist())

        return {layer: moments(rows) for layer, rows in rows_by_layer(self._names).items()}

    def _start(self, products: GradientProducts) -> None:
        generator = torch.Generator().manual_seed(self._seed)
        signs = (torch.randint(2, mean.shape, generator=generator, dtype=torch.int8) * 2 - 1 for mean in products.G)
        self._signs = tuple(sign.to(mean.device) for sign, mean in zip(signs, products.G, strict=True))
        self._sums = tuple(tuple(torch.zeros_like(mean, dtype=torch.float64) for mean in products.G) for _ in range(2))
        self._squares = torch.zeros(3, len(products.names), dtype=torch.float64)
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
