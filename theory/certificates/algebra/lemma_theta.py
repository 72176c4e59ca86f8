"""C10, the lemma's own best θ: V is linear in θ, and smallest where the true labels are thrown away, or where nothing is smoothed."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import F0, NOISE, NOISY, ORACLE, START, STRENGTH, T, delta, eta, sigma2, theta

C10 = partial(Obligation, claim="C10")
HELPFUL = {"delta < 1": delta < 1}
V = formulas.lemma(sigma2, delta, theta)
V_PAPER = formulas.paper_floor(sigma2, delta)
BEST = z3.If(delta < 1, z3.RealVal(1), z3.RealVal(0))
"""``smoothing.lemma_theta``."""


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    known = ("sigma2 >= 0", "delta >= 0")
    return (
        alone(_linear()),
        alone(_minimum(), *known, "theta >= 0", "theta <= 1"),
        alone(_only_minimum(), "sigma2 > 0", "delta >= 0", "delta < 1", "theta >= 0", "theta < 1"),
        alone(_value()),
        alone(_half(), *known, "delta <= 1"),
        alone(_without_labels(), *known, "delta <= 1", "F0 > 0", "eta > 0", "T > 0"),
    )


def _linear() -> Obligation:
    other, weight = z3.Reals("other weight")
    between = formulas.lemma(sigma2, delta, formulas.mix(theta, other, weight))
    ends = formulas.mix(V, formulas.lemma(sigma2, delta, other), weight)
    return C10(
        name="linear",
        statement="V((1-x)θ + xθ′) = (1-x) V(θ) + x V(θ′)",
        hypotheses={},
        conclusion=between == ends,
        mutants={
            "ends exchanged": conclude(between == formulas.mix(formulas.lemma(sigma2, delta, other), V, weight)),
            "x²": conclude(between == formulas.mix(V, formulas.lemma(sigma2, delta, other), weight * weight)),
        },
        guarantee="identity",
    )


def _minimum() -> Obligation:
    return C10(
        name="minimum",
        statement="V is smallest on [0, 1] at θ = 1 for δ < 1, else at θ = 0",
        hypotheses={**NOISE, **ORACLE, **STRENGTH},
        conclusion=formulas.lemma(sigma2, delta, BEST) <= V,
        mutants={
            "θ = 1 always": conclude(formulas.lemma(sigma2, delta, z3.RealVal(1)) <= V),
            "the paper's θ": conclude(V_PAPER <= V),
            "θ = 1 for δ < 2": conclude(formulas.lemma(sigma2, delta, z3.If(delta < 2, z3.RealVal(1), z3.RealVal(0))) <= V),
            "theta > 1": drop("theta <= 1"),
        },
    )


def _only_minimum() -> Obligation:
    return C10(
        name="only minimum",
        statement="V(θ) > V(1) for θ < 1, δ < 1: so also V(1/(1+δ)) > V(1) for δ > 0",
        hypotheses={**NOISY, **ORACLE, **STRENGTH, **HELPFUL, "theta < 1": theta < 1},
        conclusion=z3.And(V > formulas.lemma(sigma2, delta, z3.RealVal(1)), z3.Implies(delta > 0, V_PAPER > delta * sigma2)),
        mutants={
            "δ = 1 too": suppose("delta < 1", delta <= 1),
            "θ = 1 too": drop("theta < 1"),
            "no noise": suppose("sigma2 > 0", sigma2 >= 0),
        },
    )


def _value() -> Obligation:
    return C10(
        name="value",
        statement="V(1) = δσ²",
        hypotheses={},
        conclusion=formulas.lemma(sigma2, delta, z3.RealVal(1)) == delta * sigma2,
        mutants={
            "σ²": conclude(formulas.lemma(sigma2, delta, z3.RealVal(1)) == sigma2),
            "V(0)": conclude(formulas.lemma(sigma2, delta, z3.RealVal(0)) == delta * sigma2),
        },
        guarantee="identity",
    )


def _half() -> Obligation:
    return C10(
        name="up to half",
        statement="V(1/(1+δ))/2 ≤ δσ² ≤ V(1/(1+δ)) for δ ≤ 1",
        hypotheses={**NOISE, **ORACLE, "delta <= 1": delta <= 1},
        conclusion=z3.And(V_PAPER / 2 <= delta * sigma2, delta * sigma2 <= V_PAPER),
        mutants={
            "never below 2/3": conclude(2 * V_PAPER / 3 <= delta * sigma2),
            "at most half": conclude(delta * sigma2 <= V_PAPER / 2),
            "any delta": drop("delta <= 1"),
        },
    )


def _without_labels() -> Obligation:
    """A run along ĝ alone is LSR at θ = 1, whose V is δσ²."""
    alone = formulas.lsr_bound(F0, eta, T, delta * sigma2)
    paper = formulas.lsr_bound(F0, eta, T, V_PAPER)
    return C10(
        name="without labels",
        statement="C5 at θ = 1 is no worse than at 1/(1+δ) for δ ≤ 1: wherever C5 reaches ε², so does descent along ĝ alone",
        hypotheses={**NOISE, **ORACLE, **START, "delta <= 1": delta <= 1, "a run": z3.And(eta > 0, T > 0)},
        conclusion=alone <= paper,
        mutants={
            "half of it": conclude(alone <= paper / 2),
            "any delta": drop("delta <= 1"),
            "the other way": conclude(paper <= alone),
        },
    )
