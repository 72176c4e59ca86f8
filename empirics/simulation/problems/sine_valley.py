"""Sine valley: ``F(x) = Σ_i f(x_i)``, ``f(x) = x² + 3 sin²x``. Non-convex, and yet PL.

The example of Karimi, Nutini and Schmidt (2016), who give 1/32 as its PL constant. The best one is more than five times larger.

``L = 8``: ``f''(x) = 2 + 6 cos 2x`` lies in [-4, 8] and is 8 at 0. The Hessian of F is diagonal, so its norm is ``max_i |f''(x_i)|``.

``F* = 0``, at 0: ``f >= 0`` and ``f(0) = 0``.

``μ = 0.1755``. Let ``r(x) = f'(x)²/(2 f(x))`` for ``x ≠ 0``, ``f'(x) = 2x + 3 sin 2x``. If ``r >= μ`` then ``Σ f'(x_i)² >= 2μ Σ f(x_i)``,
which is A4; and a point with a single non-zero coordinate shows that no larger constant than ``inf r`` will do. So the best constant is
``inf r``, in every dimension. It is 0.17553098..., attained at ``|x| = 2.2017...``; ``MU`` is this rounded down to four digits. As r is
even, ``x > 0`` suffices:

- ``0 < x <= π/2``: ``sin 2x >= 0`` gives ``f' >= 2x > 0``, and ``sin²x <= x²`` gives ``f <= 4x²``; hence ``r >= 4x²/(8x²) = 1/2``.
- ``x >= 5/2``: ``f' >= 2x - 3 > 0`` and ``f <= x² + 3``; hence ``r >= (2x-3)²/(2(x²+3))``. This increases, since its logarithmic derivative
  ``4/(2x-3) - 2x/(x²+3)`` has the sign of ``4(x²+3) - 2x(2x-3) = 12 + 6x > 0``. At 5/2 it is ``4/18.5 = 0.216...``.
- ``π/2 <= x <= 5/2``: ``f'² - 2 MU f > 0`` by interval subdivision, done in ``tests/empirics/simulation/test_single_problems.py``.
"""

from __future__ import annotations

import math

import numpy as np

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array

MU = 0.1755


def value(x: Array) -> Array:
    """``Σ_i x_i² + 3 sin²x_i``, shapes (..., d) -> (...)."""
    return np.asarray(np.sum(x**2 + 3 * np.sin(x) ** 2, axis=-1))


def gradient(x: Array) -> Array:
    """``2x + 3 sin 2x``, elementwise."""
    twice = 2 * x
    slope = np.sin(twice)
    slope *= 3
    slope += twice
    return slope


def slope(x: float) -> float:
    """``f'(x) = 2x + 3 sin 2x``."""
    return 3 * math.sin(2 * x) + 2 * x


def problem(dimension: int = 1) -> Problem:
    """Sine valley in ``dimension`` dimensions; starts at 3 in every coordinate, on the far side of the flat part around 2.2."""
    d = size("dimension", dimension)
    return Problem(
        name="sine_valley",
        dimension=d,
        L=8.0,
        mu=MU,
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.full(d, 3.0),
        value=value,
        gradient=gradient,
        purpose="PL and not convex, coordinate by coordinate",
        sharpest=np.zeros(d),
        coordinatewise=slope,
    )
