"""C19, the last iterate of smoothed SGD under A4: A1 gives ``‖∇F‖² <= 2L(F - F*)``, so that each bound on the gap is one on ``∇F(w_T)``.

Nothing is averaged, and so nothing waits for an average: where the floor is below ``ε²``, ``log(1/ε)`` samples are enough. That is TSLA's
first stage alone, where C9 has ``1/ε^(4-q)`` for the plan of both stages.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import biased, lsr, sharp, sharp_pl, smoothing, two_stage
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound, longer
from tsla.theory.constants import Array, Constants, step_count, step_size, target_squared
from tsla.theory.contraction import contraction
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import logarithm, product
from tsla.theory.representable import representable
from tsla.theory.smoothed_pl import largest_scale

ASSUMES = ("A1", "A2", "A3", "A4")
STALLS = "the bound never falls below its floor (L/mu)*V(theta) = 2*(L/mu)*delta*sigma2/(1+delta), which is not under eps^2 (C19)"


@representable
def bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """The last iterate of label-smoothed SGD (C19 of C7): ``E‖∇F(w_T)‖² <= 2L(1-ημ)^T F0 + LV(θ)/μ``, ``0 < η <= 1/L``, ``T >= 0``.

    ``θ`` defaults to ``1/(1+δ)``. Assumes A1-A4. Guarantee: upper bound, attained at ``μ = L`` by a constant bias. Shapes: all arguments
    broadcast. Raises ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C19"), step_count("T", T, at_least=0)
    lowered_by = {
        "optimisation": longer(step, constants.L),
        "smoothing": "a smoothing label of smaller delta; neither T nor eta lowers it",
    }
    return _of_last(two_stage.stage_one(constants, eta1=step, T1=steps, theta=theta), constants.L, lowered_by)


@representable
def split_bound(constants: Constants, oracle: SmoothingOracle, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """C19 of C12, bias apart from noise: ``E‖∇F(w_T)‖² <= 2L(1-ημ)^T F0 + (L/μ)(θ²β² + ηL N(θ))``, ``0 < η <= 1/L``, ``T >= 0``.

    ``θ`` defaults to ``θ°(η)``. Assumes A1-A4. Guarantee: upper bound. Raises ValueError outside the premises.
    """
    gap = biased.gap_bound(constants, oracle, eta=eta, T=T, theta=theta)
    return _of_last(gap, constants.L, gap.lowered_by)


@representable
def sharp_bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """C19 of C18, with W for V: ``E‖∇F(w_T)‖² <= 2L(1-ημ)^T F0 + LW(θ, ηL)/μ``, ``0 < η <= 1/L``, ``T >= 0``.

    ``θ`` defaults to ``θ°(η)``. Assumes A1-A4. Guarantee: upper bound. Shapes: all arguments broadcast. Raises ValueError outside the
    premises.
    """
    gap = sharp_pl.gap_bound(constants, eta=eta, T=T, theta=theta)
    return _of_last(gap, constants.L, gap.lowered_by)


def _of_last(gap: Bound, L: Array, lowered_by: Mapping[str, str]) -> Bound:
    terms = {name: product(2, L, term) for name, term in gap.terms.items()}
    return Bound("lsr-pl-last", "C19", "E‖∇F(w_T)‖²", terms, lowered_by, gap.assumes)


@representable
def steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_T)‖² <= ε²`` by C19 at ``θ = 1/(1+δ)``, ``η = 1/L``: ``T = ⌈κ log⁺(2LF0/(ε² - κV))⌉``, ``κ = L/μ``.

    That is ``log(1/ε)`` where ``κV < ε²``, ``V = 2δσ²/(1+δ)``. Elsewhere: never, and ``floor`` is ``κV``.
    """
    target2, mu, delta = target_squared(eps), constants.need_mu("C19"), constants.need_delta("C19")
    floor = product(constants.L, lsr.floor(constants, claim="C19"), over=(mu,))
    reachable = target2 > floor
    T = np.where(reachable, _burn_in(constants, 1 / constants.L, np.where(reachable, target2 - floor, 1.0)), np.inf)
    stage = Stage(1 / constants.L, smoothing.paper_theta(delta), T)
    return Plan("lsr-pl-last", "C19", ASSUMES, (stage,), reachable=reachable, floor=floor, why=STALLS, of_last=True)


@representable
def split_steps(constants: Constants, oracle: SmoothingOracle, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_T)‖² <= ε²`` with bias and noise apart (C19 of C12), at the largest step size whose floor is at most ``ε²/2``.

    ``η <= 1/L`` is the largest with ``κM(η) <= ε²/2``, ``M(η) = min_θ θ²β² + ηL N(θ)``, and ``T = ⌈log⁺(2LF0/(ε² - κM(η)))/(ημ)⌉``.
    """
    target2, L, mu = target_squared(eps), constants.L, constants.need_mu("C19")
    scale = largest_scale(constants.sigma2, oracle, product(target2, mu, over=(L,)))
    found = oracle.moments(constants.sigma2)
    theta = np.asarray(found.theta_for_step(scale))
    left = np.maximum(target2 - product(L, found.floor(theta, scale), over=(mu,)), target2 / 2)
    eta = scale / L
    return Plan("smoothed-pl-last", "C19", ASSUMES, (Stage(eta, theta, _burn_in(constants, eta, left)),), of_last=True)


@representable
def sharp_steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_T)‖² <= ε²`` with W for V (C19 of C18), at the largest step size whose floor ``κW°`` is at most ``ε²/2``.

    With θ° of that step size, and ``T = ⌈log⁺(2LF0/(ε² - κW°))/(ημ)⌉``. It gets there at every δ, for plain SGD does; and in
    ``κ log(1/ε)`` samples where ``κδσ² <= ε²/2``.
    """
    target2, L, mu = target_squared(eps), constants.L, constants.need_mu("C19")
    x, theta, _ = sharp.half_target(constants, product(target2, mu, over=(L,)))
    eta = x / L
    floor = product(L, sum(sharp.floor(constants, eta, theta)), over=(mu,))
    T = _burn_in(constants, eta, np.maximum(target2 - floor, target2 / 2))
    return Plan("lsr-pl-last-sharp", "C19", ASSUMES, (Stage(eta, theta, T),), of_last=True)


def too_large_delta(constants: Constants, eps: float, samples: float) -> float:
    """The δ at which the plan asks for ten times ``samples``, were the burn-in to half of ε² all that there is."""
    target2, mu = target_squared(eps), constants.need_mu("C19")
    e = float(product(target2, mu, over=(2, constants.sigma2, constants.L)))
    burn_in = float(logarithm(4, constants.L, constants.F0, over=(target2,)))
    longer = float(product(10, samples, mu, over=(constants.L, burn_in))) if burn_in > 0 else np.inf
    return 1 / (1 + (1 / e - longer)) if 1 < longer < 1 / e else np.nan


def _burn_in(constants: Constants, eta: Array, left: Array) -> Array:
    """Steps of size ``eta`` after which ``2L(1-ημ)^T F0`` is at most ``left``: ``⌈log⁺(2LF0/left)/(ημ)⌉``."""
    return whole_steps(logarithm(2, constants.L, constants.F0, over=(left,)) / (eta * constants.need_mu("C19")))


def why(k: Constants, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """C7, then A1."""
    mu, V = k.need_mu("C19"), lsr.floor(k, theta, claim="C19")
    kept = contraction(mu, np.asarray(eta), np.asarray(T))
    t = smoothing.paper_theta(k.need_delta("C19")) if theta is None else theta
    return [
        Line("smoothed with θ = {}:  E‖g_LS - ∇F‖² <= V(θ) = (1-θ)σ² + θδσ² = {} (C2)", t, V),
        Line("C3 and A4, ηL = {} <= 1:  E[F(w⁺) - F*] <= (1-ημ)(F - F*) + (η/2)V", product(eta, k.L)),
        Line("over T = {} steps (1-ημ)^T = {}, and Σ(1-ημ)^t <= 1/(ημ):", T, kept),
        Line("C7:  E[F(w_T) - F*] <= (1-ημ)^T F0 + V/(2μ) = {} + {}", product(kept, k.F0), product(V, over=(2, mu))),
        Line(
            "A1, ‖∇F‖² <= 2L(F - F*):  E‖∇F(w_T)‖² <= 2L(1-ημ)^T F0 + LV/μ = {} + {}",
            product(2, k.L, kept, k.F0),
            product(k.L, V, over=(mu,)),
        ),
    ]


def split_why(k: Constants, oracle: SmoothingOracle, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """C12 under A4, then A1."""
    k.need_mu("C19")
    *lines, gap = biased.why(k, oracle, eta=eta, T=T, theta=theta)
    start, floor = gap.numbers
    return [
        *lines,
        gap,
        Line(
            "A1, ‖∇F‖² <= 2L(F - F*):  E‖∇F(w_T)‖² <= 2L(1-ημ)^T F0 + (L/μ)(θ²β² + ηL N(θ)) = {} + {}",
            product(2, k.L, start),
            product(2, k.L, floor),
        ),
    ]


def sharp_why(k: Constants, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """C18 under A4, then A1."""
    *lines, gap = sharp_pl.gap_why(k, eta=eta, T=T, theta=theta)
    start, floor = gap.numbers
    last = "A1, ‖∇F‖² <= 2L(F - F*):  E‖∇F(w_T)‖² <= 2L(1-ημ)^T F0 + LW/μ = {} + {}"
    return [*lines, gap, Line(last, product(2, k.L, start), product(2, k.L, floor))]


def reach(constants: Constants, eps: float) -> float:
    """That of the floor ``2κδσ²/(1+δ)``, ``κ = L/μ``."""
    return lsr.reach(constants, eps, kappa=float(constants.L / constants.need_mu("C19")))


METHOD = Method(
    name="lsr-pl-last",
    claim="C19",
    needs="L mu sigma2 delta F0",
    run="eta T",
    optional="theta",
    bound=bound,
    why=why,
    steps=steps,
    reach=reach,
)
SPLIT = Method(
    name="smoothed-pl-last",
    claim="C19",
    needs="L mu sigma2 F0 beta2 nu2",
    run="eta T",
    optional="theta c",
    bound=split_bound,
    why=split_why,
    steps=split_steps,
    within="lsr-pl-last",
    excludes=biased.NO_DELTA,
)
SHARP = Method(
    name="lsr-pl-last-sharp",
    claim="C19",
    needs="L mu sigma2 delta F0",
    run="eta T",
    optional="theta",
    bound=sharp_bound,
    why=sharp_why,
    steps=sharp_steps,
    too_large=too_large_delta,
    within="lsr-pl-last",
    switch=sharp.SWITCH,
)
