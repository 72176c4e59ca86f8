"""C15, the fair baselines: what plain SGD reaches when it, too, may use A4 and two-level step sizes.

Notation: ``κ = L/μ``, ``Δ = F(w_0) - F*``, for which ``F0`` stands as an upper bound. All three are our own derivations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory.bound import Bound
from theory.constants import Array, Constants, real, shown, step_count, step_size
from theory.plan import Plan, Stage, whole_steps
from theory.sgd import noise_step_size
from theory.tsla import contraction

ASSUMES = ("A1", "A2", "A4")


def last_iterate_bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike) -> Bound:
    """The last iterate of SGD under A4 (C15a): ``E‖∇F(w_T)‖² <= 2L E[F(w_T)-F*] <= 2L(1-ημ)^T F0 + ηL²σ²/μ``, ``0 < η <= 1/L``.

    Assumes A1, A2, A4. Guarantee: upper bound. Shapes: all arguments broadcast. Raises ValueError outside the premises.
    """
    L, mu = constants.L, constants.need_mu("C15a")
    step, steps = step_size("eta", eta, L, "C15a"), step_count("T", T, at_least=0)
    with np.errstate(over="ignore"):
        return Bound(
            method="sgd-pl-last",
            claim="C15a",
            quantity="E‖∇F(w_T)‖²",
            terms={
                "optimisation": 2 * L * contraction(mu, step, steps) * constants.F0,
                "noise": step * L**2 * constants.sigma2 / mu,
            },
            lowered_by={"optimisation": "more steps T", "noise": "a smaller eta, or a larger batch (it divides sigma2)"},
            assumes=ASSUMES,
        )


def last_iterate_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_T)‖² <= ε²`` by C15a: ``η = min(1/L, με²/(2L²σ²))``, ``T = ⌈log(4L F0/ε²)/(ημ)⌉`` (at least 0)."""
    target2, L, mu = real("eps", eps, above=0) ** 2, constants.L, constants.need_mu("C15a")
    with np.errstate(over="ignore", divide="ignore"):
        eta = np.minimum(1 / L, mu * target2 / (2 * L**2 * constants.sigma2))
        T = whole_steps(np.log(4 * L * constants.F0 / target2) / (eta * mu))
    return Plan("sgd-pl-last", "C15a", ASSUMES, (Stage(eta, np.zeros_like(eta), T),))


def three_phase_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by PL-aware SGD in three phases (C15b), ``R`` uniform over the third: ``O(1/ε²)``.

    1. ``η = 1/L`` for ``κ log⁺(2μF0/σ²)`` steps: gap at most ``σ²/μ``;
    2. ``η_t = 2/(μ(t+2κ)) = (1/L)/(1 + t/(2κ))`` for ``4κσ²/ε²`` steps: gap at most ``ε²/(2μ)`` (2κ steps fewer would do);
    3. ``η = min(1/L, ε²/(2Lσ²))`` for ``4κσ²/ε²`` steps. Where ``ε² > 2σ²`` the minimum is ``1/L``, and the gap of phase 1 suffices.

    Each phase is rounded up. Raises ValueError at ``σ² = 0``, where the length of phase 1 has no value.
    """
    target, mu = real("eps", eps, above=0), constants.need_mu("C15b")
    _need_noise(constants, "C15b")
    kappa = constants.L / mu
    with np.errstate(over="ignore", divide="ignore"):
        burn_in = whole_steps(kappa * np.log(2 * mu * constants.F0 / constants.sigma2))
        phase = whole_steps(4 * kappa * constants.sigma2 / target**2)
    eta3 = noise_step_size(constants, target)
    none = np.zeros_like(eta3)
    stages = (
        Stage(1 / constants.L, none, burn_in),
        Stage(1 / constants.L, none, phase, decay_steps=2 * kappa),
        Stage(eta3, none, phase),
    )
    return Plan("sgd-pl", "C15b", ASSUMES, stages)


def two_step_size_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by TSLA's own two step sizes without smoothing (C15c).

    C7 with ``V = σ²``: ``T1 = ⌈κ log⁺(2μF0/σ²)⌉`` leaves a gap of at most ``σ²/μ``; then ``η2 = min(1/L, ε²/(2Lσ²))`` and
    ``T2 = ⌈4σ²/(μ η2 ε²)⌉``. Against it the gain of TSLA's second stage that is due to smoothing, and not to the step sizes, is
    exactly ``2δ/(1+δ)``. Raises ValueError at ``σ² = 0``.
    """
    target, mu = real("eps", eps, above=0), constants.need_mu("C15c")
    _need_noise(constants, "C15c")
    eta2 = noise_step_size(constants, target)
    with np.errstate(over="ignore", divide="ignore"):
        T1 = whole_steps(constants.L / mu * np.log(2 * mu * constants.F0 / constants.sigma2))
        T2 = whole_steps(4 * constants.sigma2 / (mu * eta2 * target**2))
    none = np.zeros_like(eta2)
    return Plan("sgd-two-step", "C15c", ASSUMES, (Stage(1 / constants.L, none, T1), Stage(eta2, none, T2)))


def smoothing_gain(delta: ArrayLike) -> Array:
    """``2δ/(1+δ)``: second stage of TSLA over second stage of two-step-size SGD (C15c); under 1 iff ``δ < 1``."""
    d = real("delta", delta, at_least=0)
    return 2 * d / (1 + d)


def _need_noise(constants: Constants, claim: str) -> None:
    if (constants.sigma2 == 0).any():
        raise ValueError(
            f"sigma2 = {shown(0)} must be above 0 for {claim}, which splits the run at the noise level; any upper bound serves"
        )
