"""C21, heavy ball: the averaged sequence, the potential that falls in every step, its sum over the run, and what m = 0 makes of it."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.obligation import Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import F0, NOISE, SMOOTH, F, F_next, L, Premises, T, eta, grad2, s2, sigma2

h, m = z3.Reals("h m")
"""η/(1-m), the step size of the averaged sequence, and the momentum."""
vv, velocity_along, apart_along = z3.Reals("vv velocity_along apart_along")
"""‖v‖², ⟨v, ∇F(w)⟩ and ⟨∇F(z) - ∇F(w), ∇F(w)⟩."""
LEFT = 2 - h * L * (1 + m) / (1 - m)
GAIN, LIFT = h / 2 * LEFT, h * h * L * (1 + m) * sigma2 / 2
WEIGHT = h * h * L * m / 2
"""Of ‖v‖² in the potential ``F(z) + weight ‖v‖²``; in what telescopes, ``F`` stands for the potential."""
MOMENTUM: Premises = {**SMOOTH, "h > 0": h > 0, "m >= 0": m >= 0, "m < 1": m < 1}
LONG_STEP: Premises = {**MOMENTUM, "hL(1+m) < 2(1-m)": h * L * (1 + m) < 2 * (1 - m)}
ALONG_GRADIENTS = h * L * m * ((1 - m) / 2 * vv + grad2 / (2 * (1 - m)))
ALONG_VELOCITY = (1 - m) / 2 * vv + grad2 / (2 * (1 - m))
SQUARES: Premises = {"squares": z3.And(vv >= 0, grad2 >= 0)}


def certificates() -> Iterable[Certificate]:
    """Prove C21."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C21."""
    premises = {**LONG_STEP, **NOISE}
    bound = formulas.momentum_bound(F0, h, T, L, sigma2, m)
    return (
        _averaged(),
        _gradients(),
        _velocity(),
        _one_step(),
        *recursions.telescoping(
            "C21", GAIN, LIFT, premises, "(h/2)(2 - hL(1+m)/(1-m)) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E potential_t + t h²L(1+m)σ²/2"
        ),
        recursions.mean("C21", GAIN, LIFT, premises, bound, "E‖∇F(w_R)‖² ≤ [2F0/(hT) + hL(1+m)σ²]/(2 - hL(1+m)/(1-m))"),
        _without_momentum(),
    )


def _averaged() -> Obligation:
    """Each coordinate."""
    w, v, g = z3.Reals("w v g")
    following = m * v + g
    shift = eta * m / (1 - m)
    return Obligation(
        claim="C21",
        name="averaged sequence",
        statement="z = w - ηm/(1-m) v has z⁺ = z - η/(1-m) g and w - z = hmv",
        hypotheses={"m < 1": m < 1, "h": h == eta / (1 - m)},
        conclusion=z3.And(w - eta * following - shift * following == w - shift * v - h * g, w - (w - shift * v) == h * m * v),
        mutants={
            "η for h": suppose("h", h == eta),
            "z = w": conclude(w - eta * following == w - h * g),
            "m for m/(1-m)": conclude(w - eta * following - eta * m * following == w - eta * m * v - h * g),
        },
        guarantee="identity",
    )


def _gradients() -> Obligation:
    ee = z3.Real("ee")
    return Obligation(
        claim="C21",
        name="gradients apart",
        statement="-⟨∇F(z)-∇F(w), ∇F(w)⟩ ≤ hLm[(1-m)/2 ‖v‖² + ‖∇F(w)‖²/(2(1-m))]",
        hypotheses={
            **MOMENTUM,
            **SQUARES,
            "A1": ee <= h * L * m * (h * L * m) * vv,
            "Cauchy-Schwarz": apart_along * apart_along <= ee * grad2,
        },
        conclusion=-apart_along <= ALONG_GRADIENTS,
        mutants={
            "half of it": conclude(-2 * apart_along <= ALONG_GRADIENTS),
            "not smooth": drop("A1"),
            "no Cauchy-Schwarz": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _velocity() -> Obligation:
    return Obligation(
        claim="C21",
        name="velocity",
        statement="⟨v, ∇F(w)⟩ ≤ (1-m)/2 ‖v‖² + ‖∇F(w)‖²/(2(1-m))",
        hypotheses={"m < 1": m < 1, **SQUARES, "Cauchy-Schwarz": velocity_along * velocity_along <= vv * grad2},
        conclusion=velocity_along <= ALONG_VELOCITY,
        mutants={
            "half of it": conclude(2 * velocity_along <= ALONG_VELOCITY),
            "m > 1": suppose("m < 1", m > 1),
            "no Cauchy-Schwarz": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _one_step() -> Obligation:
    Fz, Fz_next, vv_next = z3.Reals("Fz Fz_next vv_next")
    return Obligation(
        claim="C21",
        name="one step",
        statement="E potential⁺ ≤ potential - (h/2)(2 - hL(1+m)/(1-m))‖∇F(w)‖² + h²L(1+m)σ²/2, potential = F(z) + h²Lm/2 ‖v‖²",
        hypotheses={
            **MOMENTUM,
            **SQUARES,
            "potential": z3.And(F == Fz + WEIGHT * vv, F_next == Fz_next + WEIGHT * vv_next),
            "A1' along z": Fz_next <= Fz - h * (grad2 + apart_along) + L / 2 * h * h * (grad2 + s2),
            "v⁺ = mv + g": vv_next == m * m * vv + 2 * m * velocity_along + grad2 + s2,
            "A2": s2 <= sigma2,
            "gradients apart": -apart_along <= ALONG_GRADIENTS,
            "velocity": velocity_along <= ALONG_VELOCITY,
        },
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "F(z) alone": suppose("potential", z3.And(F == Fz, F_next == Fz_next)),
            "noise of SGD": conclude(F_next <= F - GAIN * grad2 + h * h * L * sigma2 / 2),
            "descent of SGD": conclude(F_next <= F - h / 2 * (2 - h * L) * grad2 + LIFT),
            "half of the weight": suppose("potential", z3.And(F == Fz + WEIGHT / 2 * vv, F_next == Fz_next + WEIGHT / 2 * vv_next)),
            "no A2": drop("A2"),
        },
        axiom=axioms.EXPECTATION,
    )


def _without_momentum() -> Obligation:
    bound = formulas.momentum_bound(F0, h, T, L, sigma2, m)
    return Obligation(
        claim="C21",
        name="without momentum",
        statement="at m = 0, where h = η, it is C16",
        hypotheses={**LONG_STEP, "T > 0": T > 0, "m = 0": m == 0},
        conclusion=bound == formulas.worst_case_bound(F0, h, T, L, sigma2),
        mutants={
            "C4": conclude(bound == formulas.sgd_bound(F0, h, T, L, sigma2)),
            "with momentum": drop("m = 0"),
        },
        guarantee="identity",
    )
