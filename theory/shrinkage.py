"""The shrinkage control (C17): how much of a lower variance is only a smaller step.

With ``ĝ = 0`` label-smoothed SGD is plain SGD with step ``(1-θ)η``, and its direction ``(1-θ) g`` still counts as variance
reduction in the paper's lemma. A statement that smoothing lowered a variance is about smoothing only beyond this control.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsla.theory.constants import Array, real, representable, strength
from tsla.theory.products import product
from tsla.theory.smoothing import moments


@representable
def second_moment(s2: ArrayLike, grad2: ArrayLike, theta: ArrayLike) -> Array:
    """``E‖(1-θ) g - ∇F‖² = (1-θ)² s² + θ² ‖∇F‖²``, exact; ``grad2`` is ``‖∇F‖²``."""
    a, g2, t = real("s2", s2, at_least=0), real("grad2", grad2, at_least=0), strength(theta)
    return product(1 - t, 1 - t, a) + product(t, t, g2)


def beyond(shat2: ArrayLike, c: ArrayLike, grad2: ArrayLike, theta: ArrayLike) -> Array:
    """``E‖g_LS - ∇F‖² - E‖(1-θ)g - ∇F‖² = θ²(ŝ² - ‖∇F‖²) + 2θ(1-θ)c``, exact: negative where smoothing does more than shrink."""
    b, g2 = real("shat2", shat2, at_least=0), real("grad2", grad2, at_least=0)
    cov, t = real("c", c), strength(theta)
    return t**2 * (b - g2) + 2 * t * (1 - t) * cov


def helps_beyond(s2: ArrayLike, shat2: ArrayLike, c: ArrayLike, grad2: ArrayLike, theta: ArrayLike) -> NDArray[np.bool_]:
    """Whether ``2(1-θ)c < θ(‖∇F‖² - ŝ²)``: the sign of :func:`beyond` for ``θ > 0`` (C17, exact)."""
    _, b, cov = moments(s2, shat2, c)
    g2, t = real("grad2", grad2, at_least=0), strength(theta)
    return np.asarray(2 * (1 - t) * cov < t * (g2 - b))


def zero_vector_delta(s2: ArrayLike, grad2: ArrayLike) -> Array:
    """``δ0 = ‖∇F‖²/s²``: the δ that the zero vector has as a smoothing oracle. A δ above it tells nothing, unless through c."""
    return real("grad2", grad2, at_least=0) / real("s2", s2, above=0)
