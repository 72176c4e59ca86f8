"""Stall: ``F(w) = (L/2) w²`` in one dimension, on which label smoothing with the bias ``opposing`` really stalls (C13).

The objective could not be easier: convex, ``∇F = Lw`` with Lipschitz constant ``L`` exactly, ``F* = 0`` at 0, and
``‖∇F‖² = L²w² = 2L (F - F*)``, so ``μ = L`` exactly. What stalls is the oracle: :class:`tsla.Oracle` with ``nu2 = 0``.
"""

from __future__ import annotations

import numpy as np

from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array, single


def problem(L: float = 1.0) -> Problem:
    """``(L/2) w²``; starts at 1."""
    curvature = single("L", L, above=0)

    def value(w: Array) -> Array:
        return np.asarray(np.sum(curvature / 2 * w**2, axis=-1))

    def gradient(w: Array) -> Array:
        return curvature * w

    return Problem(
        name="stall",
        dimension=1,
        L=curvature,
        mu=curvature,
        minimum=0.0,
        minimiser=np.zeros(1),
        start=np.ones(1),
        value=value,
        gradient=gradient,
        purpose="the simplest objective, on which a biased oracle really stalls (C13)",
        convex=True,
        sharpest=np.zeros(1),
        coordinatewise=lambda x: curvature * x,
    )
