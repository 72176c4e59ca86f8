"""C11, the exact second moment of the smoothed direction: what the lemma drops, its minimiser θ*, and where 1/(1+δ) comes from."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import NOISY, SMOOTHING, STRENGTH, Premises, c, delta, s2, shat2, sigma2, theta
from tsla.theory.certificates.algebra.variance_lemma import SQUARES

C11 = partial(Obligation, claim="C11")
MOMENTS: Premises = {"s2 >= 0": s2 >= 0, "shat2 >= 0": shat2 >= 0, "Cauchy-Schwarz": c * c <= s2 * shat2}
DIFFERENCE = s2 + shat2 - 2 * c
"""E‖g - ĝ‖²."""
APART: Premises = {"g differs from ĝ": DIFFERENCE > 0}
MOMENT = formulas.second_moment(s2, shat2, c, theta)
STAR = formulas.best_theta(s2, shat2, c)


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    return (
        alone(_expansion()),
        alone(_dropped()),
        alone(_square(), "g differs from ĝ"),
        alone(_minimiser(), "theta >= 0", "theta <= 1", "g differs from ĝ", premises=SQUARES),
        alone(_minimum(), "g differs from ĝ", premises=SQUARES),
        alone(_indifferent(), "g is ĝ", premises=SQUARES),
        alone(_uncorrelated(), "delta > 0", "s2 > 0", definitions={"A3": shat2 == delta * s2, "c = 0": c == 0}),
        alone(_half(), "sigma2 > 0", "delta > 0"),
    )


def _expansion() -> Obligation:
    """In two dimensions, coordinate by coordinate; E of it is linear in the three products."""
    a, b = z3.Reals("a1 a2"), z3.Reals("b1 b2")
    mixed = [formulas.mix(x, y, theta) for x, y in zip(a, b, strict=True)]
    aa, bb, ab = (z3.Sum([x * y for x, y in zip(u, v, strict=True)]) for u, v in ((a, a), (b, b), (a, b)))
    length2 = z3.Sum([x * x for x in mixed])
    return C11(
        name="expansion",
        statement="‖(1-θ)a + θb‖² = (1-θ)²‖a‖² + θ²‖b‖² + 2θ(1-θ)⟨a, b⟩, two dimensions",
        hypotheses={},
        conclusion=length2 == formulas.second_moment(aa, bb, ab, theta),
        mutants={
            "once the product": conclude(length2 == formulas.second_moment(aa, bb, ab / 2, theta)),
            "minus the product": conclude(length2 == formulas.second_moment(aa, bb, -ab, theta)),
            "the lemma": conclude(length2 == formulas.mix(aa, bb, theta)),
        },
        guarantee="identity",
        axiom=f"{axioms.EXPECTATION}; {axioms.FINITE_SUM}: more dimensions",
    )


def _dropped() -> Obligation:
    return C11(
        name="what the lemma drops",
        statement="(1-θ)²s² + θ²ŝ² + 2θ(1-θ)c = (1-θ)s² + θŝ² - θ(1-θ)E‖g-ĝ‖²",
        hypotheses={},
        conclusion=formulas.mix(s2, shat2, theta) - theta * (1 - theta) * DIFFERENCE == MOMENT,
        mutants={
            "θ for θ(1-θ)": conclude(formulas.mix(s2, shat2, theta) - theta * DIFFERENCE == MOMENT),
            "half of it": conclude(formulas.mix(s2, shat2, theta) - theta * (1 - theta) / 2 * DIFFERENCE == MOMENT),
            "without c": conclude(formulas.mix(s2, shat2, theta) - theta * (1 - theta) * (s2 + shat2) == MOMENT),
        },
        guarantee="identity",
    )


def _square() -> Obligation:
    at_star = formulas.second_moment(s2, shat2, c, STAR)
    square = DIFFERENCE * (theta - STAR) * (theta - STAR)
    return C11(
        name="completed square",
        statement="the moment at θ is that at θ* plus E‖g-ĝ‖² (θ-θ*)²",
        hypotheses=APART,
        conclusion=at_star + square == MOMENT,
        mutants={
            "half the square": conclude(at_star + square / 2 == MOMENT),
            "at 1-θ*": conclude(formulas.second_moment(s2, shat2, c, 1 - STAR) + square == MOMENT),
        },
        guarantee="identity",
    )


def _minimiser() -> Obligation:
    best = formulas.clipped(STAR)
    return C11(
        name="minimiser",
        statement="θ* = (s²-c)/(s²+ŝ²-2c), clipped to [0, 1], is the minimiser on [0, 1]",
        hypotheses={**MOMENTS, **STRENGTH, **APART},
        conclusion=formulas.second_moment(s2, shat2, c, best) <= MOMENT,
        mutants={
            "1-θ*": conclude(formulas.second_moment(s2, shat2, c, 1 - best) <= MOMENT),
            "without c": conclude(formulas.second_moment(s2, shat2, c, s2 / (s2 + shat2)) <= MOMENT),
            "half of θ*": conclude(formulas.second_moment(s2, shat2, c, best / 2) <= MOMENT),
            "for theta > 1 too": drop("theta <= 1"),
        },
    )


def _minimum() -> Obligation:
    value = (s2 * shat2 - c * c) / DIFFERENCE
    at_star = formulas.second_moment(s2, shat2, c, STAR)
    return C11(
        name="minimum",
        statement="the moment at θ* is (s²ŝ²-c²)/(s²+ŝ²-2c), and not negative",
        hypotheses={**MOMENTS, **APART},
        conclusion=z3.And(at_star == value, value >= 0),
        mutants={
            "plus c²": conclude(at_star == (s2 * shat2 + c * c) / DIFFERENCE),
            "without c": conclude(at_star == s2 * shat2 / DIFFERENCE),
            "any c": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _indifferent() -> Obligation:
    return C11(
        name="no difference",
        statement="where E‖g-ĝ‖² = 0 every θ gives s²",
        hypotheses={**MOMENTS, "no difference": DIFFERENCE == 0},
        conclusion=MOMENT == s2,
        mutants={
            "any g, ĝ": drop("no difference"),
            "any c": drop("Cauchy-Schwarz"),
            "0": conclude(MOMENT == 0),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _uncorrelated() -> Obligation:
    return C11(
        name="uncorrelated",
        statement="θ* = 1/(1+δ) for c = 0, ŝ² = δs²",
        hypotheses={"s2 > 0": s2 > 0, **SMOOTHING, "A3": shat2 == delta * s2, "c = 0": c == 0},
        conclusion=formulas.paper_theta(delta) == STAR,
        mutants={
            "δ/(1+δ)": conclude(delta * formulas.paper_theta(delta) == STAR),
            "correlated": drop("c = 0"),
            "ŝ² = δ²s²": suppose("A3", shat2 == delta * delta * s2),
        },
        guarantee="identity",
    )


def _half() -> Obligation:
    exact = formulas.second_moment(sigma2, delta * sigma2, z3.RealVal(0), formulas.paper_theta(delta))
    return C11(
        name="half the lemma",
        statement="at c = 0 the minimum is δσ²/(1+δ), half of V(1/(1+δ))",
        hypotheses={**NOISY, **SMOOTHING},
        conclusion=z3.And(exact == delta * sigma2 / (1 + delta), exact == formulas.paper_floor(sigma2, delta) / 2),
        mutants={
            "all of V": conclude(exact == formulas.paper_floor(sigma2, delta)),
            "δσ²": conclude(exact == delta * sigma2),
        },
        guarantee="identity",
    )
