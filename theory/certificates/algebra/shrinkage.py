"""C17, the shrinkage control: ĝ = 0 is SGD with a smaller step, satisfies A3, and what smoothing does beyond it."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise
from tsla.theory.certificates.algebra.engine.symbols import STRENGTH, batch, beta2, c, eta, grad2, nu2, s2, shat2, theta
from tsla.theory.certificates.algebra.engine.table import slope

C17 = partial(Obligation, claim="C17")
Gg = z3.Real("Gg")
"""⟨∇F, E g⟩."""
BEYOND = formulas.beyond(shat2, c, grad2, theta)


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    strengths = ("theta > 0", "theta <= 1")
    return (
        alone(_smaller_step()),
        alone(_covariance(), premises=(Premise("A2: E g = ∇F", {slope: Gg}),), definitions={"c": c == grad2 - Gg}),
        alone(_shrunk()),
        alone(_zero_vector(), "s2 > 0", "‖∇F‖² >= 0"),
        alone(_beyond()),
        alone(_sign(), *strengths),
        alone(_tells_nothing(), "theta >= 0", "theta <= 1", "ŝ² >= ‖∇F‖²", "c >= 0"),
        alone(_batch(), "B > 0"),
    )


def _smaller_step() -> Obligation:
    w, g = z3.Reals("w g")
    after = w - eta * formulas.mix(g, z3.RealVal(0), theta)
    return C17(
        name="smaller step",
        statement="with ĝ = 0 LSR is SGD with step (1-θ)η",
        hypotheses={},
        conclusion=after == w - (1 - theta) * eta * g,
        mutants={"θη": conclude(after == w - theta * eta * g), "η": conclude(after == w - eta * g)},
        guarantee="identity",
    )


def _covariance() -> Obligation:
    """With ĝ = 0, ŝ² = ‖0-∇F‖², and c = E⟨g-∇F, -∇F⟩ is ‖∇F‖² - ⟨E g, ∇F⟩."""
    return C17(
        name="zero vector, c",
        statement="ŝ² = ‖∇F‖² and c = 0 for ĝ = 0",
        hypotheses={"c": c == grad2 - Gg, "E g = ∇F": Gg == grad2},
        conclusion=c == 0,
        mutants={"g is biased": drop("E g = ∇F"), "c = ‖∇F‖²": conclude(c == grad2)},
        guarantee="identity",
        axiom=axioms.EXPECTATION,
    )


def _shrunk() -> Obligation:
    exact = formulas.second_moment(s2, grad2, z3.RealVal(0), theta)
    return C17(
        name="shrunk moment",
        statement="E‖(1-θ)g-∇F‖² = (1-θ)²s² + θ²‖∇F‖²: C11 with ŝ² = ‖∇F‖², c = 0",
        hypotheses={},
        conclusion=exact == formulas.shrunk_second_moment(s2, grad2, theta),
        mutants={
            "unsquared": conclude(exact == formulas.mix(s2, grad2, theta)),
            "without the bias": conclude(exact == (1 - theta) * (1 - theta) * s2),
        },
        guarantee="identity",
    )


def _zero_vector() -> Obligation:
    """The least δ of A3 at w is δ0: with it the zero vector passes, with less it does not."""
    delta = z3.Real("delta")
    return C17(
        name="zero vector, A3",
        statement="‖0-∇F‖² ≤ δs² iff δ ≥ δ0 = ‖∇F‖²/s²",
        hypotheses={"s2 > 0": s2 > 0, "‖∇F‖² >= 0": grad2 >= 0},
        conclusion=(grad2 <= delta * s2) == (delta >= grad2 / s2),
        mutants={
            "half of δ0": conclude((grad2 <= delta * s2) == (delta >= grad2 / (2 * s2))),
            "the inverse": conclude(z3.Implies(grad2 > 0, (grad2 <= delta * s2) == (delta >= s2 / grad2))),
            "strict": conclude((grad2 <= delta * s2) == (delta > grad2 / s2)),
        },
    )


def _beyond() -> Obligation:
    difference = formulas.second_moment(s2, shat2, c, theta) - formulas.shrunk_second_moment(s2, grad2, theta)
    return C17(
        name="beyond shrinking",
        statement="E‖g_LS-∇F‖² - E‖(1-θ)g-∇F‖² = θ²(ŝ²-‖∇F‖²) + 2θ(1-θ)c",
        hypotheses={},
        conclusion=difference == BEYOND,
        mutants={
            "once c": conclude(difference == formulas.beyond(shat2, c / 2, grad2, theta)),
            "θ for θ²": conclude(difference == theta * (shat2 - grad2) + 2 * theta * (1 - theta) * c),
            "plus ‖∇F‖²": conclude(difference == formulas.beyond(shat2, c, -grad2, theta)),
        },
        guarantee="identity",
    )


def _sign() -> Obligation:
    helps = 2 * (1 - theta) * c < theta * (grad2 - shat2)
    return C17(
        name="sign",
        statement="negative iff 2(1-θ)c < θ(‖∇F‖²-ŝ²), for θ > 0",
        hypotheses={**STRENGTH, "theta > 0": theta > 0},
        conclusion=(BEYOND < 0) == helps,
        mutants={
            "≤": conclude((BEYOND < 0) == (2 * (1 - theta) * c <= theta * (grad2 - shat2))),
            "c for 2c": conclude((BEYOND < 0) == ((1 - theta) * c < theta * (grad2 - shat2))),
            "the other sign": conclude((BEYOND > 0) == helps),
            "θ < 0 too": drop("theta > 0", "theta >= 0"),
        },
    )


def _tells_nothing() -> Obligation:
    """δ >= δ0 is ŝ² >= ‖∇F‖²."""
    return C17(
        name="tells nothing",
        statement="with δ ≥ δ0 smoothing does not go beyond shrinking, unless c < 0",
        hypotheses={**STRENGTH, "δ >= δ0": shat2 >= grad2, "c >= 0": c >= 0},
        conclusion=BEYOND >= 0,
        mutants={
            "any c": drop("c >= 0"),
            "any δ": drop("δ >= δ0"),
            "strict": conclude(BEYOND > 0),
            "δ ≥ δ0/2": suppose("δ >= δ0", 2 * shat2 >= grad2),
        },
    )


def _batch() -> Obligation:
    """s², ν², c fall as 1/B (C14); ‖∇F‖² and β² do not."""
    smoothed = formulas.second_moment(s2 / batch, beta2 + nu2 / batch, c / batch, theta)
    shrunk = formulas.shrunk_second_moment(s2 / batch, grad2, theta)
    claimed = theta * theta * (beta2 + nu2 / batch - grad2) + 2 * theta * (1 - theta) * c / batch
    return C17(
        name="batch",
        statement="with B samples: θ²(β²+ν²/B-‖∇F‖²) + 2θ(1-θ)c/B",
        hypotheses={"B > 0": batch > 0},
        conclusion=smoothed - shrunk == claimed,
        mutants={
            "bias falls too": conclude(smoothed - shrunk == claimed - theta * theta * (beta2 - beta2 / batch)),
            "c does not fall": conclude(smoothed - shrunk == claimed + 2 * theta * (1 - theta) * (c - c / batch)),
        },
        guarantee="identity",
    )
