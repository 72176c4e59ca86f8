"""C18, the variance lemma made sharp: U(θ) in the place of V(θ)."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra import variance_lemma
from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop
from tsla.theory.certificates.algebra.engine.premises import premises
from tsla.theory.certificates.algebra.engine.symbols import STRENGTH, Premises, c, delta, s2, shat2, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import dev, dev_hat, error2, root, sigma

C18 = partial(Obligation, claim="C18")
ROOTS: Premises = {"σ ≥ 0": sigma >= 0, "√δ ≥ 0": root >= 0}
SIZES: Premises = {
    "σ": z3.And(sigma >= 0, sigma * sigma == sigma2),
    "√δ": z3.And(root >= 0, root * root == delta),
}
DEVIATIONS: Premises = {"s": z3.And(dev >= 0, dev * dev == s2), "ŝ": z3.And(dev_hat >= 0, dev_hat * dev_hat == shat2)}
true, smoothing = (1 - theta) * sigma, theta * root * sigma
SHARP = (true + smoothing) * (true + smoothing)
"""``smoothing.sharp``: U(θ)."""
ROOTS_OF_BOUNDS = ("delta >= 0", "sigma2 >= 0", "σ = √σ²", "√δ")


def manifests() -> tuple[Manifest, ...]:
    """The lemma, that it is attained, and how it lies to C2's."""
    return (
        lemma(),
        alone(_lemma_attained(), "sigma2 >= 0", "σ = √σ²", claim="C18-lemma"),
        alone(_beside_lemma(), claim="C18-lemma"),
        alone(_at_paper_theta(), *ROOTS_OF_BOUNDS, claim="C18-lemma"),
    )


@cache
def lemma() -> Manifest:
    """C2's bound without what it loses."""
    return Manifest(
        claim="C18-lemma",
        name="lemma",
        statement="E‖g_LS-∇F‖² ≤ U(θ) = ((1-θ)σ + θ√δσ)² for 0 ≤ θ ≤ 1",
        premises=(*variance_lemma.SMOOTHED, *premises("s", "ŝ", *ROOTS_OF_BOUNDS)),
        steps=(_minkowski(), _below_bounds(), _lemma()),
        conclusion=error2 <= SHARP,
    )


def _minkowski() -> Obligation:
    moment = formulas.second_moment(s2, shat2, c, theta)
    sum_of_roots = (1 - theta) * dev + theta * dev_hat
    return C18(
        name="Minkowski",
        statement="E‖g_LS-∇F‖² ≤ ((1-θ)s + θŝ)², s and ŝ the roots of E‖g-∇F‖² and E‖ĝ-∇F‖²",
        hypotheses={**STRENGTH, **DEVIATIONS, "Cauchy-Schwarz": c * c <= s2 * shat2},
        conclusion=moment <= sum_of_roots * sum_of_roots,
        mutants={
            "without the covariance": conclude(moment <= (1 - theta) * (1 - theta) * s2 + theta * theta * shat2),
            "any covariance": drop("Cauchy-Schwarz"),
            "theta > 1": drop("theta <= 1"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _below_bounds() -> Obligation:
    return C18(
        name="roots of A2 and A3",
        statement="s ≤ σ and ŝ ≤ √δσ",
        hypotheses={**SIZES, **DEVIATIONS, "A2": s2 <= sigma2, "A3": shat2 <= delta * sigma2},
        conclusion=z3.And(dev <= sigma, dev_hat <= root * sigma),
        mutants={
            "half of it": conclude(z3.And(2 * dev <= sigma, dev_hat <= root * sigma)),
            "no A2": drop("A2"),
            "no A3": drop("A3"),
        },
    )


def _lemma() -> Obligation:
    sum_of_roots = (1 - theta) * dev + theta * dev_hat
    return C18(
        name="sharp lemma",
        statement="((1-θ)s + θŝ)² ≤ U(θ) = ((1-θ)σ + θ√δσ)²",
        hypotheses={**STRENGTH, "roots": z3.And(dev >= 0, dev_hat >= 0), "A2": dev <= sigma, "A3": dev_hat <= root * sigma},
        conclusion=sum_of_roots * sum_of_roots <= SHARP,
        mutants={
            "half of it": conclude(sum_of_roots * sum_of_roots <= SHARP / 2),
            "no A2": drop("A2"),
            "no A3": drop("A3"),
        },
    )


def _lemma_attained() -> Obligation:
    moment = formulas.second_moment(sigma2, root * root * sigma2, root * sigma2, theta)
    return C18(
        name="sharp lemma, attained",
        statement="an equality where ĝ-∇F = √δ(g-∇F) and E‖g-∇F‖² = σ², at every θ and δ",
        hypotheses={"σ²": sigma2 == sigma * sigma},
        conclusion=moment == SHARP,
        mutants={
            "V": conclude(moment == formulas.lemma(sigma2, root * root, theta)),
            "opposite deviations": conclude(moment == (true - smoothing) * (true - smoothing)),
        },
        guarantee="tight",
    )


def _beside_lemma() -> Obligation:
    between = formulas.lemma(sigma * sigma, root * root, theta) - SHARP
    return C18(
        name="beside the lemma",
        statement="V - U = θ(1-θ)(1-√δ)²σ²",
        hypotheses={},
        conclusion=between == theta * (1 - theta) * (1 - root) * (1 - root) * sigma * sigma,
        mutants={
            "(1-δ)²": conclude(between == theta * (1 - theta) * (1 - root * root) * (1 - root * root) * sigma * sigma),
            "nothing": conclude(between == 0),
        },
        guarantee="identity",
    )


def _at_paper_theta() -> Obligation:
    factor = (1 + root) * (1 + root) / (2 * (1 + root * root))
    paper = z3.substitute(SHARP, (theta, formulas.paper_theta(root * root)))
    lemma = formulas.paper_floor(sigma * sigma, root * root)
    return C18(
        name="at the paper's theta",
        statement="U(1/(1+δ)) = V(1/(1+δ))(1+√δ)²/(2(1+δ)), a factor between 1/2 and 1",
        hypotheses=ROOTS,
        conclusion=z3.And(paper == lemma * factor, 2 * factor >= 1, factor <= 1),
        mutants={
            "V": conclude(paper == lemma),
            "at least 2/3": conclude(3 * factor >= 2),
            "(1+δ)²": conclude(paper == lemma * (1 + root * root) * (1 + root * root) / 2),
        },
    )
