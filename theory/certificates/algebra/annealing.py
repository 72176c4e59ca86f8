"""C12, θ°(η): the strength that minimises the floor at a step size, and that it grows with the step size from 0 on."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import STRENGTH, Premises, beta2, c, nu2, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import larger, scale

C12 = partial(Obligation, claim="C12")
BEST = formulas.annealed_theta(sigma2, beta2, nu2, c, scale)
STEP: Premises = {"0 < ηL ≤ 1": z3.And(scale > 0, scale <= 1)}
MOMENTS: Premises = {"moments": z3.And(sigma2 >= 0, nu2 >= 0, beta2 >= 0, c * c <= sigma2 * nu2)}
CURVATURE = formulas.curvature(sigma2, beta2, nu2, c, scale)
CURVED: Premises = {"the floor is not flat": CURVATURE > 0}


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    moments = ("sigma2 >= 0", "nu2 >= 0", "beta2 >= 0", "c² <= σ²ν²")
    steps = ("ηL > 0", "ηL <= 1")
    return (
        alone(_square(), "the floor is not flat"),
        alone(_minimiser(), *steps, *moments, "theta >= 0", "theta <= 1", "the floor is not flat"),
        alone(_at_largest_step(), *moments, "ηL = 1", "the floor is not flat"),
        alone(_vanishes(), *steps, *moments, "c <= σ²", "beta2 > 0"),
        alone(_grows(), *steps, *moments, "c <= σ²", "the floor is not flat", "the floor at η′ is not flat", "η <= η′"),
    )


def floor(strength: Formula) -> Formula:
    """θ²β² + ηL N(θ)."""
    return strength * strength * beta2 + scale * formulas.second_moment(sigma2, nu2, c, strength)


def _square() -> Obligation:
    square = CURVATURE * (theta - BEST) * (theta - BEST)
    return C12(
        name="θ°, completed square",
        statement="the floor at θ is that at θ° plus (β² + ηL(σ²+ν²-2c))(θ-θ°)²",
        hypotheses=CURVED,
        conclusion=floor(theta) == floor(BEST) + square,
        mutants={
            "half the square": conclude(floor(theta) == floor(BEST) + square / 2),
            "at 1-θ°": conclude(floor(theta) == floor(1 - BEST) + square),
        },
        guarantee="identity",
    )


def _minimiser() -> Obligation:
    best = formulas.clipped(BEST)
    star = formulas.clipped(formulas.best_theta(sigma2, nu2 + beta2, c))
    return C12(
        name="θ°, minimiser",
        statement="θ° = ηL(σ²-c)/(β² + ηL(σ²+ν²-2c)), clipped, minimises θ²β² + ηL N(θ) on [0, 1]",
        hypotheses={**STEP, **MOMENTS, **STRENGTH, **CURVED},
        conclusion=floor(best) <= floor(theta),
        mutants={
            "θ* of C11": conclude(floor(star) <= floor(theta)),
            "half of θ°": conclude(floor(best / 2) <= floor(theta)),
            "for theta > 1 too": drop("theta <= 1"),
        },
    )


def _at_largest_step() -> Obligation:
    return C12(
        name="θ° at 1/L",
        statement="θ°(1/L) = θ* of C11",
        hypotheses={**MOMENTS, **CURVED, "η = 1/L": scale == 1},
        conclusion=formulas.best_theta(sigma2, nu2 + beta2, c) == BEST,
        mutants={"any η": drop("η = 1/L"), "without the bias": conclude(formulas.best_theta(sigma2, nu2, c) == BEST)},
        guarantee="identity",
    )


def _vanishes() -> Obligation:
    """E‖g - ĝ + b̂‖² = σ²+ν²-2c is not negative."""
    return C12(
        name="θ° vanishes",
        statement="θ°(η) ≤ ηL(σ²-c)/β² where c ≤ σ²: it goes to 0 with η if there is bias",
        hypotheses={**STEP, **MOMENTS, "c <= σ²": c <= sigma2, "bias": beta2 > 0},
        conclusion=BEST <= scale * (sigma2 - c) / beta2,
        mutants={
            "half of it": conclude(BEST <= scale * (sigma2 - c) / beta2 / 2),
            "(ηL)²": conclude(BEST <= scale * scale * (sigma2 - c) / beta2),
            "any c": drop("c <= σ²"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _grows() -> Obligation:
    return C12(
        name="θ° grows with η",
        statement="θ°(η) ≤ θ°(η′) for η ≤ η′ where c ≤ σ²",
        hypotheses={
            **STEP,
            **MOMENTS,
            "c <= σ²": c <= sigma2,
            "both floors are curved": z3.And(CURVATURE > 0, z3.substitute(CURVATURE, (scale, larger)) > 0),
            "η ≤ η′": scale <= larger,
        },
        conclusion=BEST <= z3.substitute(BEST, (scale, larger)),
        mutants={
            "any c": drop("c <= σ²"),
            "η′ < η": suppose("η ≤ η′", z3.And(larger > 0, larger < scale)),
            "in proportion": conclude(BEST * larger <= z3.substitute(BEST, (scale, larger)) * scale),
        },
    )
