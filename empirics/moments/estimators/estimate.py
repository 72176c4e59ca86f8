"""Values with intervals, from one draw of groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tsla.empirics.moments.estimators.groups import FROM_BASICS, GroupSums
from tsla.empirics.moments.estimators.quantities import QUANTITIES, Function, Quantity
from tsla.empirics.moments.estimators.spread import EXACT, Spread, spread
from tsla.empirics.statistics.intervals import IntervalOf
from tsla.theory.constants import Array, single
from tsla.theory.moments import MEANING, Moments
from tsla.theory.text import Printed, aligned, number

MIN_GROUPS = 16
"""How many groups an interval should rest on: from there on its coverage was measured to be near its level."""


@dataclass(frozen=True)
class Estimate(IntervalOf[float]):
    """An estimate with its 95 % interval, which may be unbounded. A ratio is infinite where its divisor is estimated as 0 or less."""

    standard_error: float

    def __repr__(self) -> str:
        return f"{self}, 95 % interval"

    @property
    def relative_half_width(self) -> float:
        """Half the width of the interval, divided by ``|estimate|``; infinite where that is 0 and the interval is more than that."""
        if self.low == self.high:
            return 0.0
        return (self.high - self.low) / 2 / abs(self.estimate) if 0 < abs(self.estimate) < np.inf else np.inf


@dataclass(frozen=True, eq=False, repr=False)
class Estimates(Printed):
    """Moments of the set that the examples were drawn from.

    moments:  unbiased values, not clipped: ``grad2`` and ``beta2`` may be negative where they are small beside their noise
    plug_in:  the moments of the examples as a population of their own; about the centre, where one was given
    groups:   K, on which the intervals rest
    """

    moments: Moments
    plug_in: Moments = field(repr=False)
    groups: int
    _spread: Spread | None = field(repr=False)  # arrays of hundreds of numbers
    _from_basics: Array = field(repr=False)

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

    def table(self) -> str:
        """A row a moment, with its interval where there are groups enough for one, and with what it is."""
        few = self._spread is None
        said = {name: number(getattr(self.moments, name)) if few else str(self.quantity(name)) for name in MEANING}
        head = f"moments, from {self.groups} batches" if few else f"moments with 95 % intervals, from {self.groups} batches"
        return f"{head}\n{aligned([[name, said[name], what] for name, what in MEANING.items()])}"

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
        limit = single("until", until, above=0)
        if self._spread is not EXACT and self.groups < MIN_GROUPS:
            return False
        return all(self.quantity(name).relative_half_width <= limit for name in names)

    def _estimate(self, quantity: Quantity) -> Estimate:
        if self._spread is None:
            raise ValueError(
                f"groups = {self.groups} are too few for an interval; must be at least 4, and should be {MIN_GROUPS}; a batch is a group"
            )
        values = np.array([function(self.moments) for function in quantity.functions])
        low, high, error = quantity.interval(values, quantity.gradients(self.moments) @ self._from_basics, self._spread)
        return Estimate(quantity.at(self.moments), float(low), float(high), float(error))


def estimates(sums: GroupSums, *, population: int | None = None, exact: GroupSums | None = None) -> Estimates:
    """Estimates from one draw, without leading dimensions. Where ``sums`` come from sketches, ``exact`` is all examples as one group."""
    whole, groups, matrix, constant = exact or sums, len(sums.sizes), FROM_BASICS.copy(), np.zeros(6)
    if sums.along is not None:  # ∇F is known
        matrix[0], constant[0] = 0, sums.centre2
    unbiased, plug_in = (Moments(*(matrix @ b + constant).tolist()) for b in (whole.basics(population), whole.plug_in()))
    known = EXACT if population == sums.examples else spread(sums, population) if groups >= 4 else None
    return Estimates(unbiased, plug_in, groups, known, matrix)
