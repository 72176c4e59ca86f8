"""A bound as a sum of named terms, which knows what it assumes and what would lower it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tsla.theory.constants import ROUNDING, Array
from tsla.theory.representable import UnrepresentableError
from tsla.theory.text import Json, Printed, extent, noted, number_up, wrapped

# A term is some ten rounded operations, each off by half an ulp: raised by this it is not below its exact value, and is a bound itself.
# Where an ulp is more than that, `product` has rounded up already.
ROUNDED_UP = 1 + 8 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False, repr=False)
class Bound(Printed):
    """An upper bound on ``quantity``, rounded up: ``terms`` are given as computed, and kept a relative 2e-15 larger.

    method:      the algorithm, as on the command line
    claim:       id in ``tsla.theory.claims``
    quantity:    what is bounded, in the notation of the paper
    terms:       name -> value; arrays that broadcast together, in the units of ``quantity``
    lowered_by:  name -> the changes that make this term smaller, each on its own: "a larger T, or a smaller eta; neither A nor B lowers it"
    assumes:     ids of the assumptions, A1 ... A4

    Raises UnrepresentableError where a term is not representable in float64: a bound is never silently infinite.
    """

    method: str
    claim: str
    quantity: str
    terms: Mapping[str, Array]
    lowered_by: Mapping[str, str]
    assumes: tuple[str, ...]

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):
            object.__setattr__(self, "terms", {name: np.asarray(value * ROUNDED_UP) for name, value in self.terms.items()})
            values = [(f"the {name} term", value) for name, value in self.terms.items()] + [("the sum of the terms", self.total)]
        for what, value in values:
            if not np.isfinite(value).all():
                raise UnrepresentableError(f"{what} of {self.claim} overflows float64 for these constants; rescale F")

    @property
    def total(self) -> Array:
        """The bound itself: the sum of its terms."""
        return np.asarray(sum(self.terms.values()))

    @property
    def dominant(self) -> str:
        """Name of the largest term, for scalar bounds."""
        return max(self.terms, key=lambda name: float(self.terms[name]))

    def json(self) -> Json:
        """``{"method", "claim", "quantity", "total", "terms", "assumes"}`` of a scalar bound; the terms add up to the total."""
        return {
            "method": self.method,
            "claim": self.claim,
            "quantity": self.quantity,
            "total": float(self.total),
            "terms": {name: float(value) for name, value in self.terms.items()},
            "assumes": list(self.assumes),
        }

    def table(self) -> str:
        """The total, then a row a term, largest first, with what would lower it, and of a scalar bound with its share."""
        single = self.total.ndim == 0
        rows = [
            [name, extent(value, number_up), self._share(value) if single else "", self._advice(name)]
            for name, value in sorted(self.terms.items(), key=lambda item: -float(np.max(item[1], initial=0)))
        ]
        head = f"{self.quantity} <= {extent(self.total, number_up)}   ({self.claim}; assumes {' '.join(self.assumes)})"
        tail = f"The {self.dominant} term dominates." if single else f"Smallest and largest of an array of shape {self.total.shape}."
        return f"{wrapped(head)}\n{noted(rows, right=frozenset({1, 2}))}\n  {tail}"

    def _share(self, value: Array) -> str:
        total = float(self.total)
        return f"{100 * (float(value) / total):.1f} %" if total > 0 else ""

    def _advice(self, name: str) -> str:
        return f"lowered by {self.lowered_by[name]}" if name in self.lowered_by else ""


def longer(step: Array, L: Array, *, steps: str = "more steps T", eta: str = "eta") -> str:
    """What lowers a term that falls with the length of a run; a larger step does too, where the steps are not the largest already, 1/L."""
    return steps if (step * L >= 1 - ROUNDING).all() else f"{steps}, or a larger {eta} up to 1/L"
