"""C18 under A4: the gap of label-smoothed SGD, smoothing that is never dropped, and TSLA, with W for the variance lemma's V."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import lsr, sharp, two_stage
from tsla.theory.bound import Bound, longer
from tsla.theory.constants import Array, Constants, step_count, step_size, target_squared
from tsla.theory.contraction import contraction
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import logarithm, product
from tsla.theory.representable import representable
from tsla.theory.sgd import noise_step_size
from tsla.theory.sgd_pl import three_phases

ASSUMES = (*sharp.ASSUMES, "A4")


@representable
def gap_bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """The gap of label-smoothed SGD under A4 (C18): ``E[F(w_T) - F*] <= (1-ημ)^T F0 + W(θ, ηL)/(2μ)``, ``0 < η <= 1/L``, ``T >= 0``.

    ``θ`` defaults to ``θ°(η)``. Assumes A1-A4. Guarantee: upper bound. Shapes: all arguments broadcast. Raises ValueError outside the
    premises.
    """
    mu = constants.need_mu("C18")
    step, steps = step_size("eta", eta, constants.L, "C18"), step_count("T", T, at_least=0)
    start, smoothing, noise = _gap(constants, mu, step, steps, theta)
    return Bound(
        method="lsr",
        claim="C18",
        quantity="E[F(w_T) - F*]",
        terms={"optimisation": start, "smoothing": smoothing, "noise": noise},
        lowered_by={"optimisation": longer(step, constants.L), **sharp.LOWERED_BY},
        assumes=ASSUMES,
    )


def _gap(constants: Constants, mu: Array, step: Array, steps: Array, theta: ArrayLike | None) -> tuple[Array, Array, Array]:
    """What is left of F0, and the two parts of ``W/(2μ)``."""
    smoothing, noise = sharp.floor(constants, step, theta)
    return product(contraction(mu, step, steps), constants.F0), product(smoothing, over=(2, mu)), product(noise, over=(2, mu))


def gap_why(k: Constants, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """The gap, from C12 and A4."""
    mu = k.need_mu("C18")
    return [*_gap_why(k, mu, eta, T, theta), _joined("E[F(w_T) - F*] <= (1-ημ)^T F0 + W/(2μ) = {} + {}", k, mu, eta, T, theta)]


def _gap_why(k: Constants, mu: Array, eta: float, T: float, theta: float | None) -> list[Line]:
    W = np.asarray(sum(sharp.floor(k, np.asarray(eta), theta)))
    return [
        *sharp.floor_why(k, eta, theta),
        Line("A4, 2μ(F - F*) <= ‖∇F‖², μ = {}:  E[F(w⁺) - F*] <= (1-ημ)(F - F*) + (η/2)W, W = {}", mu, W),
        Line("over T = {} steps (1-ημ)^T = {}, and Σ(1-ημ)^t <= 1/(ημ):", T, contraction(mu, np.asarray(eta), np.asarray(T))),
    ]


def _joined(text: str, k: Constants, mu: Array, eta: float, T: float, theta: float | None) -> Line:
    start, smoothing, noise = _gap(k, mu, np.asarray(eta), np.asarray(T), theta)
    return Line(text, start, smoothing + noise)


@representable
def never_dropped_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by C15b's three phases, smoothed throughout at the θ of C18's plan.

    That plan's step size η3 is the last one here, and ``σ3² = W/(η3 L) = σ²(1 - e(1/δ - 1))``, ``e = ε²/(2σ²) <= δ <= 1``. At any
    ``η >= η3`` the same θ has ``W(θ, ηL) <= ηLσ3²``, so that C15b holds with ``σ3²`` for ``σ²``: ``κ log⁺(2μF0/σ3²) + 8κσ3²/ε²`` samples.
    (The last 2κ steps of phase 2 have ``η < η3``; they are not needed, and they keep the gap where it is.) Raises ValueError at
    ``δσ² = 0``, where phase 1 has no length.
    """
    target2 = target_squared(eps)
    constants.need_mu("C18")
    lsr.need_error(constants, "C18")
    _, theta, noise = sharp.half_target(constants, target2)
    return Plan("lsr-pl-sharp", "C18", ASSUMES, three_phases(constants, noise, target2, theta, claim="C18"))


def too_large_delta(constants: Constants, eps: float, samples: float) -> float:
    """The δ at which phases 2 and 3 take ten times ``samples``."""
    target2 = target_squared(eps)
    e = float(product(target2, over=(2, constants.sigma2)))
    noise = float(product(10, samples, target2, constants.need_mu("C18"), over=(8, constants.L, constants.sigma2)))
    return np.nan if noise >= 1 else noise if noise <= e else e / (1 + (e - noise))


@representable
def tsla_bound(
    constants: Constants, *, eta1: ArrayLike, T1: ArrayLike, eta2: ArrayLike, T2: ArrayLike, theta: ArrayLike | None = None
) -> Bound:
    """Mean squared gradient of a random iterate of TSLA's second stage, with W for V (C18).

    ``E‖∇F(w_R)‖² <= 2 ((1-η1 μ)^T1 F0 + W(θ, η1 L)/(2μ))/(η2 T2) + η2 L σ²``, ``0 < η1, η2 <= 1/L``. ``θ`` defaults to ``θ°(η1)``, which is
    1 at ``η1 = 1/L`` for ``δ < 1``. Assumes A1-A4. Guarantee: upper bound. Raises ValueError outside the premises.
    """
    mu = constants.need_mu("C18")
    step1, steps1 = step_size("eta1", eta1, constants.L, "C18"), step_count("T1", T1, at_least=0)
    step, steps = step_size("eta2", eta2, constants.L, "C18"), step_count("T2", T2)
    start, smoothing, noise = _gap(constants, mu, step1, steps1, theta)
    return two_stage.plain_stage(constants, start, smoothing + noise, step, steps, claim="C18")


@representable
def tsla_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by TSLA with W for V (C18), at ``η1 = 1/L`` and ``θ = θ°(1/L)``, that is 1 for ``δ < 1``, else 0.

    Then ``W = min(δ, 1)σ²``. ``T1 = ⌈κ log⁺(2μF0/W)⌉`` leaves a gap of at most ``W/μ``. ``T2 = ⌈4W/(μ η2 ε²)⌉`` at
    ``η2 = min(1/L, ε²/(2Lσ²))``, half of C8's for ``δ < 1``. Raises ValueError at ``δσ² = 0``, where T1 has no value.
    """
    target2, mu, delta = target_squared(eps), constants.need_mu("C18"), constants.need_delta("C18")
    lsr.need_error(constants, "C18")
    W, eta2 = product(np.minimum(delta, 1.0), constants.sigma2), noise_step_size(constants.L, constants.sigma2, target2)
    T1 = whole_steps(constants.L / mu * logarithm(2, mu, constants.F0, over=(W,)))
    T2 = whole_steps(product(4, W, over=(mu, eta2, target2)))
    smoothed = Stage(1 / constants.L, np.where(delta < 1, 1.0, 0.0), T1)
    return Plan("tsla-sharp", "C18", ASSUMES, (smoothed, Stage(eta2, np.zeros_like(eta2), T2)))


def too_large_tsla_delta(constants: Constants, eps: float, samples: float) -> float:
    """The δ at which the second stage alone takes ten times ``samples``."""
    eta2 = noise_step_size(constants.L, constants.sigma2, target_squared(eps))
    delta = float(product(10, samples, constants.need_mu("C18"), eta2, eps, eps, over=(4, constants.sigma2)))
    return delta if delta < 1 else np.nan


def tsla_why(k: Constants, *, eta1: float, T1: float, eta2: float, T2: float, theta: float | None = None) -> list[Line]:
    """The gap after stage 1, then C4."""
    mu = k.need_mu("C18")
    gap = sum(_gap(k, mu, np.asarray(eta1), np.asarray(T1), theta))
    return [
        *_gap_why(k, mu, eta1, T1, theta),
        _joined("stage 1 leaves  E[F(w_T1) - F*] <= (1-η1 μ)^T1 F0 + W/(2μ) = {} + {}", k, mu, eta1, T1, theta),
        Line("stage 2, plain SGD from that gap (C4), η2 L = {} <= 1:  E‖∇F(w_R)‖² <= 2·gap/(η2 T2) + η2 L σ²", product(eta2, k.L)),
        Line("η2 T2 = {}:  = {} + {}", product(eta2, T2), product(2, gap, over=(eta2, T2)), product(eta2, k.L, k.sigma2)),
    ]


NEEDS = "L mu sigma2 delta F0"
GAP = Method(
    name="lsr-sharp",
    claim="C18",
    needs=NEEDS,
    run="eta T",
    optional="theta",
    bound=gap_bound,
    why=gap_why,
    within="lsr",
    switch=sharp.SWITCH,
)
NEVER_DROPPED = Method(name="lsr-pl-sharp", claim="C18", needs=NEEDS, steps=never_dropped_steps, too_large=too_large_delta)
TSLA = Method(
    name="tsla-sharp",
    claim="C18",
    title="TSLA by the sharp lemma",
    needs=NEEDS,
    run="eta1 T1 eta2 T2",
    optional="theta",
    bound=tsla_bound,
    why=tsla_why,
    steps=tsla_steps,
    too_large=too_large_tsla_delta,
    within="tsla",
    switch=sharp.SWITCH,
)
