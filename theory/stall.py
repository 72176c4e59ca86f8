"""The stall that is real (C13): on ``F = (L/2)w²`` with ``g = Lw ± σ`` (fair), ``ĝ = Lw - sign(w)√δσ``, LSR does not get to the minimum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import smoothing
from tsla.theory.constants import Array, real, strength
from tsla.theory.products import product
from tsla.theory.representable import representable


@representable
def settled(sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike | None = None) -> Array:
    """``θ²δσ²``: where ``‖∇F‖²`` of LSR settles as ``η → 0``; a factor ``2(1+δ)`` under C5's floor at ``θ = 1/(1+δ)`` (the default)."""
    d = real("delta", delta, at_least=0)
    t = smoothing.paper_theta(d) if theta is None else strength(theta)
    return product(t, t, d, real("sigma2", sigma2, at_least=0))


@representable
def settled_at_largest_step(sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike | None = None) -> Array:
    """``θ²δσ² + (1-θ)²σ²``: ``E‖∇F(w_t)‖²`` at ``η = 1/L`` after any number of steps, exactly; half of C5's floor at ``θ = 1/(1+δ)``.

    One step forgets where it came from: ``Lw⁺ = θ√δσ sign(w) ∓ (1-θ)σ``.
    """
    t = smoothing.paper_theta(delta) if theta is None else strength(theta)
    bias = settled(sigma2, delta, t)  # checks sigma2
    return bias + product(1 - t, 1 - t, np.asarray(sigma2))
