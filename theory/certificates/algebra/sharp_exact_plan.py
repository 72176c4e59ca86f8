"""C18, the exact form: its plan, which smooths with θ = 1 or not at all."""

from __future__ import annotations

import z3

from tsla.theory.certificates.algebra import sharp_exact, worst_case_plan
from tsla.theory.certificates.algebra.engine.functions import plan_of
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone, borrowed, planned
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    ORACLE,
    SMOOTH,
    START,
    TARGET,
    L,
    Premises,
    T,
    delta,
    eps2,
    eta,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.sharp import a, q, x
from tsla.theory.certificates.algebra.sharp_exact import ROOT, VALUE, D
from tsla.theory.certificates.algebra.sharp_lemma import SIZES, smoothing, true

PLANNED = plan_of("C18", "lsr-exact")
SHARE = eps2 / (eps2 + sigma2)
ALONE, PLAIN = 2 * L * F0 / (eps2 - delta * sigma2), 2 * L * F0 / (SHARE * eps2)
"""Steps along ĝ alone, and without smoothing."""
KNOWN: Premises = {**SMOOTH, **NOISE, **ORACLE, **START, **TARGET}


def manifests() -> tuple[Manifest, ...]:
    """The plan on either side of ``δ = ε²/(ε²+σ²)``, and which side takes fewer steps."""
    return (
        along(),
        unsmoothed(),
        alone(_shorter(), "L > 0", "sigma2 > 0", "delta >= 0", "F0 > 0", "eps > 0", "delta sigma2 < eps2"),
    )


def along() -> Manifest:
    """The exact form along ĝ alone."""
    settings = {"theta": theta == 1, "eta": eta == 1 / L, "T": T >= ALONE}
    return planned(sharp_exact.bound(), _plan_alone(), settings, "eps > 0", "delta < eps2/(eps2+sigma2)", function=PLANNED)


def unsmoothed() -> Manifest:
    """Where ĝ alone takes more steps: C16's plan."""
    return borrowed(worst_case_plan.plan(), "C18", "exact, plan without smoothing", "delta >= eps2/(eps2+sigma2)", function=PLANNED)


def _plan_alone() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, plan along ĝ",
        statement="θ = 1, η = 1/L, T ≥ 2LF0/(ε²-δσ²) give ≤ ε² where δσ² < ε²",
        hypotheses={
            **SMOOTH,
            **START,
            **SIZES,
            **ROOT,
            "x = 1": x == 1,
            "δσ² < ε²": delta * sigma2 < eps2,
            "θ = 1": theta == 1,
            "a": a == true,
            "q": q == smoothing,
            "eta": eta == 1 / L,
            "T": T >= ALONE,
            "D": D == 2 * F0 / (eta * T),
        },
        conclusion=VALUE <= eps2,
        mutants={
            "half the steps": suppose("T", T >= ALONE / 2),
            "any θ": suppose("θ = 1", z3.And(theta >= 0, theta <= 1)),
            "any δ": suppose("δσ² < ε²", z3.And(delta * sigma2 > eps2, T > 0)),
        },
    )


def _shorter() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, shorter along ĝ",
        statement="2LF0/(ε²-δσ²) < 2LF0(ε²+σ²)/ε⁴, C16's plan, iff δ < ε²/(ε²+σ²), where δσ² < ε²",
        hypotheses={**KNOWN, **NOISY, "δσ² < ε²": delta * sigma2 < eps2},
        conclusion=(ALONE < PLAIN) == (delta < SHARE),
        mutants={
            "iff δ < ε²/σ²": conclude((ALONE < PLAIN) == (delta * sigma2 < eps2)),
            "any δ": suppose("δσ² < ε²", delta * sigma2 > eps2),
        },
    )
