"""The smoothed direction and its second moment about the gradient: C1, C2, C10, C11.

Notation: ``g``, ``ĝ`` are the gradients of the loss at the one-hot label and at the smoothing label; ``s² = E‖g - ∇F‖²``,
``ŝ² = E‖ĝ - ∇F‖²``, ``c = E⟨g - ∇F, ĝ - ∇F⟩``. Under A2 and A3, ``s² <= sigma2`` and ``ŝ² <= delta * sigma2``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.constants import ROUNDING, Array, real, representable, shown, strength
from tsla.theory.products import product


def mix(true: ArrayLike, smoothing: ArrayLike, theta: ArrayLike) -> Array:
    """``(1-θ) true + θ smoothing``: the smoothed label, and equally the gradient of its loss (C1, exact).

    Cross-entropy is linear in its label, so the same formula serves labels, losses and gradients. Shapes broadcast.
    """
    t = strength(theta)
    return (1 - t) * real("true", true) + t * real("smoothing", smoothing)


@representable
def lemma(sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike) -> Array:
    """``V(θ) = (1-θ) σ² + θ δ σ²``, an upper bound on ``E‖g_LS - ∇F‖²`` (C2, the variance lemma; assumes A2, A3).

    It drops exactly ``θ(1-θ) E‖g - ĝ‖²`` (C11), so it is attained at ``θ`` in {0, 1} only, or where ``ĝ = g``.
    """
    s2, d, t = real("sigma2", sigma2, at_least=0), real("delta", delta, at_least=0), strength(theta)
    return product(1 - t, s2) + product(t, d, s2)


@representable
def lemma_at_paper_theta(sigma2: ArrayLike, delta: ArrayLike) -> Array:
    """``V(1/(1+δ)) = 2δσ²/(1+δ)`` (C2), without the cancellation of ``1 - 1/(1+δ)`` at small δ."""
    s2, d = real("sigma2", sigma2, at_least=0), real("delta", delta, at_least=0)
    return product(2, d / (1 + d), s2)


def paper_theta(delta: ArrayLike) -> Array:
    """``θ = 1/(1+δ)``, the paper's choice: optimal for the exact second moment when ``c = 0`` (C11), not for the lemma (C10)."""
    return 1 / (1 + real("delta", delta, at_least=0))


def lemma_theta(delta: ArrayLike) -> Array:
    """The θ at which the lemma's ``V(θ)`` is smallest: 1 for ``δ < 1``, else 0 (C10, exact)."""
    return np.where(real("delta", delta, at_least=0) < 1, 1.0, 0.0)


@representable
def second_moment(s2: ArrayLike, shat2: ArrayLike, c: ArrayLike, theta: ArrayLike) -> Array:
    """``E‖g_LS - ∇F‖² = (1-θ)² s² + θ² ŝ² + 2θ(1-θ) c`` (C11, exact).

    Raises ValueError where ``c² > s² ŝ²``, which no pair of random vectors has (Cauchy-Schwarz).
    """
    a, b, cov = moments(s2, shat2, c)
    t = strength(theta)
    opposed = np.sqrt(a) * np.sqrt(b)  # what -c may be at most; where c < 0 the sum would cancel, and is taken as two squares' worth
    apart = np.abs((1 - t) * np.sqrt(a) - t * np.sqrt(b))
    square = product(apart, apart) + product(2, t, 1 - t, np.maximum(cov + opposed, 0))
    return np.where(cov < 0, square, product(1 - t, 1 - t, a) + product(t, t, b) + product(2, t, 1 - t, np.maximum(cov, 0)))


@representable
def best_theta(s2: ArrayLike, shat2: ArrayLike, c: ArrayLike) -> Array:
    """``θ* = (s² - c)/(s² + ŝ² - 2c)`` clipped to [0, 1]: the minimiser of the exact second moment (C11).

    Where the denominator ``E‖g - ĝ‖²`` is 0 every θ gives the same direction, and 0 is returned: nothing to smooth.
    """
    a, b, cov = moments(s2, shat2, c)
    difference = a + b - 2 * cov
    indifferent = difference <= ROUNDING * (a + b)
    return np.where(indifferent, 0.0, np.clip((a - cov) / np.where(indifferent, 1.0, difference), 0, 1))


def moments(s2: ArrayLike, shat2: ArrayLike, c: ArrayLike, names: tuple[str, str] = ("s2", "shat2")) -> tuple[Array, Array, Array]:
    """The three second moments as arrays, checked: ``s², ŝ² >= 0`` and ``c² <= s² ŝ²``. A refusal calls the first two by ``names``."""
    a, b, cov = real(names[0], s2, at_least=0), real(names[1], shat2, at_least=0), real("c", c)
    limit = np.sqrt(a) * np.sqrt(b)
    outside = np.abs(cov) > limit + ROUNDING * (a + b)  # measured moments miss it by as much
    if outside.any():
        worst, bound = (np.broadcast_to(x, outside.shape)[outside].flat[0] for x in (cov, limit))
        raise ValueError(f"c = {shown(worst)} must lie within ±sqrt({names[0]}*{names[1]}) = ±{shown(bound)} (Cauchy-Schwarz)")
    return a, b, cov
