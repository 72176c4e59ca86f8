"""Chain: the hard instance of the lower bounds of Carmon et al. (2019) and Arjevani et al. (2019). Non-convex.

``F(x) = -Ψ(1)Φ(x_1) + Σ_(i=2..d) [Ψ(-x_(i-1)) Φ(-x_i) - Ψ(x_(i-1)) Φ(x_i)]``,
``Ψ(x) = exp(1 - 1/(2x-1)²)`` for ``x > 1/2``, else 0; ``Φ(x) = √e ∫_(-∞)^x exp(-t²/2) dt``.

A coordinate's gradient is 0 at 0 until the one before it is beyond 1/2: from 0 the coordinates have to be found one after the other, and
(Lemma 2 of Carmon, Duchi, Hinder and Sidford) ``‖∇F(x)‖ > 1`` as long as ``|x_i| < 1`` for some i.

``L = 152``, as in those papers; an upper bound. ``0 <= Ψ <= e``, ``0 <= Φ <= √(2πe)``, ``0 <= Φ' <= √e``, ``|Φ''| <= 1``. With
``v = (2x-1)⁻²``, ``Ψ' = 4e v^(3/2) e^-v <= √(54/e)`` (at ``v = 3/2``), and ``Ψ'' = 8e (2v³ - 3v²) e^-v``, whose extrema, at
``v = (9 ± √33)/4``, are 32.39 and -8.76. Of ``Ψ(-t)`` and ``Ψ(t)`` one at most isn't 0. The Hessian is tridiagonal. On the diagonal are
``ΨΦ''`` of the term i and ``Ψ''Φ`` of the next one, at most ``e + 32.5 √(2πe) < 137.04`` in size; beside it ``Ψ'Φ'``, at most
``√54 < 7.35``. So its norm is at most ``137.04 + 2 · 7.35 < 152``.

``F* = -√(2πe) (1 + e(d-1))``, not attained: the first term is above ``-√(2πe)``, every other one above ``-e√(2πe)``, and all tend to that
as ``x → (∞, ..., ∞)``.

No ``μ``: at ``(-t, t, ..., t)`` F is at least ``√(2πe)/2`` above F*, since ``-Ψ(1)Φ(x_1)`` is above half of its infimum, and the gradient
vanishes as t grows: ``Φ'(t) <= √e exp(-t²/2)`` and ``Ψ'(t) Φ <= 4e √(2πe) (2t-1)⁻³``.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array

HEIGHT = float(np.sqrt(2 * np.pi * np.e))  # Φ(∞)


def bump(x: Array) -> tuple[Array, Array]:
    """``Ψ`` and ``Ψ'``, elementwise; both 0 up to 1/2."""
    inside = x > 0.5
    u = 2 * np.where(inside, x, 1.0) - 1
    value = np.where(inside, np.exp(1 - 1 / u**2), 0)
    return value, 4 * value / u**3


def step(x: Array) -> tuple[Array, Array]:
    """``Φ`` and ``Φ'``, elementwise."""
    return HEIGHT * ndtr(x), np.exp((1 - x**2) / 2)


def _before(x: Array) -> tuple[Array, Array]:
    """``x_(i-1)`` with 1 for ``x_0``, and its signs; both of the shape of x."""
    before = np.concatenate([np.ones_like(x[..., :1]), x[..., :-1]], axis=-1)
    return before, np.where(before > 0, 1.0, -1.0)


def value(x: Array) -> Array:
    """``F``, shapes (..., d) -> (...)."""
    before, sign = _before(x)
    # Of Ψ(-x_(i-1)) and Ψ(x_(i-1)) only Ψ(|x_(i-1)|) can be other than 0.
    return np.asarray(np.sum(-sign * bump(np.abs(before))[0] * step(sign * x)[0], axis=-1))


def gradient(x: Array) -> Array:
    """``∇F``, shapes (..., d) -> (..., d)."""
    before, sign = _before(x)
    (psi, dpsi), (phi, dphi) = bump(np.abs(before)), step(sign * x)
    change = -psi * dphi
    change[..., :-1] -= (dpsi * phi)[..., 1:]
    return change


def problem(dimension: int = 10) -> Problem:
    """Chain of ``dimension`` links; starts at 0, the far end."""
    d = size("dimension", dimension)

    def refutes_pl(mu: float) -> Array:
        point = np.full(d, 10 * (1 + (d / mu) ** (1 / 6)))
        point[0] *= -1
        return point

    return Problem(
        name="chain",
        dimension=d,
        L=152.0,
        mu=None,
        refutes_pl=refutes_pl,
        minimum=-HEIGHT * (1 + np.e * (d - 1)),
        minimiser=None,
        start=np.zeros(d),
        value=value,
        gradient=gradient,
        purpose="the hard instance of the lower bounds: coordinates that must be found one after the other",
    )
