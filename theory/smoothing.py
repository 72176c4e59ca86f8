"""The smoothed direction and the variance lemma: C1, C2, C10; the lemma made sharp, C18. The exact one (C11) is in ``moments``.

Notation: ``g``, ``ĝ`` are the gradients of the loss at the one-hot label and at the smoothing label; ``s² = E‖g - ∇F‖²``,
``ŝ² = E‖ĝ - ∇F‖²``, ``c = E⟨g - ∇F, ĝ - ∇F⟩``. Under A2 and A3, ``s² <= sigma2`` and ``ŝ² <= delta * sigma2``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.constants import Array, real, strength
from tsla.theory.products import product
from tsla.theory.representable import representable


@representable
def mix(true: ArrayLike, smoothing: ArrayLike, theta: ArrayLike) -> Array:
    """``(1-θ) true + θ smoothing``: the smoothed label, and equally the gradient of its loss (C1, exact).

    Cross-entropy is linear in its label, so the same formula serves labels, losses and gradients. Shapes broadcast.
    """
    t = strength(theta)
    return (1 - t) * real("true", true) + t * real("smoothing", smoothing)


@representable
def lemma(sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike) -> Array:
    """``V(θ) = (1-θ) σ² + θ δ σ²``, an upper bound on ``E‖g_LS - ∇F‖²`` (C2, the variance lemma; assumes A2, A3).

    It drops exactly ``θ(1-θ) E‖g - ĝ‖²`` (C11), so it is attained at ``θ`` in {0, 1} only, or where ``ĝ = g``, which takes ``δ = 1``.
    The most that A2 and A3 allow is :func:`sharp`.
    """
    s2, d, t = real("sigma2", sigma2, at_least=0), real("delta", delta, at_least=0), strength(theta)
    return product(1 - t, s2) + product(t, d, s2)


@representable
def lemma_at_paper_theta(sigma2: ArrayLike, delta: ArrayLike) -> Array:
    """``V(1/(1+δ)) = 2δσ²/(1+δ)`` (C2), without the cancellation of ``1 - 1/(1+δ)`` at small δ."""
    s2, d = real("sigma2", sigma2, at_least=0), real("delta", delta, at_least=0)
    return product(2, d / (1 + d), s2)


@representable
def sharp(sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike) -> Array:
    """``U(θ) = σ²((1-θ) + θ√δ)²``, an upper bound on ``E‖g_LS - ∇F‖²`` (C18, Minkowski; assumes A2, A3).

    Guarantee: tight, attained by ``ĝ - ∇F = √δ(g - ∇F)`` at every θ. ``V - U = θ(1-θ)(1-√δ)²σ²``.
    """
    s2, d, t = real("sigma2", sigma2, at_least=0), real("delta", delta, at_least=0), strength(theta)
    root = (1 - t) + product(t, np.sqrt(d))
    return product(root, root, s2)


@representable
def sharp_at_paper_theta(sigma2: ArrayLike, delta: ArrayLike) -> Array:
    """``U(1/(1+δ)) = δσ²(1+√δ)²/(1+δ)²`` (C18), without the cancellation of ``1 - 1/(1+δ)``.

    That is ``(1+√δ)²/(2(1+δ))`` of V, from 1 at ``δ = 1`` down to 1/2 as ``δ → 0``.
    """
    s2, d = real("sigma2", sigma2, at_least=0), real("delta", delta, at_least=0)
    root = (1 + np.sqrt(d)) / (1 + d)
    return product(d, root, root, s2)


def paper_theta(delta: ArrayLike) -> Array:
    """``θ = 1/(1+δ)``, the paper's choice: optimal for the exact second moment when ``c = 0`` (C11), not for the lemma (C10)."""
    return 1 / (1 + real("delta", delta, at_least=0))


def lemma_theta(delta: ArrayLike) -> Array:
    """The θ at which the lemma's ``V(θ)`` is smallest: 1 for ``δ < 1``, else 0 (C10, exact)."""
    return np.where(real("delta", delta, at_least=0) < 1, 1.0, 0.0)
