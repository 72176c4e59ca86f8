"""Exact worst cases (C16): what no algebra can improve, and instances that attain it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import lsr
from tsla.theory.bound import Bound
from tsla.theory.constants import Array, Constants, real, shown_where, step_count, target_squared
from tsla.theory.contraction import exact_product
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT


@representable
def sgd_bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike) -> Bound:
    """SGD at its exact worst case (C16): ``E‖∇F(w_R)‖² <= [2F0/(ηT) + ηLσ²]/(2 - ηL)`` for ``0 < η < 2/L``.

    Never worse than C4 for ``η <= 1/L``, and up to twice better. Assumes A1, A2. Guarantee: exact with ``F0 - E F(w_T)`` in place of F0:
    the performance-estimation program returns this value. Raises ValueError outside the premises.
    """
    step, steps = real("eta", eta, above=0), step_count("T", T)
    scale, error = exact_product(step, constants.L)
    slack = (2 - scale) - error  # which may be as small as the rounding error of the product
    too_large = slack <= 0
    if too_large.any():
        worst, limit = shown_where(too_large, step, 2 / constants.L)
        raise ValueError(f"eta = {worst} is not below 2/L = {limit}; C16 needs 0 < eta < 2/L")
    return Bound(
        method="sgd",
        claim="C16",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(2, constants.F0, over=(step, steps, slack)),
            "noise": product(step, constants.L, constants.sigma2, over=(slack,)),
        },
        lowered_by={
            "optimisation": "more steps T",
            "noise": "a smaller eta, or a larger batch (it divides sigma2)",
        },
        assumes=("A1", "A2"),
    )


@representable
def sgd_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by C16: ``η = ε²/(L(ε²+σ²))``, ``T = ⌈2LF0(ε²+σ²)/ε⁴⌉``; a quarter of C4's as ``ε → 0``.

    That step size is the best one: C16 at most ``ε²`` asks for ``T >= 2LF0/(x(2ε² - x(ε²+σ²)))``, ``x = ηL``, least at ``x = ε²/(ε²+σ²)``.
    """
    target2 = target_squared(eps)
    share = 1 / (1 + product(constants.sigma2, over=(target2,)))
    T = whole_steps(product(2, constants.L, constants.F0, over=(share, target2)))
    return Plan("sgd-exact", "C16", ("A1", "A2"), (Stage(share / constants.L, np.zeros_like(share), T),))


def sgd_why(k: Constants, *, eta: float, T: float) -> list[Line]:
    """C16 for SGD, from A1 and A2."""
    scale, error = exact_product(np.asarray(eta), k.L)
    keep = (2 - scale) - error
    total = product(2, k.F0, over=(eta, T)) + product(eta, k.L, k.sigma2)
    return [
        Line("A1 and A2 along w⁺ = w - ηg:  E F(w⁺) <= F(w) - η(1 - ηL/2)‖∇F‖² + (L/2)η²σ²"),
        Line("nothing is given away: 2(1 - ηL/2) = 2 - ηL = {}, where C4 keeps only 1", keep),
        Line("summed over T = {} steps and divided by ηT/2:  (2 - ηL) E‖∇F(w_R)‖² <= 2F0/(ηT) + ηLσ² = {}", T, total),
        Line("divided by 2 - ηL:  E‖∇F(w_R)‖² <= {}", product(total, over=(keep,))),
    ]


SGD = Method(
    name="sgd-exact",
    claim="C16",
    needs="L sigma2 F0",
    run="eta T",
    bound=sgd_bound,
    why=sgd_why,
    steps=sgd_steps,
    within="sgd",
    switch=("exact", "the exact worst case (C16) in place of C4; eta may be up to 2/L"),
)


@representable
def lsr_value(constants: Constants, *, T: ArrayLike, theta: ArrayLike | None = None) -> Array:
    """``2 L F0/T + V(θ)(T-1)/T``: the worst case of C5 at ``η = 1/L`` over all F with ``F(w_0) - F* <= F0`` (C16).

    Guarantee: exact for any error of second moment V; that of label smoothing has at most ``U(θ) <= V(θ)`` (C18). C5 itself is
    ``2 L F0/T + V(θ)``: what it gives away is V/T.
    """
    steps = step_count("T", T)
    noise = product(lsr.floor(constants, theta, claim="C16"), steps - 1, over=(steps,))
    return product(2, constants.L, constants.F0, over=(steps,)) + noise
