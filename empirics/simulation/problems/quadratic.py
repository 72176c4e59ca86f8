"""Quadratic: ``F(w) = Σ_i λ_i w_i²/2``, ``λ_i`` spread from L down to μ on a logarithmic scale. Convex; the control that is solved exactly.

``L`` and ``μ``: ``∇F_i = λ_i w_i`` with ``μ <= λ_i <= L``, so that L is exact, and ``‖∇F‖² = Σ λ_i² w_i² >= 2 min λ_i F``, an equality
along the flattest direction (for ``d >= 2`` that has ``λ_d = μ``; for ``d = 1`` the only one has L). ``F* = 0`` at 0.

The law of the iterate: with normal noise of variance ``N/d`` a coordinate (N(θ) of C12) and the ``fixed`` bias ``b_i = √(β²/d)`` of
strength θ, ``w_i ← w_i - η(λ_i w_i + θ b_i + noise)`` is a normal autoregression. :func:`law` gives its mean and variance after any number
of steps; the covariance is diagonal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array, real, step_count


def curvatures(dimension: int = 10, L: float = 1.0, mu: float = 0.01) -> Array:
    """``λ``, shape (d,), from L down to mu."""
    return np.geomspace(float(real("L", L, above=0)), float(real("mu", mu, above=0)), int(step_count("dimension", dimension)))


def law(
    spectrum: Array, mean: ArrayLike, variance: ArrayLike, *, eta: float, steps: int, noise: float, pull: float = 0.0
) -> tuple[Array, Array]:
    """Mean and variance of every coordinate of w after ``steps`` steps of size ``eta``, from those before; shapes (d,).

    noise: ``N(θ)``, the variance of the direction about its mean; pull: ``θ √β²`` of the bias ``fixed``. With ``q = 1 - ηλ``, exactly:

        E w_T = q^T E w_0 - (θb/λ)(1 - q^T),      Var w_T = q^(2T) Var w_0 + η² (N/d) (1 - q^(2T))/(1 - q²).

    Call it again with what it returns for the next stage. Raises ValueError outside ``0 < eta < 2/L``, where the sums converge.
    """
    size = float(real("eta", eta, above=0))
    if size * spectrum.max() >= 2:
        raise ValueError(f"eta = {size:.15g} must be below 2/L = {2 / spectrum.max():.15g}")
    d, T = spectrum.size, int(step_count("steps", steps, at_least=0))
    q = 1 - size * spectrum
    left = q**T
    bias = float(real("pull", pull)) / np.sqrt(d)
    settled = size**2 * float(real("noise", noise, at_least=0)) / d / (size * spectrum * (1 + q))  # 1 - q² = ηλ(1 + q)
    return left * np.asarray(mean) - bias / spectrum * (1 - left), left**2 * np.asarray(variance) + settled * (1 - left**2)


def problem(dimension: int = 10, L: float = 1.0, mu: float = 0.01) -> Problem:
    """Quadratic in ``dimension`` dimensions; starts at 1 in every coordinate."""
    spectrum = curvatures(dimension, L, mu)
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
