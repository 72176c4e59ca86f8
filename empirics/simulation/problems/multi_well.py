"""Multi-well: ``F(x) = Σ_i f(x_i)``, ``f(x) = x²/40 + 1 - cos x``. Seven wells a coordinate, ``7^d`` in all, of which one is the lowest.

``L = 21/20``: ``f'' = 1/20 + cos x`` lies in [-19/20, 21/20] (non-convex) and is 21/20 at 0. The Hessian of F is diagonal.

``F* = 0``, at 0: both terms are ``>= 0`` and vanish there.

No ``μ``: the wells beside the lowest, at ``x_i = ±WELL`` where ``f'(x) = x/20 + sin x`` vanishes, are higher. (f' has a zero between 3π/2,
where it is ``3π/40 - 1 < 0``, and 2π, where it is ``π/10 > 0``; it rises in between, so that this is a well.)
"""

from __future__ import annotations

import math

import numpy as np

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array

WELL = 5.979563629859721


def value(x: Array) -> Array:
    """``Σ_i x_i²/40 + 1 - cos x_i``, shapes (..., d) -> (...)."""
    return np.asarray(np.sum(x**2 / 40 + 2 * np.sin(x / 2) ** 2, axis=-1))


def slope(x: float) -> float:
    """``f'(x) = x/20 + sin x``."""
    return math.sin(x) + x / 20


def gradient(x: Array) -> Array:
    """``x/20 + sin x``, elementwise."""
    change = np.sin(x)
    change += x / 20
    return change


def problem(dimension: int = 1) -> Problem:
    """Multi-well in ``dimension`` dimensions; starts at 6.5 in every coordinate, a little outside the first well beside the lowest."""
    d = size("dimension", dimension)
    return Problem(
        name="multi_well",
        dimension=d,
        L=1.05,
        mu=None,
        refutes_pl=lambda mu: np.full(d, WELL),  # the same point for every mu
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.full(d, 6.5),
        value=value,
        gradient=gradient,
        purpose="many wells: a small gradient far above the minimum",
        sharpest=np.zeros(d),
        coordinatewise=slope,
    )
