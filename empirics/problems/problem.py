"""A test problem: an objective whose constants ``L``, ``μ`` and ``F*`` are proved, not estimated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from theory.constants import Array, Constants


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """An objective ``F`` on ``R^d`` with what the theorems assume about it. Raises ValueError if the fields don't fit together.

    name:        the name of the module that makes it
    dimension:   d
    L:           Lipschitz constant of the gradient (A1); the smallest one, or close to it
    mu:          PL constant (A4), ``0 < mu <= L``; None where there is none
    refutes_pl:  where ``mu`` is None, and only there: maps any ``mu > 0`` to a point, shape (d,), at which A4 fails with it
    minimum:     ``F* = inf F``
    minimiser:   a point where ``F = F*``, shape (d,)
    start:       the ``w_0`` that runs use unless told otherwise, shape (d,)
    value:       ``F``, shapes (..., d) -> (...)
    gradient:    ``∇F``, shapes (..., d) -> (..., d), always a new array
    """

    name: str
    dimension: int
    L: float
    mu: float | None
    minimum: float
    minimiser: Array
    start: Array
    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    refutes_pl: Callable[[float], Array] | None = None

    def __post_init__(self) -> None:
        for name in ("minimiser", "start"):
            shape = np.shape(getattr(self, name))
            if shape != (self.dimension,):
                raise ValueError(f"{name} has shape {shape}; a problem of dimension {self.dimension} needs ({self.dimension},)")
        Constants(L=self.L, sigma2=0, F0=1, mu=self.mu)  # the checks of A1 and A4; sigma2 and F0 don't matter to them
        if (self.mu is None) == (self.refutes_pl is None):
            raise ValueError(f"mu = {self.mu} and refutes_pl = {self.refutes_pl}; exactly one of them must be given")

    @property
    def F0(self) -> float:  # noqa: N802 - the name the paper gives it
        """``F(w_0)`` at the default start."""
        return float(self.value(self.start))

    def gap(self, w: Array) -> Array:
        """``F(w) - F*``, shapes (..., d) -> (...)."""
        return self.value(w) - self.minimum
