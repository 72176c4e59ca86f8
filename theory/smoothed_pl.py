"""What smoothing is worth when bias and noise are told apart and SGD may use A4 (C12 with C15b): three phases at one well-chosen θ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import SMALLEST_NORMAL, Array, Constants, real, target_squared
from tsla.theory.method import Method
from tsla.theory.moments import Moments
from tsla.theory.plan import Plan
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd_pl import three_phases

HALVINGS = 100  # of a bracket in the logarithm of the step size: to the last bit for any bracket that float64 holds


@representable
def steps(constants: Constants, oracle: SmoothingOracle, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by C15b's three phases, smoothed at ``θ°(η3)`` throughout, ``η3`` the last step size.

    With ``M(η) = min_θ θ²β² + ηL N(θ)`` (C12's floor), ``η3 <= 1/L`` is the largest step size with ``M(η3) <= ε²/2``, and
    ``σ3² = M(η3)/(η3 L) <= σ²`` the variance that plain SGD would need to do as well. At any ``η >= η3`` the same θ costs
    ``θ²β² + ηL N(θ) <= ηL σ3²``, so that C15b holds with ``σ3²`` for ``σ²``: ``κ log⁺(2μF0/σ3²) + 8κσ3²/ε²`` samples. (The last 2κ
    steps of phase 2 have ``η < η3``; they are not needed, and they keep the gap where it is.) Raises ValueError where ``σ3² = 0``, at which
    phase 1 has no length.
    """
    target2 = target_squared(eps)
    constants.need_mu("C12")
    scale = largest_scale(constants.sigma2, oracle, target2)
    theta, error = _best(oracle.moments(constants.sigma2), scale)
    noise = error / scale
    if (noise == 0).any():
        raise ValueError("sigma2 = 0 after smoothing; C12 with C15b needs some noise to split the run at; any upper bound serves")
    return Plan("smoothed-pl", "C12", ("A1", "A2", "A3", "A4"), three_phases(constants, noise, target2, theta, claim="C12"))


@representable
def gain(sigma2: ArrayLike, oracle: SmoothingOracle, eps: ArrayLike) -> Array:
    """``σ3²/σ²``, at most 1: samples of the smoothed three phases over those of plain ones, but for the logarithm.

    Under 1 iff ``c < σ²``: with the exact second moment some smoothing always pays. It pays much only where ``β²`` is not far above
    ``ε²``: at ``c = 0`` the gain is ``1 - x/(β² + x(σ²+ν²)/σ²)``, ``x = ε²σ²/(2σ3²)``.
    """
    s2 = real("sigma2", sigma2, above=0)
    scale = largest_scale(s2, oracle, target_squared(eps))
    return _best(oracle.moments(s2), scale)[1] / (scale * s2)


def largest_scale(sigma2: Array, oracle: SmoothingOracle, target2: Array) -> Array:
    """``η3 L``: the largest ``x`` in (0, 1] with ``min_θ θ²β² + x N(θ) <= ε²/2``, by bisection; the minimum increases with x."""
    found = oracle.moments(sigma2)
    low = np.minimum(1.0, product(target2, over=(2, sigma2)))  # without smoothing the floor is x σ²
    high = np.ones_like(low)
    enough = _best(found, high)[1] <= target2 / 2
    for _ in range(HALVINGS):
        middle = np.where(low * high < SMALLEST_NORMAL, np.sqrt(low) * np.sqrt(high), np.sqrt(low * high))  # a product may vanish
        fits = _best(found, middle)[1] <= target2 / 2
        before, low, high = (low, high), np.where(fits, middle, low), np.where(fits, high, middle)
        if np.array_equal(before[0], low) and np.array_equal(before[1], high):  # and so it stays
            break
    return np.where(enough, 1.0, low)


def _best(found: Moments, scale: Array) -> tuple[Array, Array]:
    """θ° at ``ηL = scale``, and C12's floor there."""
    theta = found.theta_for_step(scale)
    return np.asarray(theta), np.asarray(found.floor(theta, scale))


METHOD = Method(name="smoothed-pl", claim="C12", needs="L mu sigma2 F0 beta2 nu2", steps=steps)
