"""Bias apart from noise (C12): what smoothed SGD reaches when A3's second moment is split (biased SGD, Ajalloeian and Stich, 2020).

``b̂ = Eĝ - ∇F`` with ``‖b̂‖² <= β²``, ``ν² = E‖ĝ - Eĝ‖²``, ``c = E⟨g - ∇F, ĝ - Eĝ⟩``; A3 holds with ``δσ² = β² + ν²``. Only the noise is
divided by the step size (and by the batch size, C14); the bias stays, with ``θ²``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.bound import Bound, longer
from tsla.theory.constants import ROUNDING, Array, Constants, real, spelled, step_count, step_size, strength
from tsla.theory.contraction import contraction
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.moments import Moments, possible
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT

ASSUMES = ("A1", "A2", "A3")
LOWERED_BY = {
    "bias": "a smaller theta, or a smoothing label of smaller bias; neither T nor eta lowers it",
    "noise": "a smaller eta, or a larger batch",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class SmoothingOracle:
    """Bounds on the smoothing-label gradient ĝ, in units of ``‖∇F‖²``; all broadcast. Raises ValueError outside the ranges.

    A type of its own beside :class:`Moments`, as it is what C12 assumes and not what was measured: σ² comes from A2, and of ‖∇F‖² nothing
    is known. What follows from the bounds is what follows from :meth:`moments` that attain them.

    beta2:  ``‖Eĝ - ∇F‖² <= β²``, ``>= 0``      nu2:  ``E‖ĝ - Eĝ‖² <= ν²``, ``>= 0``
    c:      ``E⟨g - ∇F, ĝ - Eĝ⟩ <= c``, between ``±σν``; 0 where g and ĝ are not correlated
    """

    beta2: Array
    nu2: Array
    c: Array

    def __init__(self, *, beta2: ArrayLike, nu2: ArrayLike, c: ArrayLike = 0.0) -> None:
        for name, value in (("beta2", beta2), ("nu2", nu2)):
            object.__setattr__(self, name, real(name, value, at_least=0))
        object.__setattr__(self, "c", real("c", c))

    __repr__ = spelled

    @representable
    def moments(self, sigma2: ArrayLike) -> Moments:
        """Moments that attain these bounds and that of A2; ``grad2`` is nan. Raises ValueError where ``c² > σ²ν²``."""
        s2, nu2, c = possible(sigma2, self.nu2, self.c, names=("sigma2", "nu2"))
        return Moments(grad2=np.nan, s2=s2, shat2=self.beta2 + nu2, c=c, beta2=self.beta2, nu2=nu2)


@representable
def bound(constants: Constants, oracle: SmoothingOracle, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """Mean squared gradient of a random iterate (C12): ``E‖∇F(w_R)‖² <= 2F0/(ηT) + θ²β² + ηL N(θ)``, ``0 < η <= 1/L``.

    At ``η = 1/L`` this is C5 with the exact second moment for V; for smaller η it is strictly better where there is noise. ``θ``
    defaults to ``θ°(η)``, which minimises the floor. Assumes A1, A2, A3. Guarantee: upper bound. Raises ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C12"), step_count("T", T)
    found = oracle.moments(constants.sigma2)
    t = _theta(found, step * constants.L, theta)
    return Bound(
        method="lsr",
        claim="C12",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(2, constants.F0, over=(step, steps)),
            "bias": product(t, t, found.beta2),
            "noise": product(step, constants.L, _noise_from_above(found, t)),
        },
        lowered_by={"optimisation": longer(step, constants.L), **LOWERED_BY},
        assumes=ASSUMES,
    )


@representable
def gap_bound(constants: Constants, oracle: SmoothingOracle, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """The gap under A4 (C12): ``E[F(w_T) - F*] <= (1-ημ)^T F0 + (θ²β² + ηL N(θ))/(2μ)``, ``0 < η <= 1/L``, ``T >= 0``.

    ``θ`` defaults to ``θ°(η)``. Assumes A1-A4. Guarantee: upper bound. Raises ValueError outside the premises.
    """
    mu = constants.need_mu("C12")
    step, steps = step_size("eta", eta, constants.L, "C12"), step_count("T", T, at_least=0)
    found = oracle.moments(constants.sigma2)
    t = _theta(found, step * constants.L, theta)
    return Bound(
        method="lsr",
        claim="C12",
        quantity="E[F(w_T) - F*]",
        terms={
            "optimisation": product(contraction(mu, step, steps), constants.F0),
            "bias": product(t, t, found.beta2, over=(2, mu)),
            "noise": product(step, constants.L, _noise_from_above(found, t), over=(2, mu)),
        },
        lowered_by={"optimisation": longer(step, constants.L), **LOWERED_BY},
        assumes=(*ASSUMES, "A4"),
    )


def _noise_from_above(found: Moments, theta: Array) -> Array:
    """``N(θ)``; where c is negative it is small beside what it is computed from, and what rounding may take of that is added."""
    lost = product(4 * ROUNDING, replace(found, c=0.0).noise(theta))  # which vanishes at no size
    return np.asarray(found.noise(theta) + np.where(np.asarray(found.c) < 0, lost, 0.0))


def _theta(found: Moments, eta_L: Array, theta: ArrayLike | None) -> Array:
    return np.asarray(found.theta_for_step(eta_L)) if theta is None else strength(theta)


def why(k: Constants, oracle: SmoothingOracle, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """C12; with ``mu`` its form under A4."""
    found = oracle.moments(k.sigma2)
    t = _theta(found, product(eta, k.L), theta)
    N, bias = found.noise(t), found.bias(t)
    moving = product(eta, k.L, N)
    floor = bias + moving
    chosen = "θ°(η), which minimises the floor below" if theta is None else "as given"
    lines = [
        Line(f"C1:  g_LS = (1-θ)g + θĝ, θ = {{}} ({chosen})", t),
        Line("its mean is ∇F + θb̂, with ‖θb̂‖² <= θ²β² = {}", bias),
        Line("its variance about that mean is N(θ) = (1-θ)²σ² + θ²ν² + 2θ(1-θ)c = {}", N),
        Line("A1, in expectation:  E F(w⁺) <= F - η⟨∇F, ∇F + θb̂⟩ + (L/2)η²(‖∇F + θb̂‖² + N(θ))"),
        Line(
            "ηL = {} <= 1, and 2⟨a, a+b⟩ - ‖a+b‖² = ‖a‖² - ‖b‖²:  E F(w⁺) <= F - (η/2)‖∇F‖² + (η/2)(θ²β² + ηL N(θ))",
            product(eta, k.L),
        ),
        Line("what is left in each step, θ²β² + ηL N(θ) = {} + {} = {}", bias, moving, floor),
    ]
    if k.mu is None:
        start = product(2, k.F0, over=(eta, T))
        return [*lines, Line("summed over T = {} steps:  E‖∇F(w_R)‖² <= 2F0/(ηT) + θ²β² + ηL N(θ) = {} + {}", T, start, floor)]
    kept = contraction(k.mu, np.asarray(eta), np.asarray(T))
    return [
        *lines,
        Line("A4, 2μ(F - F*) <= ‖∇F‖², μ = {}:  E[F(w⁺) - F*] <= (1-ημ)(F - F*) + (η/2)·{}", k.mu, floor),
        Line("over T = {} steps (1-ημ)^T = {}, and Σ(1-ημ)^t <= 1/(ημ):", T, kept),
        Line("E[F(w_T) - F*] <= (1-ημ)^T F0 + (θ²β² + ηL N(θ))/(2μ) = {} + {}", product(kept, k.F0), product(floor, over=(2, k.mu))),
    ]


NO_DELTA = {"delta": "goes without --beta2 and --nu2: delta*sigma2 is their sum"}
MEAN = Method(
    name="lsr",
    claim="C12",
    needs="L sigma2 F0 beta2 nu2",
    run="eta T",
    optional="theta c",
    bound=bound,
    why=why,
    excludes=NO_DELTA,
)
GAP = replace(MEAN, needs="L mu sigma2 F0 beta2 nu2", bound=gap_bound)
