"""Cosine: ``F(x) = Σ_i (1 - cos x_i)``. Non-convex, with infinitely many minima, maxima and, for ``d >= 2``, saddles; not PL.

``L = 1``: the Hessian is diagonal with entries ``cos x_i`` in [-1, 1] (so F is not convex), and is the identity at 0.

``F* = 0``, at 0 (and at every point of ``2πZ^d``).

No ``μ``: at ``x_i = π`` the gradient ``sin x_i`` vanishes and ``F = 2d > F*``. The float64 nearest to π misses it by 1.2e-16, so that in
floating point this point refutes every ``μ > 4e-33``.
"""

from __future__ import annotations

import math

import numpy as np

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array


def value(x: Array) -> Array:
    """``Σ_i 1 - cos x_i``, shapes (..., d) -> (...)."""
    # 2 sin²(x/2) is the same, and keeps its digits near the minimum, where 1 - cos x loses them.
    return np.asarray(np.sum(2 * np.sin(x / 2) ** 2, axis=-1))


def gradient(x: Array) -> Array:
    """``sin x``, elementwise."""
    return np.sin(x)


def problem(dimension: int = 1) -> Problem:
    """Cosine in ``dimension`` dimensions; starts at 2 in every coordinate, between the inflection at π/2 and the maximum at π."""
    d = size("dimension", dimension)
    return Problem(
        name="cosine",
        dimension=d,
        L=1.0,
        mu=None,
        refutes_pl=lambda mu: np.full(d, np.pi),  # the same point for every mu
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.full(d, 2.0),
        value=value,
        gradient=gradient,
        purpose="saddles and maxima without end, not PL",
        sharpest=np.zeros(d),
        coordinatewise=math.sin,
    )
