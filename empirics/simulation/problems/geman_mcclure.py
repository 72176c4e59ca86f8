"""Geman-McClure: ``F(x) = Σ_i f(x_i)``, ``f(x) = x²/(1+x²)``, a robust loss. Non-convex, and not PL: it flattens out far from the minimum.

``L = 2``: ``f''(x) = (2-6x²)/(1+x²)³``. With ``u = 1+x² >= 1`` it is ``8u⁻³ - 6u⁻²``, whose derivative in u, ``-24u⁻⁴ + 12u⁻³``, vanishes
only at ``u = 2``: so f'' falls from 2 at ``u = 1`` to -1/2 at ``u = 2`` (non-convex) and then rises to 0. The Hessian of F is diagonal,
so its norm is at most 2, and it is 2 at 0.

``F* = 0``, at 0.

No ``μ``: ``f'(x) = 2x/(1+x²)²``, so ``f'²/(2f) = 2/(1+x²)³``, which falls under any ``μ > 0`` as x grows. At ``x² = 1 + (2/μ)^(1/3)`` in
every coordinate it is less than ``2/((2/μ)^(1/3))³ = μ``.
"""

from __future__ import annotations

import numpy as np

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array


def value(x: Array) -> Array:
    """``Σ_i x_i²/(1+x_i²)``, shapes (..., d) -> (...)."""
    square = x**2
    return np.asarray(np.sum(square / (1 + square), axis=-1))


def gradient(x: Array) -> Array:
    """``2x/(1+x²)²``, elementwise."""
    slope = x * x
    slope += 1
    slope *= slope
    np.divide(x, slope, out=slope)
    slope *= 2
    return slope


def slope(x: float) -> float:
    """``f'(x) = 2x/(1+x²)²``."""
    u = x * x + 1
    return x / (u * u) * 2


def problem(dimension: int = 1) -> Problem:
    """Geman-McClure loss in ``dimension`` dimensions; starts at 2 in every coordinate, where the loss is concave."""
    d = size("dimension", dimension)
    return Problem(
        name="geman_mcclure",
        dimension=d,
        L=2.0,
        mu=None,
        refutes_pl=lambda mu: np.full(d, np.sqrt(1 + np.cbrt(2 / mu))),
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.full(d, 2.0),
        value=value,
        gradient=gradient,
        purpose="plateaus far from the minimum, not PL",
        sharpest=np.zeros(d),
        coordinatewise=slope,
    )
