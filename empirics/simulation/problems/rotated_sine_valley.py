"""Rotated sine valley: ``F(w) = S(Qw)``, with S the sine valley and ``Q = I - 2vv'``, ``v ∝ (1, 2, ..., d)``, a Householder reflection.

Every coordinate is coupled with every other, and the gradient ``Q ∇S(Qw)`` still costs O(d).

``L``, ``μ`` and ``F*`` are those of the sine valley, exactly: Q is orthogonal and symmetric, so ``‖∇F(u) - ∇F(w)‖ = ‖∇S(Qu) - ∇S(Qw)‖``
and ``‖Qu - Qw‖ = ‖u - w‖`` (``L = 8``); ``‖∇F(w)‖ = ‖∇S(Qw)‖`` (``μ``); and F takes the values of S (``F* = 0``, at 0).
"""

from __future__ import annotations

import numpy as np

from tsla.empirics.simulation.problems import sine_valley
from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array


def reflect(w: Array, v: Array) -> Array:
    """``Qw = w - 2⟨v,w⟩v`` for a unit vector v; shapes (..., d), (d,) -> (..., d)."""
    # Not w @ v: a threaded BLAS may add up in another order, and a run must be the same to the last bit.
    along: Array = np.einsum("...i,i->...", w, v)
    return w - np.multiply.outer(2 * along, v)


def problem(dimension: int = 64) -> Problem:
    """Rotated sine valley in ``dimension`` dimensions; starts at 3 in every coordinate, which Q spreads over both sides of the valley."""
    d = size("dimension", dimension)
    v = np.arange(1.0, d + 1)
    v /= np.sqrt(np.sum(v**2))

    def value(w: Array) -> Array:
        return sine_valley.value(reflect(w, v))

    def gradient(w: Array) -> Array:
        return reflect(sine_valley.gradient(reflect(w, v)), v)

    return Problem(
        name="rotated_sine_valley",
        dimension=d,
        L=8.0,
        mu=sine_valley.MU,
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.full(d, 3.0),
        value=value,
        gradient=gradient,
        purpose="PL and not convex, every coordinate coupled with every other",
        sharpest=np.zeros(d),
    )
