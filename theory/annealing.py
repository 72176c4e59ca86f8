"""θ°(η), the smoothing strength that suits a step size (C12): under bias it goes to 0 with η, and smoothing is annealed with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.constants import Array, real, representable, step_size
from tsla.theory.smoothing import moments


@representable
def best_theta(sigma2: ArrayLike, *, beta2: ArrayLike, nu2: ArrayLike, c: ArrayLike, L: ArrayLike, eta: ArrayLike) -> Array:
    """``θ°(η) = ηL(σ²-c)/(β² + ηL(σ²+ν²-2c))``, clipped to [0, 1]: the minimiser of C12's floor ``θ²β² + ηL N(θ)``.

    At ``η = 1/L`` it is θ* of C11. Where every θ gives the same floor, 0. Shapes: all broadcast. Raises ValueError outside the premises.
    """
    s2, v2, cov = moments(sigma2, nu2, c, names=("sigma2", "nu2"))
    b2, smoothness = real("beta2", beta2, at_least=0), real("L", L, above=0)
    scale = step_size("eta", eta, smoothness, "C12") * smoothness
    curvature = b2 + scale * (s2 + v2 - 2 * cov)
    indifferent = curvature <= 0
    return np.where(indifferent, 0.0, np.clip(scale * (s2 - cov) / np.where(indifferent, 1.0, curvature), 0, 1))
