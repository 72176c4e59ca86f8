"""C21, heavy ball: ``v⁺ = mv + g``, ``w⁺ = w - ηv⁺`` from ``v_0 = 0``, with momentum ``m`` in [0, 1).

``z = w - ηm/(1-m) v`` makes steps of plain SGD, ``z⁺ = z - hg`` with ``h = η/(1-m)``, along gradients that are taken at w. The potential
``F(z) + h²Lm/2 ‖v‖²`` pays for that (as in Liu, Gao and Yin, 2020, with a weight of our own). It falls in every step:

    E potential⁺ <= potential - (h/2)(2 - hL(1+m)/(1-m))‖∇F(w)‖² + (h²L/2)(1+m)σ²
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.bound import Bound
from tsla.theory.constants import ROUNDING, Array, Constants, real, shown, shown_where, step_count
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT


@representable
def bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, momentum: ArrayLike) -> Bound:
    """SGD with momentum m (C21): ``E‖∇F(w_R)‖² <= [2F0/(hT) + hL(1+m)σ²]/(2 - hL(1+m)/(1-m))``, ``h = η/(1-m)``.

    For ``0 < η < 2(1-m)²/(L(1+m))``. At ``m = 0`` it is C16. Assumes A1, A2. Guarantee: upper bound; for ``T <= 3`` the worst case is 28
    to 96 % of it at the settings of the certificates. Shapes: all arguments broadcast. Raises ValueError outside the premises.
    """
    step, steps, m = real("eta", eta, above=0), step_count("T", T), _momentum(momentum)
    left = _left(constants.L, step, m)
    if (left <= 0).any():
        limit = 2 * (1 - m) ** 2 / (constants.L * (1 + m))
        worst, allowed = shown_where(left <= 0, step, limit)
        name = "2(1-m)²/(L(1+m))"
        raise ValueError(f"eta = {worst} is not below {name} = {allowed}; C21 needs 0 < eta < {name}, m the momentum")
    return Bound(
        method="sgd-momentum",
        claim="C21",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(2, constants.F0, 1 - m, over=(step, steps, left)),
            "noise": product(step, constants.L, 1 + m, constants.sigma2, over=(1 - m, left)),
        },
        lowered_by={
            "optimisation": "more steps T",
            "noise": "a smaller eta, or a smaller momentum, or a larger batch (it divides sigma2)",
        },
        assumes=("A1", "A2"),
    )


def _momentum(value: ArrayLike) -> Array:
    m = real("momentum", value, at_least=0)
    if (m >= 1).any():
        raise ValueError(f"momentum = {shown(m[m >= 1].flat[0])} must be a finite number at least 0 and below 1")
    return m


def _left(L: Array, step: Array, m: Array) -> Array:
    """``2 - hL(1+m)/(1-m)``, rounded down: what is left of the descent."""
    taken = product(step, L, 1 + m, over=(1 - m, 1 - m))
    return np.asarray((2 - taken) - 2 * ROUNDING * taken)


def why(k: Constants, *, eta: float, T: float, momentum: float) -> list[Line]:
    """C21, from A1 and A2."""
    m = _momentum(momentum)
    h, left = product(eta, over=(1 - m,)), _left(k.L, np.asarray(eta), m)
    start, noise = product(2, k.F0, over=(h, T)), product(h, k.L, 1 + m, k.sigma2)
    return [
        Line("z = w - ηm/(1-m) v makes steps of SGD, z⁺ = z - hg, h = η/(1-m) = {}", h),
        Line("A1 and A2 along z⁺:  E F(z⁺) <= F(z) - h⟨∇F(z), ∇F(w)⟩ + (L/2)h²(‖∇F(w)‖² + σ²)"),
        Line("A1, w - z = hmv, so ‖∇F(z) - ∇F(w)‖ <= hLm‖v‖, hLm = {}", product(h, k.L, m)),
        Line("v⁺ = mv + g:  E‖v⁺‖² <= m²‖v‖² + 2m⟨v, ∇F(w)⟩ + ‖∇F(w)‖² + σ²"),
        Line(
            "both products by Young, with 1-m and 1/(1-m), and ‖v‖² weighted by h²Lm/2 = {}",
            product(h, h, k.L, m, over=(2,)),
        ),
        Line(
            "E F(z⁺) + h²Lm/2 E‖v⁺‖² <= F(z) + h²Lm/2 ‖v‖² - (h/2)(2 - hL(1+m)/(1-m))‖∇F(w)‖² + (h²L/2)(1+m)σ², 2 - hL(1+m)/(1-m) = {}",
            left,
        ),
        Line("summed over T = {} steps, with F >= F* and v_0 = 0, divided by hT/2:  2F0/(hT) + hL(1+m)σ² = {} + {}", T, start, noise),
        Line("divided by what is left:  E‖∇F(w_R)‖² <= {} + {}", *(product(x, over=(left,)) for x in (start, noise))),
    ]


METHOD = Method(name="sgd-momentum", claim="C21", needs="L sigma2 F0", run="eta T momentum", bound=bound, why=why)
