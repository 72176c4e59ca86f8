"""C4, SGD: the expected descent of one step, its sum over the run, and the step size and length that reach ε²."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import bound_of, plan_of
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone, planned
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import descent, unbiased
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    SMOOTH,
    START,
    STEP,
    TARGET,
    F,
    F_next,
    L,
    T,
    eps2,
    eta,
    grad2,
    s2,
    sigma2,
)

C4 = partial(Obligation, claim="C4")
GAIN, LIFT = eta / 2, L * eta * eta * sigma2 / 2
RUN = recursions.Telescoping("C4", GAIN, LIFT, {**STEP, **NOISE}, "(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t Lη²σ²/2")
STEP_SIZE = formulas.noise_step_size(L, sigma2, eps2)
LENGTH = 4 * F0 / (eta * eps2)
Gg, gg = z3.Reals("Gg gg")
"""⟨∇F, E g⟩ and E‖g‖²; ``s2`` is E‖g - ∇F‖²."""


def manifests() -> tuple[Manifest, ...]:
    """One step, the sum of many, C4, its plan and how long that is."""
    return (
        second_moment(),
        step(),
        total(),
        bound(),
        plan(),
        alone(_samples(), "L > 0", "sigma2 > 0", "F0 > 0", "eps > 0", "eps2 <= 2 sigma2"),
    )


@cache
def second_moment() -> Manifest:
    """What an unbiased direction's square is made of."""
    return alone(_second_moment(), premises=unbiased(Gg, gg))


@cache
def step() -> Manifest:
    """One step of SGD."""
    return Manifest(
        claim="C4",
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + Lη²σ²/2 for 0 < η ≤ 1/L",
        premises=(*descent(Gg, gg), *unbiased(Gg, gg)),
        steps=(_second_moment(), _one_step()),
    )


@cache
def total() -> Manifest:
    """C4 before it is divided by T, from any start."""
    return RUN.over(step())


@cache
def bound() -> Manifest:
    """C4."""
    mean = RUN.mean(formulas.sgd_bound(F0, eta, T, L, sigma2), "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + ηLσ²")
    return recursions.averaged(total(), mean, bound_of("C4"))


def plan() -> Manifest:
    """C4 at the step size and the length of its plan."""
    return planned(bound(), _plan(), {"eta": eta == STEP_SIZE, "T": T >= LENGTH}, "eps > 0", function=plan_of("C4"))


def _second_moment() -> Obligation:
    return C4(
        name="second moment",
        statement="E‖g‖² = ‖∇F‖² + E‖g-∇F‖²",
        hypotheses={"E g = ∇F": Gg == grad2, "square": s2 == gg - 2 * Gg + grad2},
        conclusion=gg == grad2 + s2,
        mutants={
            "g is biased": drop("E g = ∇F"),
            "minus the variance": conclude(gg == grad2 - s2),
            "twice the gradient": conclude(gg == 2 * grad2 + s2),
        },
        guarantee="identity",
        axiom=axioms.EXPECTATION,
    )


def _one_step() -> Obligation:
    return C4(
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + Lη²σ²/2",
        hypotheses={
            **STEP,
            "‖∇F‖² >= 0": grad2 >= 0,
            "A1'": quadratic_upper_bound(Gg, gg),
            "E g = ∇F": Gg == grad2,
            "second moment": gg == grad2 + s2,
            "A2": s2 <= sigma2,
        },
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half the noise": conclude(F_next <= F - GAIN * grad2 + LIFT / 2),
            "twice the descent": conclude(F_next <= F - 2 * GAIN * grad2 + LIFT),
            "η³ for η²": conclude(F_next <= F - GAIN * grad2 + L * eta * LIFT),
            "eta > 1/L": drop("eta <= 1/L"),
            "g is biased": drop("E g = ∇F"),
            "no A2": drop("A2"),
        },
        axiom=axioms.EXPECTATION,
    )


def _plan() -> Obligation:
    """T stands for any number of steps that is at least the real number asked for, so that rounding up only helps."""
    bound = formulas.sgd_bound(F0, eta, T, L, sigma2)
    return C4(
        name="plan",
        statement="η = min(1/L, ε²/(2Lσ²)) and T ≥ 4F0/(ηε²) give ≤ ε², with η ≤ 1/L",
        hypotheses={**SMOOTH, **NOISE, **START, **TARGET, "eta": eta == STEP_SIZE, "T": T >= LENGTH},
        conclusion=z3.And(bound <= eps2, eta * L <= 1),
        mutants={
            "half the steps": suppose("T", T >= LENGTH / 2),
            "1/ε for 1/ε²": suppose("T", z3.And(T > 0, T * T * eta * eta * eps2 >= 16 * F0 * F0)),
            "twice the step size": suppose("eta", eta == 2 * STEP_SIZE),
            "always ε²/(2Lσ²)": suppose("eta", z3.And(sigma2 > 0, eta == eps2 / (2 * L * sigma2))),
        },
    )


def _samples() -> Obligation:
    steps = 4 * F0 / (STEP_SIZE * eps2)
    return C4(
        name="samples",
        statement="T = 8LF0σ²/ε⁴ where ε² ≤ 2σ²: O(1/ε⁴)",
        hypotheses={**SMOOTH, **NOISY, **START, **TARGET, "eps2 <= 2 sigma2": eps2 <= 2 * sigma2},
        conclusion=steps == 8 * L * F0 * sigma2 / (eps2 * eps2),
        mutants={
            "half as many": conclude(steps == 4 * L * F0 * sigma2 / (eps2 * eps2)),
            "1/ε²": conclude(steps == 8 * L * F0 * sigma2 / eps2),
            "any target": drop("eps2 <= 2 sigma2"),
        },
        guarantee="identity",
    )
