"""The exact form of C18: nothing of the descent is dropped but what A2 and A3 leave open. C16 is its case ``θ = 0``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.bound import Bound
from tsla.theory.constants import Array, Constants, step_count, step_size, target_squared
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import product
from tsla.theory.representable import representable
from tsla.theory.sgd import MEAN_SQUARED_GRADIENT
from tsla.theory.sharp import ASSUMES, Scale, Shares

MOST = 1e307  # of what is divided by σ², so that it is a number where there is no noise


@representable
def bound(constants: Constants, *, eta: ArrayLike, T: ArrayLike, theta: ArrayLike | None = None) -> Bound:
    """Mean squared gradient of a random iterate of label-smoothed SGD, at its worst split (C18): ``E‖∇F(w_R)‖² <= A``.

    With ``x = ηL <= 1``, ``a = (1-θ)σ``, ``q = θ√δσ``, ``C = 2F0/(ηT) + x(a² + q²)``: A solves ``(2-x)A = C + 2q√((1-x)²A + x²a²)``, so
    that ``A = [(2-x)C + 2q²(1-x)² + 2q√((2-x)C(1-x)² + q²(1-x)⁴ + (2-x)²x²a²)]/(2-x)²``. It is C16 at ``θ = 0``, and C5 with U for V at
    ``x = 1``. ``θ`` defaults to the one that minimises A. Assumes A1, A2, A3. Guarantee: upper bound; with ``F0 - E F(w_T)`` in place of F0
    it is exact at ``T = 1``, where ``(L/2)w²`` with noise of two points attains it, and for every T at ``x = 1`` and at ``θ = 0``.
    Shapes: all arguments broadcast. Raises ValueError outside the premises.
    """
    step, steps = step_size("eta", eta, constants.L, "C18"), step_count("T", T)
    scale = Scale.of(step, constants.L)
    start, s2 = product(2, constants.F0, over=(step, steps)), constants.sigma2
    found = _shares(constants, scale, start, theta)
    keep, true2 = 1 + scale.rest, product(found.true, found.true, s2)
    smoothing2, root = product(found.smoothing, found.smoothing, s2), _root(scale, found, start, s2)
    return Bound(
        method="lsr",
        claim="C18",
        quantity=MEAN_SQUARED_GRADIENT,
        terms={
            "optimisation": product(start, over=(keep,)),
            "noise": product(scale.x, true2, over=(keep,)),
            "smoothing": product(scale.x, smoothing2, over=(keep,))
            + product(2, scale.rest, scale.rest, smoothing2, over=(keep, keep))
            + product(2, found.smoothing, np.sqrt(s2), root, over=(keep, keep)),
        },
        lowered_by={
            "optimisation": "more steps T",
            "noise": "a smaller eta, or a larger batch",
            "smoothing": "a smaller theta, or a smoothing label of smaller delta",
        },
        assumes=ASSUMES,
    )


@representable
def steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """The fewest samples until ``E‖∇F(w_R)‖² <= ε²`` by the exact form of C18, over all ``0 < η <= 1/L`` and all θ. It never mixes.

    For ``δ < ε²/(ε²+σ²)``: along ĝ alone, ``θ = 1``, ``η = 1/L``, ``T = ⌈2LF0/(ε²-δσ²)⌉``. Else no smoothing at all, C16's plan:
    ``ηL = ε²/(ε²+σ²)``, ``T = ⌈2LF0(ε²+σ²)/ε⁴⌉``.
    """
    target2, delta = target_squared(eps), constants.need_delta("C18")
    share = 1 / (1 + product(constants.sigma2, over=(target2,)))
    alone = delta < share
    x, theta = np.where(alone, 1.0, share), np.where(alone, 1.0, 0.0)
    least = product(share, target2)  # which is ε² - δσ² at δ = ε²/(ε²+σ²), where the difference cancels
    room = np.where(alone, np.maximum(target2 - product(delta, constants.sigma2), least), least)
    return Plan(
        "lsr-exact", "C18", ASSUMES, (Stage(x / constants.L, theta, whole_steps(product(2, constants.L, constants.F0, over=(room,)))),)
    )


def too_large_delta(constants: Constants, eps: float, samples: float) -> float:
    """The δ at which the way along ĝ alone takes ten times ``samples``, where without smoothing it takes more; to 1e-15."""
    target2 = target_squared(eps)
    most = float(product(constants.sigma2, over=(target2,)))
    shortest = float(product(2, constants.L, constants.F0, over=(10, samples, target2)))
    return max(1 - max(shortest, 1e-15), 0.0) / most if shortest * (1 + most) > 1 else np.nan


def _shares(constants: Constants, scale: Scale, start: Array, theta: ArrayLike | None) -> Shares:
    delta = constants.need_delta("C18")
    return Shares.of(delta, theta) if theta is not None else _best(delta, scale, np.minimum(product(start, over=(constants.sigma2,)), MOST))


def _best(delta: Array, scale: Scale, start: Array) -> Shares:
    """Those at the θ that minimises A; ``start = 2F0/(ηT)`` in units of σ².

    At its worst split ``n = δσ``, whatever the step: ``√A`` is the larger root z of
    ``(x(2-x) + (1-x)²δ)z² - 2x(1-x)√(δ(1-δ))z = x(start + xδ)``, and ``1-θ = (1-x)√δ z/(x√(1-δ))``, where that is below 1; else ``θ = 0``.
    """
    x, rest, inside = scale.x, scale.rest, np.where(delta < 1, delta, 0.0)
    apart = np.sqrt(1 - inside)
    square, linear = x * (1 + rest) + rest**2 * inside, x * rest * np.sqrt(inside) * apart
    z = (linear + np.sqrt(linear**2 + square * (x * (start + x * inside)))) / square
    true = np.where(delta < 1, np.minimum(product(rest, np.sqrt(inside), z, over=(x, apart)), 1.0), 1.0)
    return Shares.of(delta, 1 - true, true)


def _root(scale: Scale, found: Shares, start: Array, sigma2: Array) -> Array:
    """``√((2-x)C(1-x)² + q²(1-x)⁴ + (2-x)²x²a²)``."""
    keep, rest = 1 + scale.rest, scale.rest
    true2, smoothing2 = (product(share, share, sigma2) for share in (found.true, found.smoothing))
    C = start + product(scale.x, true2 + smoothing2)
    return np.sqrt(
        product(keep, C, rest, rest) + product(smoothing2, rest, rest, rest, rest) + product(keep, keep, scale.x, scale.x, true2)
    )


def why(k: Constants, *, eta: float, T: float, theta: float | None = None) -> list[Line]:
    """The exact form of C18, from A1, A2 and A3."""
    scale, start = Scale.of(np.asarray(eta), k.L), product(2, k.F0, over=(eta, T))
    found, keep = _shares(k, scale, start, theta), 1 + scale.rest
    a2, q2 = (product(share, share, k.sigma2) for share in (found.true, found.smoothing))
    C, root = start + product(scale.x, a2 + q2), _root(scale, found, start, k.sigma2)
    first = product(C, over=(keep,)) + product(2, scale.rest, scale.rest, q2, over=(keep, keep))
    chosen = "which minimises the bound" if theta is None else "as given"
    return [
        Line(f"C1:  g_LS = (1-θ)g + θĝ, θ = {{}} ({chosen}); x = ηL = {{}}", found.theta, scale.x),
        Line("A2, A3:  it has bias θb and noise at most ((1-θ)σ + θn)², b² + n² <= δσ² = {}", product(k.need_delta("C18"), k.sigma2)),
        Line("A1, in expectation:  E F(w⁺) <= F - (η/2)[(2-x)‖∇F‖² - 2(1-x)θb‖∇F‖ - x(θ²b² + ((1-θ)σ + θn)²)]"),
        Line(
            "A3, a = (1-θ)σ and q = θ√δσ:  "
            "2(1-x)θb‖∇F‖ + x(θ²b² + ((1-θ)σ + θn)²) <= x(a² + q²) + 2q√((1-x)²‖∇F‖² + x²a²), whatever the split is at this step"
        ),
        Line("that root is concave in ‖∇F‖², and so at most its tangent at A, the mean of E‖∇F(w_t)‖² over T = {} steps;", T),
        Line("summed and divided by ηT/2, with 2F0/(ηT) = {} and C = 2F0/(ηT) + x(a² + q²) = {}:", start, C),
        Line("(2-x)A <= C + 2q√((1-x)²A + x²a²)"),
        Line("R = (2-x)C(1-x)² + q²(1-x)⁴ + (2-x)²x²a², √R = {}; the larger root of the square of that:", root),
        Line(
            "E‖∇F(w_R)‖² <= [(2-x)C + 2q²(1-x)²]/(2-x)² + 2q√R/(2-x)² = {} + {}",
            first,
            product(2, found.smoothing, np.sqrt(k.sigma2), root, over=(keep, keep)),
        ),
    ]


METHOD = Method(
    name="lsr-exact",
    claim="C18",
    needs="L sigma2 delta F0",
    run="eta T",
    optional="theta",
    bound=bound,
    why=why,
    steps=steps,
    too_large=too_large_delta,
    within="lsr",
    switch=("exact", "the worst that A2 and A3 allow, with nothing of the descent dropped (C18)"),
)
