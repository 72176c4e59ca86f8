"""Label smoothing at its worst under A1-A3 alone (C18): nothing is known of bias and noise of ĝ but their sum.

C12 holds for every split ``b² + n² <= δσ²``, ``b = ‖Eĝ - ∇F‖``, ``n² = E‖ĝ - Eĝ‖²``, with ``c <= σn``. With ``x = ηL``, the largest that
its floor ``θ²b² + x((1-θ)σ + θn)²`` can be is ``W(θ, x)``. There ``θn = min(θ√δσ, x(1-θ)σ/(1-x))``: the larger the step, the more of ĝ's
error is noise that goes with that of g.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.bound import Bound, longer
from tsla.theory.constants import SMALLEST_NORMAL, Array, Constants, step_count, step_size, strength, target_squared
from tsla.theory.contraction import exact_product
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT

ASSUMES = ("A1", "A2", "A3")
LOWERED_BY = {
    "smoothing": "a smoothing label of smaller delta",
    "noise": "a smaller eta, or a larger batch",
}


@dataclass(frozen=True, eq=False)
class Scale:
    """``x = ηL`` and ``rest = 1-x``, which keeps all its digits near ``x = 1``. Neither is 0, so that both may divide."""

    x: Array
    rest: Array

    @classmethod
    def of(cls, step: Array, L: Array) -> Scale:
        """That of a step size within the premises."""
        x, error = exact_product(step, L)
        return cls(np.maximum(x, SMALLEST_NORMAL), np.maximum((1 - x) - error, SMALLEST_NORMAL))


@dataclass(frozen=True, eq=False)
class Shares:
    """What g and ĝ may contribute to the error at ``theta``, in units of σ: ``true = 1-θ`` and ``smoothing = θ√δ``."""

    theta: Array
    true: Array
    smoothing: Array

    @classmethod
    def of(cls, delta: Array, theta: ArrayLike, true: ArrayLike | None = None) -> Shares:
        """Those at a strength; ``true`` is ``1-θ`` where it is known to more digits."""
        t = strength(theta)
        return cls(t, np.asarray(1 - t if true is None else true), product(t, np.sqrt(delta)))

    @classmethod
    def best(cls, delta: Array, scale: Scale) -> Shares:
        """Those at ``θ° = y/(δ+y)``, ``y = x/(1-x)``, which minimises W; 0 for ``δ >= 1``, where no smoothing lowers it."""
        helps = delta < 1
        kept = np.where(helps, delta, 0.0) * scale.rest
        total = kept + scale.x
        return cls.of(delta, np.where(helps, scale.x / total, 0.0), np.where(helps, kept / total, 1.0))

    def noise(self, scale: Scale) -> Array:
        """``θn`` of the worst split, in units of σ."""
        return np.minimum(product(scale.x, self.true, over=(scale.rest,)), self.smoothing)


def _shares(delta: Array, scale: Scale, theta: ArrayLike | None) -> Shares:
    """Those at ``theta``, by default at θ°."""
    return Shares.best(delta, scale) if theta is None else Shares.of(delta, theta)


def floor(constants: Constants, step: Array, theta: ArrayLike | None) -> tuple[Array, Array]:
    """``W(θ, x)`` as what falls with δ and what falls with x; ``θ`` defaults to θ°, then ``W° = σ²δy/(δ+y)``, ``y = x/(1-x)``.

    With ``a = 1-θ`` and ``q = θ√δ``, in units of σ²: ``q·max(q, x(q+a))`` and ``xa(a + θn)``, neither of which cancels.
    """
    scale = Scale.of(step, constants.L)
    found, sigma2 = _shares(constants.need_delta("C18"), scale, theta), constants.sigma2
    largest = np.maximum(found.smoothing, product(scale.x, found.smoothing + found.true))
    return product(found.smoothing, largest, sigma2), product(scale.x, found.true, found.true + found.noise(scale), sigma2)


@representable
def bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """Mean squared gradient of a random iterate of label-smoothed SGD (C18): ``E‖∇F(w_R)‖² <= 2F0/(ηT) + W(θ, ηL)``, ``0 < η <= 1/L``.

    ``W(θ, x) = σ²(θ²δ + (1-θ)²x/(1-x))`` where ``x(1-θ) <= (1-x)θ√δ``, else ``x U(θ)``, ``U(θ) = σ²((1-θ) + θ√δ)²``. Never above C5's V,
    it falls to ``θ²δσ²`` with η. ``θ`` defaults to ``θ° = y/(δ+y)``, ``y = x/(1-x)``, at which W is smallest, ``σ²δy/(δ+y)``; to 0 for
    ``δ >= 1``. Assumes A1, A2, A3. Guarantee: upper bound; :mod:`tsla.theory.sharp_exact` drops nothing. Shapes: all arguments broadcast.
    Raises ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C18"), step_count("T", T)
    smoothing, noise = floor(constants, step, theta)
    return Bound(
        method="lsr",
        claim="C18",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={"optimisation": product(2, constants.F0, over=(step, steps)), "smoothing": smoothing, "noise": noise},
        lowered_by={"optimisation": longer(step, constants.L), **LOWERED_BY},
        assumes=ASSUMES,
    )


def half_target(constants: Constants, target2: Array) -> tuple[Array, Array, Array]:
    """The largest ``x = ηL`` at which ``W° <= ε²/2``, with its θ, and ``W°/x`` there, the variance that plain SGD would need to do as well.

    With ``e = ε²/(2σ²)``, ``e < δ < 1``: ``x = eδ/(δ-e+eδ)``, ``θ = e/δ``, ``W°/x = σ²(1 - e(1/δ - 1))``. For ``δ <= e < 1``: ``x = 1`` and
    ``θ = 1``, as all of ``δσ²`` is within ``ε²/2``. For ``δ >= 1``: plain SGD's ``x = min(1, e)``, ``θ = 0`` and σ².
    """
    delta, e = np.minimum(constants.need_delta("C18"), 1.0), product(target2, over=(2, constants.sigma2))
    share = np.minimum(product(e, over=(delta,)), 1.0)
    left = 1 - share
    theta = np.where(delta < 1, share, 0.0)
    return 1 / (left / e + 1), theta, product(constants.sigma2, np.where(share < 1, left + e, delta))


@representable
def steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²`` by C18: ``T = ⌈(4LF0/ε²)(1 + 1/e - 1/δ)⌉``, ``e = ε²/(2σ²)``, for ``e <= δ <= 1``.

    ``θ = e/δ`` and ``ηL = eδ/(δ-e+eδ)`` make ``W° = ε²/2``. For ``δ <= e`` it is C5's ``⌈4LF0/ε²⌉``, with ``θ = 1`` and ``η = 1/L``. For
    ``δ >= 1`` it is plain SGD's plan (C4). So smoothing buys ``(4LF0/ε²)(1/δ - 1)`` of C4's samples.
    """
    target2 = target_squared(eps)
    x, theta, _ = half_target(constants, target2)
    T = whole_steps(product(4, constants.L, constants.F0, over=(x, target2)))
    return Plan("lsr-sharp", "C18", ASSUMES, (Stage(x / constants.L, theta, T),))


def too_large_delta(constants: Constants, eps: float, samples: float) -> float:
    """The δ at which the plan asks for ten times ``samples``; one at which it asks for more, where it does so at every δ."""
    target2 = target_squared(eps)
    e = float(product(target2, over=(2, constants.sigma2)))
    longer = max(float(product(10, samples, target2, over=(4, constants.L, constants.F0))), 1.0)
    return 1 / (1 + (1 / e - longer)) if longer < 1 / e else np.nan


def floor_why(k: Constants, eta: float, theta: float | None) -> list[Line]:
    """W, from C1, A2, A3 and C12."""
    delta, step = k.need_delta("C18"), np.asarray(eta)
    scale = Scale.of(step, k.L)
    found = _shares(delta, scale, theta)
    noise, W = found.noise(scale), np.asarray(sum(floor(k, step, theta)))
    bias2 = product(found.smoothing - noise, found.smoothing + noise, k.sigma2)
    noise2 = product(scale.x, found.true + noise, found.true + noise, k.sigma2)
    chosen = "θ°(η), which minimises the floor below" if theta is None else "as given"
    return [
        Line(f"C1:  g_LS = (1-θ)g + θĝ, θ = {{}} ({chosen})", found.theta),
        Line("A3:  b² + n² <= δσ² = {}, b = ‖Eĝ - ∇F‖ and n² = E‖ĝ - Eĝ‖²", product(delta, k.sigma2)),
        Line("A2, and Cauchy-Schwarz for E⟨g - ∇F, ĝ - Eĝ⟩ <= σn:  the noise of g_LS is at most ((1-θ)σ + θn)²"),
        Line("C12, ηL = {} <= 1:  E F(w⁺) <= F - (η/2)‖∇F‖² + (η/2)(θ²b² + ηL((1-θ)σ + θn)²)", scale.x),
        Line("it is largest at θn = min(θ√δσ, ηL(1-θ)σ/(1-ηL)) = {}", product(noise, np.sqrt(k.sigma2))),
        Line("there  W(θ, ηL) = θ²b² + ηL((1-θ)σ + θn)² = {} + {} = {}", bias2, noise2, W),
    ]


def why(k: Constants, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """C18, from C1 and C12."""
    start, W = product(2, k.F0, over=(eta, T)), np.asarray(sum(floor(k, np.asarray(eta), theta)))
    return [
        *floor_why(k, eta, theta),
        Line("summed over T = {} steps, with F >= 0, and divided by ηT/2 = {}:", T, product(eta, T, over=(2,))),
        Line("E‖∇F(w_R)‖² <= 2F0/(ηT) + W(θ, ηL) = {} + {}", start, W),
    ]


SWITCH = ("sharp", "the worst that A2 and A3 allow (C18) in place of the variance lemma")
METHOD = Method(
    name="lsr-sharp",
    claim="C18",
    needs="L sigma2 delta F0",
    run="eta T",
    optional="theta",
    bound=bound,
    why=why,
    steps=steps,
    too_large=too_large_delta,
    within="lsr",
    switch=SWITCH,
)
