"""C15, the fair baselines: what plain SGD reaches when it, too, may use A4 and two-level step sizes.

Notation: ``κ = L/μ``, ``Δ = F(w_0) - F*``, for which ``F0`` stands as an upper bound. All three are our own derivations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import smoothing
from tsla.theory.bound import Bound
from tsla.theory.constants import Array, Constants, step_count, step_size, target_squared
from tsla.theory.contraction import contraction
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import logarithm, product
from tsla.theory.representable import representable
from tsla.theory.sgd import noise_step_size

ASSUMES = ("A1", "A2", "A4")


@representable
def last_iterate_bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike) -> Bound:
    """The last iterate of SGD under A4 (C15a): ``E‖∇F(w_T)‖² <= 2L E[F(w_T)-F*] <= 2L(1-ημ)^T F0 + ηL²σ²/μ``, ``0 < η <= 1/L``.

    Assumes A1, A2, A4. Guarantee: upper bound. Shapes: all arguments broadcast. Raises ValueError outside the premises.
    """
    L, mu = constants.L, constants.need_mu("C15a")
    step, steps = step_size("eta", eta, L, "C15a"), step_count("T", T, at_least=0)
    return Bound(
        method="sgd-pl-last",
        claim="C15a",
        quantity="E‖∇F(w_T)‖²",
        terms={
            "optimisation": product(2, L, contraction(mu, step, steps), constants.F0),
            "noise": product(step, L, L, constants.sigma2, over=(mu,)),
        },
        lowered_by={"optimisation": "more steps T", "noise": "a smaller eta, or a larger batch (it divides sigma2)"},
        assumes=ASSUMES,
    )


@representable
def last_iterate_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_T)‖² <= ε²`` by C15a: ``η = min(1/L, με²/(2L²σ²))``, ``T = ⌈log(4L F0/ε²)/(ημ)⌉`` (at least 0)."""
    target2, L, mu = target_squared(eps), constants.L, constants.need_mu("C15a")
    eta = np.minimum(1 / L, product(mu, target2, over=(2, L, L, constants.sigma2)))
    T = whole_steps(logarithm(4, L, constants.F0, over=(target2,)) / (eta * mu))
    return Plan("sgd-pl-last", "C15a", ASSUMES, (Stage(eta, np.zeros_like(eta), T),), of_last=True)


def last_iterate_why(k: Constants, *, eta: float, T: float) -> list[Line]:
    """C15a, from A1, A2 and A4."""
    mu = k.need_mu("C15a")
    kept, noise = contraction(mu, np.asarray(eta), np.asarray(T)), product(eta, k.L, k.sigma2, over=(2, mu))
    return [
        Line("A1 and A2 along w⁺ = w - ηg, ηL = {} <= 1:  E F(w⁺) <= F(w) - (η/2)‖∇F‖² + (L/2)η²σ²", product(eta, k.L)),
        Line("A4, 2μ(F - F*) <= ‖∇F‖², μ = {}:  E[F(w⁺) - F*] <= (1-ημ)(F - F*) + (L/2)η²σ²", mu),
        Line("over T = {} steps (1-ημ)^T = {}, and Σ(1-ημ)^t <= 1/(ημ):", T, kept),
        Line("E[F(w_T) - F*] <= (1-ημ)^T F0 + ηLσ²/(2μ) = {} + {}", product(kept, k.F0), noise),
        Line(
            "A1, ‖∇F‖² <= 2L(F - F*):  E‖∇F(w_T)‖² <= 2L(1-ημ)^T F0 + ηL²σ²/μ = {} + {}",
            product(2, k.L, kept, k.F0),
            product(eta, k.L, k.L, k.sigma2, over=(mu,)),
        ),
    ]


@representable
def three_phase_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by PL-aware SGD in three phases (C15b), ``R`` uniform over the third: ``O(1/ε²)``.

    The phases are those of :func:`three_phases` at noise ``σ²``. Raises ValueError at ``σ² = 0``, where phase 1 has no length.
    """
    target2 = target_squared(eps)
    _need_noise(constants, "C15b")
    return Plan("sgd-pl", "C15b", ASSUMES, three_phases(constants, constants.sigma2, target2, np.zeros(()), claim="C15b"))


@representable
def three_phases(constants: Constants, noise: Array, target2: Array, theta: Array, *, claim: str) -> tuple[Stage, ...]:
    """The phases of C15b for directions whose error costs at most ``η L noise`` at every step size that is used.

    1. ``η = 1/L`` for ``κ log⁺(2μF0/noise)`` steps: gap at most ``noise/μ``;
    2. ``η_t = 2/(μ(t+2κ)) = (1/L)/(1 + t/(2κ))`` for ``4κ noise/ε²`` steps: gap at most ``ε²/(2μ)`` (2κ steps fewer would do);
    3. ``η = min(1/L, ε²/(2L noise))`` for ``4κ noise/ε²`` steps. Where ``ε² > 2 noise`` the minimum is ``1/L``, and the gap of phase 1
       suffices.

    Each phase is rounded up. All of them smooth with ``theta``.
    """
    mu = constants.need_mu(claim)
    kappa = constants.L / mu
    burn_in = whole_steps(kappa * logarithm(2, mu, constants.F0, over=(noise,)))
    phase = whole_steps(product(4, constants.L, noise, over=(mu, target2)))
    last = noise_step_size(constants.L, noise, target2)
    largest = 1 / constants.L
    return (Stage(largest, theta, burn_in), Stage(largest, theta, phase, decay_steps=2 * kappa), Stage(last, theta, phase))


@representable
def two_step_size_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by TSLA's own two step sizes without smoothing (C15c).

    C7 with ``V = σ²``: ``T1 = ⌈κ log⁺(2μF0/σ²)⌉`` leaves a gap of at most ``σ²/μ``; then ``η2 = min(1/L, ε²/(2Lσ²))`` and
    ``T2 = ⌈4σ²/(μ η2 ε²)⌉``. Against it the gain of TSLA's second stage that is due to smoothing, and not to the step sizes, is
    exactly ``2δ/(1+δ)``. Raises ValueError at ``σ² = 0``.
    """
    target2, mu = target_squared(eps), constants.need_mu("C15c")
    _need_noise(constants, "C15c")
    eta2 = noise_step_size(constants.L, constants.sigma2, target2)
    T1 = whole_steps(constants.L / mu * logarithm(2, mu, constants.F0, over=(constants.sigma2,)))
    T2 = whole_steps(product(4, constants.sigma2, over=(mu, eta2, target2)))
    none = np.zeros_like(eta2)
    return Plan("sgd-two-step", "C15c", ASSUMES, (Stage(1 / constants.L, none, T1), Stage(eta2, none, T2)))


def smoothing_gain(delta: ArrayLike) -> Array:
    """``2δ/(1+δ) = V/σ²``: what smoothing makes of the gap at which the plain stage starts, the step sizes being the same (C15c).

    Under 1 iff ``δ < 1``. The lengths that C8 and C15c plan differ by ``2δ``, as C8 gives away a factor ``1+δ``.
    """
    return smoothing.lemma_at_paper_theta(1.0, delta)


def _need_noise(constants: Constants, claim: str) -> None:
    if (constants.sigma2 == 0).any():
        raise ValueError(f"sigma2 = 0 must be above 0 for {claim}, which splits the run at the noise level; any upper bound serves")


LAST_ITERATE = Method(
    name="sgd-pl-last",
    claim="C15a",
    needs="L mu sigma2 F0",
    run="eta T",
    bound=last_iterate_bound,
    why=last_iterate_why,
    steps=last_iterate_steps,
)
THREE_PHASES = Method(name="sgd-pl", claim="C15b", needs="L mu sigma2 F0", steps=three_phase_steps)
TWO_STEP_SIZES = Method(name="sgd-two-step", claim="C15c", needs="L mu sigma2 F0", steps=two_step_size_steps)
