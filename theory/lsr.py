"""SGD on smoothed labels (LSR): its bound C5, and the floor at which that bound stalls, C6."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import smoothing
from tsla.theory.bound import Bound, longer
from tsla.theory.constants import Array, Constants, step_count, step_size, target_squared
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT

STALLS = "the bound never falls below its floor V(theta) = 2*delta*sigma2/(1+delta), which is not under eps^2 (C6)"


@representable
def floor(constants: Constants, theta: ArrayLike | None = None, *, claim: str = "C6") -> Array:
    """``V(θ)``, under which C5 never falls, whatever ``η`` and ``T`` (C6); ``θ`` defaults to ``1/(1+δ)``, then ``2δσ²/(1+δ)``.

    That the bound stalls proves nothing about the algorithm, whose bound C18 falls to ``θ²δσ²`` with η; there an instance of C13 stays.
    """
    delta = constants.need_delta(claim)
    if theta is None:
        return smoothing.lemma_at_paper_theta(constants.sigma2, delta)
    return smoothing.lemma(constants.sigma2, delta, theta)


def need_error(constants: Constants, claim: str) -> None:
    """Raise ValueError at ``δσ² = 0``, where a burn-in down to what that leaves has no length."""
    if (product(constants.need_delta(claim), constants.sigma2) == 0).any():
        raise ValueError(f"delta*sigma2 = 0 must be above 0 for {claim}, whose burn-in grows like its logarithm; any upper bound serves")


@representable
def bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """Mean squared gradient of a random iterate of label-smoothed SGD (C5): ``E‖∇F(w_R)‖² <= 2 F0/(ηT) + V(θ)``, ``0 < η <= 1/L``.

    Assumes A1, A2, A3; ``V`` from C2. Guarantee: upper bound. With ``F0 - E F(w_T)`` for ``F0`` an error of second moment V attains it at
    ``η = 1/L`` (C16). That of label smoothing is smaller, but for ``δ = 1`` or θ in {0, 1}: :mod:`tsla.theory.sharp` (C18).
    Shapes: all arguments broadcast. Raises ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C5"), step_count("T", T)
    return Bound(
        method="lsr",
        claim="C5",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(2, constants.F0, over=(step, steps)),
            "smoothing": floor(constants, theta, claim="C5"),
        },
        lowered_by={
            "optimisation": longer(step, constants.L),
            "smoothing": "a smoothing label of smaller delta, or another theta (C10); neither T nor eta lowers it (C6)",
        },
        assumes=("A1", "A2", "A3"),
    )


@representable
def steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by C5 at ``θ = 1/(1+δ)``, ``η = 1/L``.

    ``V <= ε²/2``: the paper's ``T = ⌈4 L F0/ε²⌉``. ``ε²/2 < V < ε²``, on which the paper is silent: the bound gets there with
    ``T = ⌈2 L F0/(ε² - V)⌉``, which is the same number at ``V = ε²/2``. ``V >= ε²``: never (C6), and ``floor`` is V.
    """
    target2 = target_squared(eps)
    V = floor(constants, claim="C5")
    reachable = target2 > V
    room = np.where(reachable, np.minimum(target2 / 2, target2 - V), 1.0)
    T = np.where(reachable, whole_steps(product(2, constants.L, constants.F0, over=(room,))), np.inf)
    return Plan(
        "lsr",
        "C5",
        ("A1", "A2", "A3"),
        (Stage(1 / constants.L, smoothing.paper_theta(constants.need_delta("C5")), T),),
        reachable=reachable,
        floor=V,
        why=STALLS,
    )


def reach(constants: Constants, eps: float, *, kappa: float = 1.0) -> float:
    """The δ at which the floor ``2κδσ²/(1+δ)`` is ε²; infinite where it is below ε² at every δ."""
    room = 2 * kappa * float(constants.sigma2) - eps**2
    return eps**2 / room if room > 0 else np.inf


def why(k: Constants, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """C5, from C1, C2 and C3."""
    delta = k.need_delta("C5")
    t = smoothing.paper_theta(delta) if theta is None else theta
    V = floor(k, theta)
    halves = (V / 2, V / 2) if theta is None else (product(1 - t, k.sigma2), product(t, delta, k.sigma2))  # 1 - 1/(1+δ) would cancel
    start, lifts = product(2, k.F0, over=(eta, T)), product(T, eta, V, over=(2,))
    chosen = "1/(1+δ), the paper's choice" if theta is None else "as given"
    return [
        Line(f"C1:  g_LS = (1-θ)g + θĝ, θ = {{}} ({chosen})", t),
        Line("convexity of ‖·‖² (C2):  E‖g_LS - ∇F‖² <= (1-θ)E‖g - ∇F‖² + θE‖ĝ - ∇F‖²"),
        Line("A2, A3:  <= V(θ) = (1-θ)σ² + θδσ² = {} + {} = {}", *halves, V),
        Line(
            "one step along any direction d (C3, η <= 1/L; here ηL = {}):  F(w⁺) <= F(w) - (η/2)‖∇F‖² + (η/2)‖d - ∇F‖²",
            product(eta, k.L),
        ),
        Line("summed over T = {} steps, with F >= 0:  (η/2) Σ E‖∇F(w_t)‖² <= F0 + T(η/2)V = {} + {}", T, k.F0, lifts),
        Line("divided by ηT/2 = {}:  E‖∇F(w_R)‖² <= 2F0/(ηT) + V(θ) = {} + {}", product(eta, T, over=(2,)), start, V),
        Line("V does not depend on η or T: the bound never falls below {} (C6)", V),
    ]


METHOD = Method(
    name="lsr", claim="C5", needs="L sigma2 delta F0", run="eta T", optional="theta", bound=bound, why=why, steps=steps, reach=reach
)
