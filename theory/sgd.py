"""Plain SGD without A4: the descent lemma C3, and the paper's baseline C4 (Ghadimi and Lan, 2013)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.bound import Bound, longer
from tsla.theory.constants import Array, Constants, real, step_count, step_size, target_squared
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import product
from tsla.theory.representable import representable

MEAN_SQUARED_GRADIENT = "E‖∇F(w_R)‖²"


@representable
def descent(F: ArrayLike, grad2: ArrayLike, error2: ArrayLike, *, L: ArrayLike, eta: ArrayLike) -> Array:
    """One step along any direction ``d`` (C3): ``F(w - η d) <= F(w) - (η/2)‖∇F(w)‖² + (η/2)‖d - ∇F(w)‖²``.

    Assumes A1 and ``0 < η <= 1/L``. ``grad2 = ‖∇F(w)‖²``, ``error2 = ‖d - ∇F(w)‖²``; shapes broadcast.
    Guarantee: upper bound, attained at ``η = 1/L`` by a quadratic of curvature L. Raises ValueError outside the premises.
    """
    step = step_size("eta", eta, real("L", L, above=0), "C3")
    before, slope, error = real("F", F), real("grad2", grad2, at_least=0), real("error2", error2, at_least=0)
    # The two that cancel go together: beside the third, what is left of them would be rounded away.
    of_squares, of_descent = step / 2 * (error - slope), before - step / 2 * slope
    return np.where(np.abs(of_squares) <= np.abs(of_descent), before + of_squares, of_descent + step / 2 * error)


@representable
def bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike) -> Bound:
    """Mean squared gradient of a random iterate of SGD (C4): ``E‖∇F(w_R)‖² <= 2 F0/(ηT) + ηLσ²``, ``0 < η <= 1/L``.

    Assumes A1, A2. Guarantee: upper bound, up to twice the exact worst case (C16). Shapes: all arguments broadcast.
    Raises ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C4"), step_count("T", T)
    return Bound(
        method="sgd",
        claim="C4",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(2, constants.F0, over=(step, steps)),
            "noise": product(step, constants.L, constants.sigma2),
        },
        lowered_by={
            "optimisation": longer(step, constants.L),
            "noise": "a smaller eta, or a larger batch (it divides sigma2)",
        },
        assumes=("A1", "A2"),
    )


@representable
def noise_step_size(L: Array, noise: Array, target2: Array) -> Array:
    """``η = min(1/L, ε²/(2L noise))``, ``target2 = ε²``: the largest step at which ``ηL noise``, such as ``ηLσ²``, is at most ``ε²/2``."""
    return np.minimum(1 / L, product(target2, over=(2, noise, L)))


@representable
def steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by C4: ``η = min(1/L, ε²/(2Lσ²))``, ``T = ⌈4 F0/(η ε²)⌉``, that is ``O(1/ε⁴)``."""
    target2 = target_squared(eps)
    eta = noise_step_size(constants.L, constants.sigma2, target2)
    T = whole_steps(product(4, constants.F0, over=(eta, target2)))
    return Plan("sgd", "C4", ("A1", "A2"), (Stage(eta, np.zeros_like(eta), T),))


def why(k: Constants, *, eta: float, T: float) -> list[Line]:
    """C4, from A1 and A2."""
    lift = product(eta, eta, k.L, k.sigma2, over=(2,))
    start, noise = product(2, k.F0, over=(eta, T)), product(eta, k.L, k.sigma2)
    return [
        Line("A1 along w⁺ = w - ηg:  F(w⁺) <= F(w) - η⟨∇F, g⟩ + (L/2)η²‖g‖²"),
        Line("A2, in expectation:  E F(w⁺) <= F(w) - η(1 - ηL/2)‖∇F‖² + (L/2)η²σ²"),
        Line("η <= 1/L, so 1 - ηL/2 >= 1/2; here ηL = {}·{} = {}", eta, k.L, product(eta, k.L)),
        Line("noise can lift F in one step by at most (L/2)η²σ² = {}", lift),
        Line("summed over T = {} steps, with F >= 0:  (η/2) Σ E‖∇F(w_t)‖² <= F0 + T(L/2)η²σ² = {} + {}", T, k.F0, product(T, lift)),
        Line("divided by ηT/2 = {}:  E‖∇F(w_R)‖² <= 2F0/(ηT) + ηLσ² = {} + {}", product(eta, T, over=(2,)), start, noise),
    ]


METHOD = Method(name="sgd", claim="C4", needs="L sigma2 F0", run="eta T", bound=bound, why=why, steps=steps)
