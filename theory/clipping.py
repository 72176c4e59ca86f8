"""C22, clipped SGD: ``w⁺ = w - η min(1, τ/‖g‖) g``. Clipping at τ has a bias, which no number of steps and no step size lowers.

Where ``‖∇F‖ <= S < τ``, A2 alone gives ``‖E clip(g) - ∇F‖ <= σ²/(4(τ-S))`` and ``E‖clip(g) - ∇F‖² <= σ²``, so that C12 holds for clip(g) in
the place of ĝ at ``θ = 1``. That the bias is real shows an instance of A2, on which clipped SGD stands still in the mean where
``‖∇F‖ = σ²/(4τ)``: ``g = ∇F + 2τ`` with probability ``σ²/(4τ²+σ²)``, and ``∇F - σ²/(2τ)`` otherwise. However steep F is, ``progress`` is
what is left of a step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.bound import Bound, longer
from tsla.theory.constants import Array, Constants, real, shown_where, step_count, step_size
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT


@representable
def bias2(sigma2: ArrayLike, clip: ArrayLike, steepest: ArrayLike) -> Array:
    """``σ⁴/(16(τ-S)²)``, at least ``‖E clip(g) - ∇F‖²`` wherever ``‖∇F‖ <= S < τ`` (C22). In units of ``‖∇F‖²``.

    At ``S = σ²/(4τ)`` there is an oracle whose bias is S. Assumes A2. Raises ValueError unless ``0 <= S < τ``.
    """
    s2, room = real("sigma2", sigma2, at_least=0), _room(clip, steepest)
    return product(s2, s2, over=(16, room, room))


@representable
def standstill(sigma2: ArrayLike, clip: ArrayLike) -> Array:
    """``(σ²/(4τ))²``: the ``‖∇F‖²`` at which an instance of A2 has ``E clip(g) = 0``, for ``σ <= 2τ`` (C22, exact).

    Raises ValueError where ``σ > 2τ``, at which the smaller outcome of that instance is clipped too.
    """
    s2, threshold = real("sigma2", sigma2, at_least=0), real("clip", clip, above=0)
    too_noisy = s2 > 4 * threshold**2
    if too_noisy.any():
        (worst,) = shown_where(too_noisy, s2)
        raise ValueError(f"sigma2 = {worst} must be at most 4*clip² for the instance of C22")
    return product(s2, s2, over=(16, threshold, threshold))


@representable
def progress(sigma2: ArrayLike, clip: ArrayLike, slope: ArrayLike) -> Array:
    """``(τ + S - r)/2`` with ``r = √((τ-S)² + σ²)``: the least of ``⟨∇F, E clip(g)⟩/‖∇F‖`` where ``‖∇F‖ = S``, be S below τ or not (C22).

    Exact where ``r <= 2τ``, and else a lower bound. It is above 0 iff ``S > σ²/(4τ)``, as far as float64 tells the two
    apart: where only rounding does, it may be 0. Assumes A2. In units of ``‖∇F‖``.

    Let x be the part of g along ∇F, and y that of clip(g). Then ``y >= q = τ - (‖g‖² - 2x(τ+r) + (τ+r)²)/(4r)``: for given ``‖g‖`` both are
    linear in x, and at both ends, where ``|x| = ‖g‖``, ``min(x, τ) - q`` is ``(x-τ+r)²/(4r)`` or ``(x-τ-r)²/(4r)``.
    And ``E q >= (τ+S-r)/2`` by A2. A g along ∇F with the outcomes ``τ + r`` and ``τ - r`` attains both, if ``τ - r >= -τ``.
    """
    s2, threshold, steep = real("sigma2", sigma2, at_least=0), real("clip", clip, above=0), real("slope", slope, at_least=0)
    reach = np.hypot(threshold - steep, np.sqrt(s2))
    return np.asarray((4 * threshold * steep - s2) / (2 * (threshold + steep + reach)))


@representable
def bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, clip: ArrayLike, steepest: ArrayLike) -> Bound:
    """SGD clipped at τ (C22): ``E‖∇F(w_R)‖² <= 2F0/(ηT) + σ⁴/(16(τ-S)²) + ηLσ²`` where ``‖∇F‖ <= S < τ``, ``0 < η <= 1/L``.

    Assumes A1, A2 and that ``‖∇F‖ <= S`` (``steepest``) along the run. Guarantee: upper bound. Shapes: all arguments broadcast. Raises
    ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C22"), step_count("T", T)
    return Bound(
        method="sgd-clipped",
        claim="C22",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(2, constants.F0, over=(step, steps)),
            "clipping": bias2(constants.sigma2, clip, steepest),
            "noise": product(step, constants.L, constants.sigma2),
        },
        lowered_by={
            "optimisation": longer(step, constants.L),
            "clipping": "a larger clip, or a larger batch (it divides sigma2); neither T nor eta lowers it",
            "noise": "a smaller eta, or a larger batch",
        },
        assumes=("A1", "A2"),
    )


def _room(clip: ArrayLike, steepest: ArrayLike) -> Array:
    threshold, slope = real("clip", clip, above=0), real("steepest", steepest, at_least=0)
    room = threshold - slope
    if (room <= 0).any():
        worst, limit = shown_where(room <= 0, slope, threshold)
        raise ValueError(f"steepest = {worst} is not below clip = {limit}; C22 needs ‖∇F‖ <= steepest < clip")
    return np.asarray(room)


def why(k: Constants, *, eta: float, T: float, clip: float, steepest: float) -> list[Line]:
    """C22, from A1, A2 and the largest slope."""
    room, bias = _room(clip, steepest), bias2(k.sigma2, clip, steepest)
    start, noise = product(2, k.F0, over=(eta, T)), product(eta, k.L, k.sigma2)
    return [
        Line("‖g‖ exceeds τ by at most ‖g - ∇F‖ - (τ-S), as ‖∇F‖ <= S = {}, τ-S = {}", steepest, room),
        Line("a - b <= a²/(4b), in expectation (A2):  ‖E clip(g) - ∇F‖ <= σ²/(4(τ-S)) = {}", product(k.sigma2, over=(4, room))),
        Line("∇F lies in the ball onto which g is clipped:  E‖clip(g) - ∇F‖² <= σ² = {}", k.sigma2),
        Line("A1, ηL = {} <= 1, as in C12:  E F(w⁺) <= F - (η/2)‖∇F‖² + (η/2)(σ⁴/(16(τ-S)²) + ηLσ²)", product(eta, k.L)),
        Line("summed over T = {} steps, with F >= F*, and divided by ηT/2:", T),
        Line("E‖∇F(w_R)‖² <= 2F0/(ηT) + σ⁴/(16(τ-S)²) + ηLσ² = {} + {}", start, bias + noise),
    ]


METHOD = Method(name="sgd-clipped", claim="C22", needs="L sigma2 F0", run="eta T clip steepest", bound=bound, why=why)
