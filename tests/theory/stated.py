"""The lengths of plans as the paper and the docstrings state them, before they are rounded up, at 50 digits."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.claims.support.recursions import Exact, exact, mp
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import constants, positive_deltas

Stated = list[tuple[Exact, Exact]]
"""Of each stage: its first ηL, and its length."""


def stated(method: str, k: Constants, eps: float) -> Stated | None:
    """None for a method whose lengths are not stated here, which then has to need every step by its own bound.

    The oracle of a method that has one is that of ``relations.given_to``: half of δσ² is bias.
    """
    L, mu, sigma2, delta, F0 = (exact(getattr(k, name)) for name in ("L", "mu", "sigma2", "delta", "F0"))
    target2, kappa, V = exact(eps) ** 2, L / mu, 2 * delta * sigma2 / (1 + delta)
    x, full = limited(target2 / (2 * sigma2)), exact(1)
    if method == "sgd-pl-last":
        x = limited(mu * target2 / (2 * L * sigma2))
        return [(x, kappa / x * mp.log(4 * L * F0 / target2))]
    if method == "sgd-exact":
        return [(target2 / (target2 + sigma2), 2 * L * F0 * (target2 + sigma2) / target2**2)]
    if method == "lsr":
        return [(full, 2 * L * F0 / min(target2 / 2, target2 - V) if target2 > V else mp.inf)]
    if method == "lsr-pl":
        settled = max(2 * kappa * V / (target2 - V), 1) if target2 > V else mp.inf
        return [(full, kappa * mp.log(2 * mu * F0 / V)), (full, settled)]
    if method == "smoothed-pl":
        scale = largest_scale(sigma2, delta * sigma2 / 2, target2)
        return three_phases(kappa, mu * F0, lifted(scale, sigma2, delta * sigma2 / 2) / scale, target2)
    if method == "lsr-pl-last":
        left = target2 - kappa * V
        return [(full, kappa * mp.log(2 * L * F0 / left) if left > 0 else mp.inf)]
    if method == "smoothed-pl-last":
        scale = largest_scale(sigma2, delta * sigma2 / 2, target2 / kappa)
        left = target2 - kappa * lifted(scale, sigma2, delta * sigma2 / 2)
        return [(scale, kappa / scale * mp.log(2 * L * F0 / left))]
    at_worst, e = min(delta, 1) * sigma2, target2 / (2 * sigma2)
    share, sharp = at_half_of(target2, sigma2, min(delta, 1))
    if method == "lsr-pl-last-sharp":
        share, sharp = at_half_of(target2 / kappa, sigma2, min(delta, 1))
        return [(sharp, kappa / sharp * mp.log(2 * L * F0 / (target2 - kappa * at_worst if share == 1 else target2 / 2)))]
    return {
        "lsr-sharp": [(sharp, 4 * L * F0 / (sharp * target2))],
        "lsr-pl-sharp": three_phases(kappa, mu * F0, sigma2 * (1 - share + e) if share < 1 else at_worst, target2),
        "tsla-sharp": [(full, kappa * mp.log(2 * mu * F0 / at_worst)), (x, 4 * kappa * at_worst / (x * target2))],
        "sgd": [(x, 4 * L * F0 / (x * target2))],
        "tsla": [(full, kappa * mp.log(mu * F0 * (1 + delta) / (delta * sigma2))), (x, 8 * kappa * delta * sigma2 / (x * target2))],
        "sgd-pl": three_phases(kappa, mu * F0, sigma2, target2),
        "sgd-two-step": [(full, kappa * mp.log(2 * mu * F0 / sigma2)), (x, 4 * kappa * sigma2 / (x * target2))],
    }.get(method)


def limited(scale: Exact) -> Exact:
    return min(exact(1), scale)


def three_phases(kappa: Exact, muF0: Exact, noise: Exact, target2: Exact) -> Stated:
    phase = 4 * kappa * noise / target2
    return [(exact(1), kappa * mp.log(2 * muF0 / noise)), (exact(1), phase), (limited(target2 / (2 * noise)), phase)]


def at_half_of(target2: Exact, sigma2: Exact, delta: Exact) -> tuple[Exact, Exact]:
    """θ and ηL at which C18's floor is ε²/2, δ at most 1."""
    e = target2 / (2 * sigma2)
    share = min(e / delta, 1)
    return share, 1 / ((1 - share) / e + 1)


def lifted(x: Exact, sigma2: Exact, half: Exact) -> Exact:
    """min_θ θ²β² + x((1-θ)²σ² + θ²ν²), β² = ν² = half."""
    return x * sigma2 * half * (1 + x) / (half * (1 + x) + x * sigma2)


def largest_scale(sigma2: Exact, half: Exact, target2: Exact) -> Exact:
    """The x at which that is ε²/2, which is a root of ``a x² + b x - c``; at most 1."""
    a, c = sigma2 * half, target2 / 2 * half
    b = sigma2 * half - target2 / 2 * (half + sigma2)
    root = mp.sqrt(b**2 + 4 * a * c)
    return limited(2 * c / (b + root) if b > 0 else (root - b) / (2 * a))  # neither cancels


@st.composite
def problems(draw: st.DrawFn) -> tuple[Constants, float]:
    """Constants, and a target far below and far above what changes the formulas, near it, and at it as far as rounding goes.

    Not at a floor: there rounding decides whether it is reached.
    """
    k = draw(constants(delta=positive_deltas, noiseless=False))
    V = 2 * k.delta * k.sigma2 / (1 + k.delta)
    kink = draw(st.sampled_from([2 * k.sigma2, V, 2 * V, 4 * k.L * k.F0, 2 * k.L / k.mu * k.sigma2]))
    off = draw(st.floats(-6, 6).map(lambda power: 10.0**power) | st.floats(0.3, 3) | st.sampled_from([1 - 1e-9, 1.0, 1 + 1e-9]))
    assume(abs(kink * off / V - 1) > 1e-4)
    return k, float(np.sqrt(kink * off))
