"""TSLA: label-smoothed SGD first, plain SGD after. Stage 1 is C7, the whole is C8."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import lsr, smoothing
from tsla.theory.bound import Bound, longer
from tsla.theory.constants import Array, Constants, step_count, step_size, target_squared
from tsla.theory.contraction import contraction
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import logarithm, product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT, noise_step_size


@representable
def stage_one(constants: Constants, *, eta1: ArrayLike, T1: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """The gap after the smoothed stage (C7): ``E[F(w_T1) - F*] <= (1-η1 μ)^T1 F0 + V(θ)/(2μ)``, ``0 < η1 <= 1/L``, ``T1 >= 0``.

    Assumes A1-A4. Guarantee: upper bound; its floor ``V/(2μ)`` is attained by ``μw²/2`` under a constant bias ``√V`` (C16), which label
    smoothing has at ``θ = 1``. Below, ``W/(2μ)`` is less (C18, :mod:`tsla.theory.sharp_pl`).
    ``θ`` defaults to ``1/(1+δ)``. Shapes: all arguments broadcast. Raises ValueError outside the premises.
    """
    mu = constants.need_mu("C7")
    step, steps = step_size("eta1", eta1, constants.L, "C7"), step_count("T1", T1, at_least=0)
    return Bound(
        method="tsla",
        claim="C7",
        quantity="E[F(w_T1) - F*]",
        terms={
            "optimisation": product(contraction(mu, step, steps), constants.F0),
            "smoothing": product(lsr.floor(constants, theta, claim="C7"), over=(2, mu)),
        },
        lowered_by={
            "optimisation": longer(step, constants.L, steps="a longer first stage T1", eta="eta1"),
            "smoothing": "a smoothing label of smaller delta; neither T1 nor eta1 lowers it",
        },
        assumes=("A1", "A2", "A3", "A4"),
    )


@representable
def bound(
    constants: Constants,
    *,
    eta1: ArrayLike,
    T1: ArrayLike,
    eta2: ArrayLike,
    T2: ArrayLike,
    theta: ArrayLike | None = None,
) -> Bound:
    """Mean squared gradient of a random iterate of TSLA's second stage (C8 for any step sizes and lengths).

    ``E‖∇F(w_R)‖² <= 2 ((1-η1 μ)^T1 F0 + V(θ)/(2μ))/(η2 T2) + η2 L σ²``: C7 gives the gap at which C4 starts. Assumes A1-A4,
    ``0 < η1, η2 <= 1/L``. Guarantee: upper bound; C18 has a smaller one. ``θ`` defaults to ``1/(1+δ)``. Raises ValueError outside the
    premises.
    """
    gap = stage_one(constants, eta1=eta1, T1=T1, theta=theta)
    step, steps = step_size("eta2", eta2, constants.L, "C8"), step_count("T2", T2)
    return plain_stage(constants, gap.terms["optimisation"], gap.terms["smoothing"], step, steps, claim="C8")


def plain_stage(constants: Constants, left: Array, lifted: Array, step: Array, steps: Array, *, claim: str) -> Bound:
    """C4 from the gap ``left + lifted``: what a smoothed stage leaves of F0, and what the error of its direction adds."""
    return Bound(
        method="tsla",
        claim=claim,
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(2, left, over=(step, steps)),
            "smoothing": product(2, lifted, over=(step, steps)),
            "noise": product(step, constants.L, constants.sigma2),
        },
        lowered_by={
            "optimisation": "a longer first stage T1, or more plain steps T2",
            "smoothing": "more plain steps T2, or a smoothing label of smaller delta",
            "noise": "a smaller eta2, or a larger batch (it divides sigma2)",
        },
        assumes=("A1", "A2", "A3", "A4"),
    )


@representable
def steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by C8, with ``θ = 1/(1+δ)``, ``η1 = 1/L``.

    ``T1 = ⌈log(μF0(1+δ)/(δσ²))/(η1 μ)⌉`` (0 if the logarithm is not positive), ``η2 = min(1/L, ε²/(2Lσ²))``,
    ``T2 = ⌈8δσ²/(μ η2 ε²)⌉``. The paper has ``η2 = ε²/(2Lσ²)`` and needs it to be at most ``1/L``; the minimum keeps the guarantee
    for larger ε. Raises ValueError at ``δσ² = 0``, where T1 has no value.
    """
    target2, mu, delta = target_squared(eps), constants.need_mu("C8"), constants.need_delta("C8")
    for name, value in (("delta", delta), ("sigma2", constants.sigma2)):
        if (value == 0).any():
            raise ValueError(f"{name} = 0 must be above 0 for C8, whose T1 grows like log(1/{name}); any upper bound serves")
    eta1, eta2 = 1 / constants.L, noise_step_size(constants.L, constants.sigma2, target2)
    T1 = whole_steps(logarithm(mu, constants.F0, 1 + delta, over=(delta, constants.sigma2)) / (eta1 * mu))
    T2 = whole_steps(product(8, delta, constants.sigma2, over=(mu, eta2, target2)))
    smoothed = Stage(eta1, smoothing.paper_theta(delta), T1)
    return Plan("tsla", "C8", ("A1", "A2", "A3", "A4"), (smoothed, Stage(eta2, np.zeros_like(eta2), T2)))


def too_large_delta(constants: Constants, eps: float, samples: float) -> float:
    """A δ at which the second stage alone asks for ten times ``samples``."""
    eta2 = float(noise_step_size(constants.L, constants.sigma2, target_squared(eps)))
    return float(product(10, samples, constants.need_mu("C8"), eta2, eps, eps, over=(8, constants.sigma2)))


def why(k: Constants, *, eta1: float, T1: float, eta2: float, T2: float, theta: float | None = None) -> list[Line]:
    """C7, then C8."""
    mu, delta = k.need_mu("C8"), k.need_delta("C8")
    t = smoothing.paper_theta(delta) if theta is None else theta
    V, kept = lsr.floor(k, theta), contraction(mu, np.asarray(eta1), np.asarray(T1))
    left, lifted = product(kept, k.F0), product(V, over=(2, mu))
    gap = left + lifted
    return [
        Line("stage 1, smoothed with θ = {}:  E‖g_LS - ∇F‖² <= V(θ) = (1-θ)σ² + θδσ² = {} (C2)", t, V),
        Line("C3 and A4, η1 L = {} <= 1:  E[F(w⁺) - F*] <= (1-η1 μ)(F - F*) + (η1/2)V, 1 - η1 μ = {}", product(eta1, k.L), 1 - eta1 * mu),
        Line("over T1 = {} steps (1-η1 μ)^T1 = {}, and Σ(1-η1 μ)^t <= 1/(η1 μ):", T1, kept),
        Line("C7:  E[F(w_T1) - F*] <= (1-η1 μ)^T1 F0 + V/(2μ) = {} + {} = {}", left, lifted, gap),
        Line("stage 2, plain SGD from that gap (C4), η2 L = {} <= 1:  E‖∇F(w_R)‖² <= 2·gap/(η2 T2) + η2 L σ²", product(eta2, k.L)),
        Line("η2 T2 = {}:  = {} + {}", product(eta2, T2), product(2, gap, over=(eta2, T2)), product(eta2, k.L, k.sigma2)),
    ]


METHOD = Method(
    name="tsla",
    claim="C8",
    needs="L mu sigma2 delta F0",
    run="eta1 T1 eta2 T2",
    optional="theta",
    bound=bound,
    why=why,
    steps=steps,
    too_large=too_large_delta,
)
