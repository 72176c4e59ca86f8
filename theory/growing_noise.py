"""C20, noise that grows (A2′, expected smoothness): ``E‖g - ∇F‖² <= 2A(F - F*) + B‖∇F‖² + C`` (Khaled and Richtárik, 2020).

A2 is the case ``A = B = 0``, so that C is given as ``sigma2`` of :class:`Constants`. One step leaves ``E[F(w⁺) - F*] <= (1+a)(F - F*) -
gain ‖∇F‖² + lift``. Weights that fall as ``(1+a)^-t`` make the sum of that telescope, and so the bounds are on ``∇F(w_R)`` with
``P(R = t) ∝ (1+a)^-t``. At ``A = 0`` all iterates count alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import smoothing
from tsla.theory.bound import Bound
from tsla.theory.constants import ROUNDING, Array, Constants, real, shown_where, spelled, step_count, step_size
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.products import product
from tsla.theory.representable import representable

SAME = 1e-17  # 1/Σ_(t<T) (1+a)^-(t+1) is within that part of 1/T where T log(1+a) is at most that


@dataclass(frozen=True, kw_only=True, eq=False)
class Growth:
    """How the noise grows with the gap and with the gradient (A2′); all broadcast. Raises ValueError outside the ranges.

    A:  ``>= 0``, in units of L      B:  ``>= 0``, dimensionless
    """

    A: Array
    B: Array

    def __init__(self, *, A: ArrayLike, B: ArrayLike) -> None:
        for name, value in (("A", A), ("B", B)):
            object.__setattr__(self, name, real(name, value, at_least=0))

    __repr__ = spelled


@representable
def sgd_bound(constants: Constants, growth: Growth, *, eta: ArrayLike, T: ArrayLike) -> Bound:
    """SGD under A2′ (C20): ``E‖∇F(w_R)‖² <= [2F0 ηLA/(1 - (1+a)^-T) + ηLC]/(2 - ηL(1+B))``, ``a = Lη²A``, ``0 < η < 2/(L(1+B))``.

    ``P(R = t) ∝ (1+a)^-t``. At ``A = 0`` the first numerator is ``2F0/(ηT)``, and at ``A = B = 0`` this is C16. Assumes A1, A2′.
    Guarantee: upper bound, exact on ``(L/2)w²`` with ``F0 - (1+a)^-T E[F(w_T) - F*]`` for F0. Shapes: all arguments broadcast. Raises
    ValueError outside the premises.
    """
    step, steps = real("eta", eta, above=0), step_count("T", T)
    left = _left(2.0, product(step, constants.L, 1 + growth.B))
    if (left <= 0).any():
        limit = 2 / (constants.L * (1 + growth.B))
        worst, allowed = shown_where(left <= 0, step, limit)
        raise ValueError(f"eta = {worst} is not below 2/(L(1+B)) = {allowed}; C20 needs 0 < eta < 2/(L(1+B))")
    share = per_weight(product(constants.L, growth.A, step, step), steps)
    return Bound(
        method="sgd-abc",
        claim="C20",
        quantity=_quantity("LAη²"),
        terms={
            "optimisation": product(2, constants.F0, share, over=(step, left)),
            "noise": product(step, constants.L, constants.sigma2, over=(left,)),
        },
        lowered_by={
            "optimisation": "more steps T, or a smaller A",
            "noise": "a smaller eta, or a larger batch (it divides A, B and C)",
        },
        assumes=SGD.assumes,
    )


@representable
def lsr_bound(constants: Constants, growth: Growth, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """Label smoothing where ĝ has δ times the bound of A2′ (A3′): ``ρ[2F0 A/(1 - (1+ηρA)^-T) + C]/(1 - ρB)``, ``ρ = 1-θ+θδ`` (C20).

    ``P(R = t) ∝ (1+ηρA)^-t``, ``0 < η <= 1/L``, ``ρB < 1``; ``θ`` defaults to ``1/(1+δ)``, at which ``ρ = 2δ/(1+δ)``. At ``A = B = 0`` this
    is C5. Assumes A1, A2′, A3′. Guarantee: upper bound. Shapes: all arguments broadcast. Raises ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C20"), step_count("T", T)
    rho = _rho(constants, theta)
    left = _left(1.0, product(rho, growth.B))
    if (left <= 0).any():
        worst, allowed = shown_where(left <= 0, growth.B, 1 / np.maximum(rho, np.finfo(float).tiny))
        raise ValueError(f"B = {worst} is not below 1/rho = {allowed}, rho = 1-theta+theta*delta; C20 needs rho*B < 1")
    share = per_weight(product(step, rho, growth.A), steps)
    return Bound(
        method="lsr-abc",
        claim="C20",
        quantity=_quantity("ρAη"),
        terms={
            "optimisation": product(2, constants.F0, share, over=(step, left)),
            "smoothing": product(rho, constants.sigma2, over=(left,)),
        },
        lowered_by={
            "optimisation": "more steps T, or a smaller A",
            "smoothing": "a smoothing label of smaller delta, or another theta; neither T nor eta lowers it",
        },
        assumes=LSR.assumes,
    )


@representable
def per_weight(a: Array, T: Array) -> Array:
    """``1/Σ_(t<T) (1+a)^-(t+1) = a/(1 - (1+a)^-T)``: at least a, and at least ``1/T``, which it is at ``a = 0``."""
    with np.errstate(over="ignore", under="ignore"):
        exponent = T * np.log1p(a)
        grown = a / -np.expm1(-np.maximum(exponent, SAME))
    return np.where(exponent <= SAME, 1 / T, grown)


def _left(room: float, taken: Array) -> Array:
    """``room - taken``, rounded down: what is left of the descent of a step may be as small as the rounding error of what is taken."""
    return np.asarray((room - taken) - ROUNDING * taken)


def _rho(constants: Constants, theta: ArrayLike | None) -> Array:
    """``ρ = V(θ)/σ²``."""
    delta = constants.need_delta("C20")
    return smoothing.lemma_at_paper_theta(1.0, delta) if theta is None else smoothing.lemma(1.0, delta, theta)


def _quantity(rate: str) -> str:
    return f"E‖∇F(w_R)‖², P(R = t) ∝ (1+{rate})^-t,"


def sgd_why(k: Constants, growth: Growth, *, eta: float, T: float) -> list[Line]:
    """C20 for SGD, from A1 and A2′."""
    a, keep = product(k.L, growth.A, eta, eta), _left(2.0, product(eta, k.L, 1 + growth.B))
    share = per_weight(a, np.asarray(float(T)))
    start, noise = product(2, k.F0, share, over=(eta,)), product(eta, k.L, k.sigma2)
    return [
        Line("A1, in expectation:  E F(w⁺) <= F(w) - η(1 - ηL/2)‖∇F‖² + (L/2)η² E‖g - ∇F‖²"),
        Line("A2′:  E[F(w⁺) - F*] <= (1+a)(F - F*) - (η/2)(2 - ηL(1+B))‖∇F‖² + (L/2)η²C, a = LAη² = {}", a),
        Line("what is left of the descent, 2 - ηL(1+B) = {}", keep),
        Line("step t times (1+a)^-(t+1), summed over T = {} steps: the gaps telescope, and F >= F* at the end", T),
        Line("the weights add up to (1 - (1+a)^-T)/a = {}, which is T where a is 0", 1 / share),
        Line("divided by that and by η/2:  (2 - ηL(1+B)) E‖∇F(w_R)‖² <= 2F0 ηLA/(1 - (1+a)^-T) + ηLC = {} + {}", start, noise),
        Line("divided by what is left:  E‖∇F(w_R)‖² <= {} + {}", *(product(x, over=(keep,)) for x in (start, noise))),
    ]


def lsr_why(k: Constants, growth: Growth, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """C20 for label smoothing, from C2 and C3."""
    rho = _rho(k, theta)
    a, keep = product(eta, rho, growth.A), _left(1.0, product(rho, growth.B))
    share = per_weight(a, np.asarray(float(T)))
    start, floor = product(2, k.F0, share, over=(eta,)), product(rho, k.sigma2)
    return [
        Line("C2 at each w:  E‖g_LS - ∇F‖² <= ρ(2A(F - F*) + B‖∇F‖² + C), ρ = 1-θ+θδ = {}", rho),
        Line("C3, ηL = {} <= 1:  E[F(w⁺) - F*] <= (1+a)(F - F*) - (η/2)(1 - ρB)‖∇F‖² + (η/2)ρC, a = ρAη = {}", product(eta, k.L), a),
        Line("what is left of the descent, 1 - ρB = {}", keep),
        Line("step t times (1+a)^-(t+1), summed over T = {} steps: the gaps telescope, and F >= F* at the end", T),
        Line("the weights add up to (1 - (1+a)^-T)/a = {}, which is T where a is 0", 1 / share),
        Line("divided by that and by η/2:  (1 - ρB) E‖∇F(w_R)‖² <= 2F0 ρA/(1 - (1+a)^-T) + ρC = {} + {}", start, floor),
        Line("divided by what is left:  E‖∇F(w_R)‖² <= {} + {}", *(product(x, over=(keep,)) for x in (start, floor))),
    ]


SGD = Method(name="sgd-abc", claim="C20", needs="L F0 A B C", run="eta T", bound=sgd_bound, why=sgd_why)
LSR = Method(name="lsr-abc", claim="C20", needs="L delta F0 A B C", run="eta T", optional="theta", bound=lsr_bound, why=lsr_why)
