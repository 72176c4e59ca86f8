"""A test problem: an objective whose constants ``L``, ``μ`` and ``F*`` are proved, not estimated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tsla.empirics.runs.memory import must_fit
from tsla.theory.constants import Array, Constants, shown, single

PER_COORDINATE = 80
"""Bytes, of some ten arrays."""


def size(name: str, value: object, *, at_least: int = 1) -> int:
    """How many coordinates a problem is to have. Raises ValueError for what is no whole number, and for more than fit the memory."""
    coordinates = int(single(name, value, at_least=at_least, integral=True))
    must_fit(name, coordinates, PER_COORDINATE)
    return coordinates


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """An objective ``F`` on ``R^d`` with what the theorems assume about it. Raises ValueError if the fields don't fit together.

    name:            the name of the module that makes it
    dimension:       d
    L:               Lipschitz constant of the gradient (A1)
    mu:              PL constant (A4), ``0 < mu <= L``; None where there is none
    refutes_pl:      where ``mu`` is None, and only there: maps any ``mu > 0`` to a point, shape (d,), at which A4 fails with it
    minimum:         ``F* = inf F``, or a lower bound of it where the docstring of the module says so
    minimiser:       a point where ``F = minimum``, shape (d,); None where none is known, or F does not attain its infimum
    start:           the ``w_0`` that runs use unless told otherwise, shape (d,)
    value:           ``F``, shapes (..., d) -> (...)
    gradient:        ``∇F``, shapes (..., d) -> (..., d), always a new array
    purpose:         what the problem is for, in one line
    convex:          whether F is convex
    sharpest:        a point, shape (d,), where the Hessian has norm ``L`` to 1 %; None where L is not known to be the smallest constant
    coordinatewise:  where ``(∇F(w))_i = h(w_i)`` for every i: h, of Python floats and ``math`` alone, so that it can be compiled; else None
    """

    name: str
    dimension: int
    L: float
    mu: float | None
    minimum: float
    minimiser: Array | None
    start: Array
    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    refutes_pl: Callable[[float], Array] | None = None
    purpose: str = ""
    convex: bool = False
    sharpest: Array | None = None
    coordinatewise: Callable[[float], float] | None = None

    def __repr__(self) -> str:
        constants = (f"d = {self.dimension}", f"L = {shown(self.L)}", "no mu" if self.mu is None else f"mu = {shown(self.mu)}")
        return f"{self.name} ({', '.join(constants)}): {self.purpose}"

    def __post_init__(self) -> None:
        for name in ("minimiser", "start", "sharpest"):
            point = getattr(self, name)
            if point is not None and np.shape(point) != (self.dimension,):
                raise ValueError(f"{name} has shape {np.shape(point)}; a problem of dimension {self.dimension} needs ({self.dimension},)")
        Constants(L=self.L, sigma2=0, F0=1, mu=self.mu)  # the checks of A1 and A4; sigma2 and F0 don't matter to them
        if (self.mu is None) == (self.refutes_pl is None):
            raise ValueError(f"mu = {self.mu} and refutes_pl = {self.refutes_pl}; exactly one of them must be given")

    def gap(self, w: Array) -> Array:
        """``F(w) - minimum``, shapes (..., d) -> (...): the gap ``F - F*``, or an upper bound of it where ``minimum`` is a lower bound."""
        return self.value(w) - self.minimum
