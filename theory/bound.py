"""A bound as a sum of named terms, which knows what it assumes and what would lower it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from theory.constants import Array


@dataclass(frozen=True, eq=False)
class Bound:
    """An upper bound on ``quantity``.

    method:      the algorithm, as on the command line
    claim:       id in ``theory.claims``
    quantity:    what is bounded, in the notation of the paper
    terms:       name -> value; arrays that broadcast together, in the units of ``quantity``
    lowered_by:  name -> the change of the run that makes this term smaller
    assumes:     ids of the assumptions, A1 ... A4

    Raises ValueError where a term is not representable in float64: a bound is never silently infinite.
    """

    method: str
    claim: str
    quantity: str
    terms: Mapping[str, Array]
    lowered_by: Mapping[str, str]
    assumes: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, value in self.terms.items():
            if not np.isfinite(value).all():
                raise ValueError(f"the {name} term of {self.claim} overflows float64 for these constants; rescale F")

    @property
    def total(self) -> Array:
        """The bound itself: the sum of its terms."""
        return np.asarray(sum(self.terms.values()))

    @property
    def dominant(self) -> str:
        """Name of the largest term, for scalar bounds."""
        return max(self.terms, key=lambda name: float(self.terms[name]))
