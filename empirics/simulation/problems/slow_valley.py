"""Slow valley: a slope tied to ε in one coordinate, curvature L in the others. Convex; SGD of constant step size needs ``1/ε⁴`` samples.

``F(x) = (s²/L)(√(1 + u²) - 1) + (L/2) Σ_(i>=2) x_i²``, ``u = L x_1/s``, ``s = 2ε``: a pseudo-Huber valley, of slope s far away.

``L`` is exact: the curvature in ``x_1`` is ``L (1+u²)^(-3/2) <= L``, with equality at 0. ``F* = 0``, at 0.

No ``μ``: at ``u = 1 + L/μ`` and 0 in the other coordinates ``‖∇F‖² < s²``, and ``2μ F >= 2μ (s²/L)(u - 1) = 2s²``.

**Why 1/ε⁴.** It starts at ``x_1 = D = u_0 s/L``, the others 0. Let T steps be taken, all of the same size ``η <= 1/L``, with independent
symmetric noise of variance ``σ²/d`` in every coordinate. If ``E‖∇F(w_R)‖² <= ε²``, then T is at least what 3. says:

1. The slope is at most s, so that ``x_1 >= D - ηst + symmetric noise`` after t steps. While ``D - ηst >= 2s/L``, ``x_1 >= 2s/L`` with
   probability at least 1/2, and there the squared slope is at least ``(4/5) s²``: if this holds for all ``t < T``, the mean of
   ``E‖∇F‖²`` is at least ``0.4 s² = 1.6 ε² > ε²``. So ``T > (u_0-2)/(ηL)``.
2. With ``a = (d-1)/d``, ``q = 1-ηL``: ``L² E Σ_(i>=2) x_i² = ηLaσ² (1-q^(2t))/(2-ηL)``, whose mean over ``t < T`` is at least
   ``(ηLaσ²/2)(1 - 1/(TηL))``. By 1. and ``u_0 >= 4`` (asked for) ``TηL > 2``, so that it is at least ``ηLaσ²/4``: ``η <= 4ε²/(aLσ²)``.
3. Both: ``T > (u_0-2) aσ²/(4ε²)``, where ``u_0 ≈ F0 L/(4ε²)``. C4 asks for ``8 L F0 σ²/ε⁴``.

Steps that decrease do better: F is convex, and a small step has to pay only for what the larger one before it left.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import pseudo_huber

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array, single


def problem(dimension: int = 2, eps: float = 0.1, F0: float = 1.0, L: float = 1.0) -> Problem:
    """Slow valley for the target ``eps``; starts at height ``F0 >= 12.5 eps²/L``. In one dimension there is only the valley."""
    d = size("dimension", dimension)
    curvature, slope = single("L", L, above=0), 2 * single("eps", eps, above=0)
    width = slope / curvature
    start = np.zeros(d)
    height = single("F0", F0, above=0) * curvature / slope**2
    far = math.sqrt(height * (height + 2))  # u_0, at which √(1+u²) - 1 = height
    if far < 4:
        raise ValueError(f"F0 = {F0:.15g} must be at least 12.5 eps²/L = {12.5 * eps**2 / L:.15g}: the valley is to be long")
    start[0] = width * far

    def value(x: Array) -> Array:
        valley, rest = x[..., 0], x[..., 1:]
        return np.asarray(curvature * (pseudo_huber(width, valley) + np.sum(rest**2, axis=-1) / 2))

    def gradient(x: Array) -> Array:
        change = curvature * x
        change[..., 0] /= np.sqrt(1 + (x[..., 0] / width) ** 2)
        return change

    def valley_slope(x: float) -> float:
        return curvature * x / math.sqrt(1 + (x / width) ** 2)

    def refutes_pl(mu: float) -> Array:
        point = np.zeros(d)
        point[0] = width * (1 + curvature / mu)
        return point

    return Problem(
        name="slow_valley",
        dimension=d,
        L=curvature,
        mu=None,
        refutes_pl=refutes_pl,
        minimum=0.0,
        minimiser=np.zeros(d),
        start=start,
        value=value,
        gradient=gradient,
        purpose="not PL, and slow: SGD of any constant step size needs 1/eps^4 samples, proved",
        convex=True,
        sharpest=np.zeros(d),
        coordinatewise=valley_slope if d == 1 else None,
    )
