"""Quadratic: ``F(w) = Σ_i λ_i w_i²/2``, ``λ_i`` spread from L down to μ on a logarithmic scale. Convex; the control that is solved exactly.

``L`` and ``μ``: ``∇F_i = λ_i w_i`` with ``μ <= λ_i <= L``, so that L is exact, and ``‖∇F‖² = Σ λ_i² w_i² >= 2 min λ_i F``, an equality
along the flattest direction (for ``d >= 2`` that has ``λ_d = μ``; for ``d = 1`` the only one has L). ``F* = 0`` at 0.

The iterate is a normal autoregression: with normal noise of variance ``N/d`` a coordinate (N(θ) of C12) and the ``fixed`` bias
``b_i = √(β²/d)`` of strength θ, ``w_i ← w_i - η(λ_i w_i + θ b_i + noise)``.
"""

from __future__ import annotations

import numpy as np

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array, single


def problem(dimension: int = 10, L: float = 1.0, mu: float = 0.01) -> Problem:
    """Quadratic in ``dimension`` dimensions; starts at 1 in every coordinate."""
    spectrum = np.geomspace(single("L", L, above=0), single("mu", mu, above=0), size("dimension", dimension))  # λ
    d = spectrum.size

    def value(w: Array) -> Array:
        return np.asarray(np.sum(spectrum / 2 * w**2, axis=-1))

    def gradient(w: Array) -> Array:
        return spectrum * w

    return Problem(
        name="quadratic",
        dimension=d,
        L=float(L),
        mu=float(mu),
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.ones(d),
        value=value,
        gradient=gradient,
        purpose="the control: mean and variance of the iterate are known in closed form",
        convex=True,
        sharpest=np.zeros(d),
    )
