"""Strict saddles: ``F(x) = Σ_i b_i x_i²/2 - log(1 + ‖x‖²)``, ``b_i`` from 1/2 to 1. The landscape of principal components, with an L.

Every coordinate is coupled with every other. Write ``r = ‖x‖²``, ``B = diag b``.

``L = 3/2``: the Hessian is ``B - 2/(1+r) I + 4 xx'/(1+r)²``. It is at least ``b_1 - 2 = -3/2``, attained at 0. The last two terms have
the eigenvalue ``-2/(1+r) + 4r/(1+r)² = 2(r-1)/(1+r)² <= 1/4`` (largest at ``r = 3``) along x, and a negative one across: so the Hessian
is at most ``b_d + 1/4 = 5/4``.

``F* = 3/4 - log 4``, at ``(±√3, 0, ..., 0)``: ``Σ b_i x_i² >= r/2``, hence ``F >= r/4 - log(1+r)``, which is smallest at ``1 + r = 4``.

No ``μ``: ``∇F_i = x_i (b_i - 2/(1+r))`` also vanishes at 0 and at ``± √(2/b_j - 1) e_j``, ``j >= 2``. These are strict saddles (0 is a
maximum): along ``e_1`` the Hessian is ``b_1 - b_j < 0`` there, or ``b_1 - 2`` at 0. The start is one of them, ``e_d``, where F is higher.
"""

from __future__ import annotations

import numpy as np

from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array


def problem(dimension: int = 10) -> Problem:
    """Strict saddles in ``dimension >= 2`` dimensions; starts at the highest saddle, ``e_d``, which only noise can leave."""
    d = size("dimension", dimension, at_least=2)
    b = np.linspace(0.5, 1, d)
    minimiser, saddle = np.sqrt(3) * np.eye(1, d)[0], np.eye(1, d, d - 1)[0]

    def value(x: Array) -> Array:
        return np.asarray(np.sum(b / 2 * x**2, axis=-1) - np.log1p(np.sum(x**2, axis=-1)))

    def gradient(x: Array) -> Array:
        pull: Array = 2 / (1 + np.einsum("...i,...i->...", x, x))
        return x * (b - pull[..., None])

    return Problem(
        name="strict_saddles",
        dimension=d,
        L=1.5,
        mu=None,
        refutes_pl=lambda mu: saddle,  # the same point for every mu
        minimum=float(value(minimiser)),
        minimiser=minimiser,
        start=saddle,
        value=value,
        gradient=gradient,
        purpose="strict saddles in every dimension: a stationary start that only noise can leave",
        sharpest=np.zeros(d),
    )
