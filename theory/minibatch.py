"""Mini-batches (C14): noise falls as 1/B, bias does not, so that smoothing's help ends at a critical batch size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import biased
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Array, UnrepresentableError, real, representable, step_size
from tsla.theory.products import product


@representable
def delta(sigma2: ArrayLike, oracle: SmoothingOracle, B: ArrayLike) -> Array:
    """``δ_B = (Bβ² + ν²)/σ²``: A3's constant for the mean of B independent samples (exact). Raises ValueError at ``σ² = 0``."""
    return (real("B", B, at_least=1) * oracle.beta2 + oracle.nu2) / real("sigma2", sigma2, above=0)


def critical_batch_size(sigma2: ArrayLike, oracle: SmoothingOracle, theta: ArrayLike = 1.0) -> Array:
    """``B_c(θ) = (σ² - N(θ))/(θ²β²)``: smoothing at θ lowers the second moment of the batch direction iff ``B < B_c`` (C14, exact).

    ``B_c(1) = (σ² - ν²)/β²``, under which ``δ_B < 1``. Negative or 0: at no batch size. Infinite where ``β² = 0`` and N is smaller than
    σ²: at every one. Raises ValueError outside the ranges, and for ``θ = 0``, which changes nothing.
    """
    t = real("theta", theta, above=0, at_most=1)
    return _ratio(_gain(sigma2, oracle, t), t, oracle.beta2)


def critical_batch_size_for_step(
    sigma2: ArrayLike, oracle: SmoothingOracle, *, L: ArrayLike, eta: ArrayLike, theta: ArrayLike = 1.0
) -> Array:
    """The batch size under which smoothing at θ lowers C12's floor at step size η: ``ηL(σ² - N(θ))/(θ²β²)`` (C14).

    From ``θ²β² < ηL(σ² - N(θ))/B``; ``ηL`` times :func:`critical_batch_size`. Raises ValueError outside the premises.
    """
    smoothness = real("L", L, above=0)
    scale = step_size("eta", eta, smoothness, "C14") * smoothness
    t = real("theta", theta, above=0, at_most=1)
    return _ratio(_gain(sigma2, oracle, t), t, oracle.beta2, scale)


def _gain(sigma2: ArrayLike, oracle: SmoothingOracle, theta: Array) -> Array:
    """``σ² - N(θ)``."""
    noise = biased.noise(sigma2, oracle, theta)  # checks sigma2
    return np.asarray(np.asarray(sigma2) - noise)


def _ratio(gain: Array, theta: Array, beta2: Array, scale: ArrayLike = 1.0) -> Array:
    """``scale gain/(θ²β²)``, and its limit where there is no bias: infinite for a gain, 0 for none."""
    unbiased = beta2 == 0
    size = product(scale, np.abs(gain), over=(theta, theta, np.where(unbiased, 1.0, beta2)))
    if not np.isfinite(size).all():
        raise UnrepresentableError("the critical batch size overflows float64 for these constants; there may as well be no bias")
    return np.sign(gain) * np.where(unbiased & (gain != 0), np.inf, size)
