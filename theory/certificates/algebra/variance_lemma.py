"""C2, the variance lemma: ``E‖g_LS - ∇F‖² <= V(θ)``, from the convexity of ``‖·‖²``; V at the paper's θ, and when it is below σ²."""

from __future__ import annotations

from functools import cache, partial

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.symbols import NOISE, NOISY, ORACLE, STRENGTH, c, delta, s2, shat2, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import error2, first2, inner, second2

C2 = partial(Obligation, claim="C2")
MOMENTS = {first2: s2, second2: shat2, inner: c}
"""E‖a‖², E‖b‖² and E⟨a, b⟩ for a = g - ∇F, b = ĝ - ∇F."""
SQUARES = tuple(Premise(name, MOMENTS) for name in ("first square >= 0", "second square >= 0", "Cauchy-Schwarz"))
SMOOTHED = (*premises("theta >= 0", "theta <= 1", "A2: variance", "A3", "second moment of g_LS"), *SQUARES)


def manifests() -> tuple[Manifest, ...]:
    """What C2 says of V, and of its value at the paper's θ."""
    return (
        lemma(),
        alone(_paper_theta(), "delta >= 0"),
        alone(_rounded(), "sigma2 >= 0", "delta >= 0"),
        alone(_reduction(), "sigma2 > 0", "theta > 0", "theta <= 1"),
    )


@cache
def lemma() -> Manifest:
    """C2's bound."""
    return Manifest(
        claim="C2",
        name="lemma",
        statement="E‖g_LS-∇F‖² ≤ V(θ) = (1-θ)σ² + θδσ² for 0 ≤ θ ≤ 1",
        premises=SMOOTHED,
        steps=(_convexity(), _lemma()),
    )


def _convexity() -> Obligation:
    mixed = formulas.second_moment(s2, shat2, c, theta)
    return C2(
        name="convexity",
        statement="‖(1-θ)a + θb‖² ≤ (1-θ)‖a‖² + θ‖b‖²",
        hypotheses={
            **STRENGTH,
            "‖a‖² >= 0": s2 >= 0,
            "‖b‖² >= 0": shat2 >= 0,
            "Cauchy-Schwarz": c * c <= s2 * shat2,
        },
        conclusion=mixed <= formulas.mix(s2, shat2, theta),
        mutants={
            "the squares of the weights": conclude(mixed <= (1 - theta) * (1 - theta) * s2 + theta * theta * shat2),
            "theta > 1": drop("theta <= 1"),
            "theta < 0": drop("theta >= 0"),
            "any inner product": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _lemma() -> Obligation:
    return C2(
        name="lemma",
        statement="E‖g_LS-∇F‖² ≤ V(θ) = (1-θ)σ² + θδσ²",
        hypotheses={
            **STRENGTH,
            "A2": s2 <= sigma2,
            "A3": shat2 <= delta * sigma2,
            "convexity": error2 <= formulas.mix(s2, shat2, theta),
        },
        conclusion=error2 <= formulas.lemma(sigma2, delta, theta),
        mutants={
            "θ and 1-θ exchanged": conclude(error2 <= formulas.lemma(sigma2, delta, 1 - theta)),
            "smoothing label half as good": conclude(error2 <= formulas.lemma(sigma2, delta / 2, theta)),
            "no A2": drop("A2"),
            "no A3": drop("A3"),
            "A3 with δ²": suppose("A3", shat2 <= delta * delta * sigma2),
        },
        axiom=axioms.EXPECTATION,
    )


def _paper_theta() -> Obligation:
    value = formulas.lemma(sigma2, delta, formulas.paper_theta(delta))
    return C2(
        name="at the paper's theta",
        statement="V(1/(1+δ)) = 2δσ²/(1+δ)",
        hypotheses=ORACLE,
        conclusion=value == formulas.paper_floor(sigma2, delta),
        mutants={
            "without the 2": conclude(value == formulas.paper_floor(sigma2, delta) / 2),
            "without 1+δ": conclude(value == 2 * delta * sigma2),
        },
        guarantee="identity",
    )


def _rounded() -> Obligation:
    V = formulas.paper_floor(sigma2, delta)
    return C2(
        name="2δσ²",
        statement="2δσ²/(1+δ) ≤ 2δσ²",
        hypotheses={**NOISE, **ORACLE},
        conclusion=V <= 2 * delta * sigma2,
        mutants={
            "δσ²": conclude(V <= delta * sigma2),
            "delta < 0": drop("delta >= 0"),
        },
    )


def _reduction() -> Obligation:
    V = formulas.lemma(sigma2, delta, theta)
    return C2(
        name="reduction",
        statement="V(θ) < σ² iff δ < 1, for 0 < θ ≤ 1",
        hypotheses={**NOISY, **STRENGTH, "theta > 0": theta > 0},
        conclusion=(V < sigma2) == (delta < 1),
        mutants={
            "δ ≤ 1": conclude((V < sigma2) == (delta <= 1)),
            "δ < 2": conclude((V < sigma2) == (delta < 2)),
            "θ = 0 too": drop("theta > 0"),
            "no noise": drop("sigma2 > 0"),
        },
    )
