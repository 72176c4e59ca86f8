"""C12, bias apart from noise: the split of A3, the descent along a biased direction, its sum and its contraction, and the gain over C5."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import biased as theory
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import bound_of, of_oracle
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, descent, premises
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    LONG,
    PL,
    START,
    STEP,
    STRENGTH,
    F,
    F_next,
    L,
    Premises,
    T,
    beta2,
    c,
    eta,
    gap,
    grad2,
    mu,
    nu2,
    shat2,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.engine.table import beta2_, c_, error2, first2, inner, length2, mean2, nu2_, second2, sigma2_, slope

C12 = partial(Obligation, claim="C12")
bias2, noise = z3.Reals("bias2 noise")
"""θ²β² and N(θ)."""
SPLIT: Premises = {"bias2 >= 0": bias2 >= 0, "noise >= 0": noise >= 0}
GAIN, LIFT = eta / 2, eta / 2 * bias2 + L * eta * eta * noise / 2
FLOOR = formulas.biased_floor(eta, L, bias2, noise)
PARTS: Premises = {"bias2": bias2 == theta * theta * beta2, "noise": noise == formulas.second_moment(sigma2, nu2, c, theta)}
CONTRACTION = recursions.Contraction(
    "C12", LIFT, FLOOR / (2 * mu), {**STEP, **SPLIT, **PL}, "E[F(w_t)-F*] ≤ (1-ημ)^t F0 + (θ²β² + ηL N(θ))/(2μ)"
)
RUN = recursions.Telescoping("C12", GAIN, LIFT, {**STEP, **SPLIT}, "(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t(ηθ²β² + Lη²N)/2")
Gm, mm, dd = z3.Reals("Gm mm dd")
"""⟨∇F, E d⟩, ‖E d‖² and E‖d‖² of the direction d."""
bn, an, ab = z3.Reals("bn an ab")
"""E⟨b̂, n⟩, E⟨g-∇F, n⟩ and E⟨g-∇F, b̂⟩, where n = ĝ-Eĝ."""


def manifests() -> tuple[Manifest, ...]:
    """The split of A3 and what it makes of the moments; one step, C12, and its part under A4; and what it is beside C5."""
    strengths = ("theta >= 0", "theta <= 1")
    steps = ("L > 0", "eta > 0", "eta <= 1/L")
    noise = ("sigma2 >= 0", "nu2 >= 0", "c² <= σ²ν²")
    return (
        split(),
        alone(_same_covariance(), premises=(Premise("independent", {inner: ab}),), definitions={"ĝ-∇F = b̂ + ĝ-Eĝ": c == ab + an}),
        alone(_smoothed()),
        alone(_bounds_suffice(), *steps, *strengths, "A2: moments below their bounds", "A3: moments below their bounds"),
        step(),
        total(),
        bound(),
        step_with_pl(),
        gap_bound(),
        alone(_beside_lsr(), *steps, *strengths, *noise, "F0 > 0", "T > 0"),
        alone(_strictly_better(), *steps, *strengths, *noise, "beta2 >= 0", "eta < 1/L", "N(theta) > 0", definitions=PARTS),
    )


@cache
def split() -> Manifest:
    """ĝ's second moment is made of bias and noise."""
    mixed = {error2: shat2, first2: beta2, inner: bn, second2: nu2}
    return alone(_split(), premises=(Premise("square of a sum", mixed), Premise("independent", {inner: bn})))


@cache
def step() -> Manifest:
    """One step along a direction with bias and noise."""
    direction = {slope: Gm, length2: dd, mean2: mm}
    return Manifest(
        claim="C12",
        name="one step",
        premises=(
            *descent(Gm, dd),
            *premises("‖∇F‖² >= 0", "theta >= 0", "theta <= 1", "sigma2 >= 0", "beta2 >= 0", "nu2 >= 0", "c² <= σ²ν²"),
            Premise("E‖d‖² >= 0", {length2: mm}),
            *(Premise(name, direction) for name in ("A3: bias of g_LS", "A2, A3: noise of g_LS")),
        ),
        definitions=PARTS,
        steps=(_one_step(),),
    )


@cache
def total() -> Manifest:
    """C12 before it is divided by T."""
    return RUN.over(step())


def bound() -> Manifest:
    """C12."""
    mean = RUN.mean(formulas.biased_bound(F0, eta, T, L, bias2, noise), "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + θ²β² + ηL N(θ)")
    return recursions.averaged(total(), mean, bound_of("C12"))


@cache
def step_with_pl() -> Manifest:
    """A step with A4."""
    return recursions.under_pl(step(), _one_step_with_pl(), "C12-gap")


def gap_bound() -> Manifest:
    """The gap under A4."""
    return CONTRACTION.over(step_with_pl(), function=of_oracle("mu", theory.gap_bound, eta="eta", T="T", theta="theta"))


def _split() -> Obligation:
    """E⟨b̂, n⟩ = 0 as E n = 0."""
    return C12(
        name="split of A3",
        statement="E‖ĝ-∇F‖² = ‖b̂‖² + E‖ĝ-Eĝ‖²",
        hypotheses={"square": shat2 == beta2 + 2 * bn + nu2, "E n = 0": bn == 0},
        conclusion=shat2 == beta2 + nu2,
        mutants={
            "minus the bias": conclude(shat2 == nu2 - beta2),
            "noise with a mean": drop("E n = 0"),
        },
        guarantee="identity",
        axiom=axioms.EXPECTATION,
    )


def _same_covariance() -> Obligation:
    return C12(
        name="same c",
        statement="E⟨g-∇F, ĝ-∇F⟩ = E⟨g-∇F, ĝ-Eĝ⟩",
        hypotheses={"ĝ-∇F = b̂ + ĝ-Eĝ": c == ab + an, "E g = ∇F": ab == 0},
        conclusion=c == an,
        mutants={"g is biased": drop("E g = ∇F"), "twice": conclude(c == 2 * an)},
        guarantee="identity",
        axiom=axioms.EXPECTATION,
    )


def _smoothed() -> Obligation:
    moment = formulas.second_moment(sigma2, beta2 + nu2, c, theta)
    split = theta * theta * beta2 + formulas.second_moment(sigma2, nu2, c, theta)
    return C12(
        name="smoothed",
        statement="C11's second moment with ŝ² = β² + ν² is θ²β² + N(θ), N(θ) = (1-θ)²σ² + θ²ν² + 2θ(1-θ)c",
        hypotheses={},
        conclusion=moment == split,
        mutants={
            "θβ²": conclude(moment == theta * beta2 + formulas.second_moment(sigma2, nu2, c, theta)),
            "c left out": conclude(moment == theta * theta * beta2 + formulas.second_moment(sigma2, nu2, z3.RealVal(0), theta)),
            "bias in N too": conclude(moment == theta * theta * beta2 + formulas.second_moment(sigma2, nu2 + beta2, c, theta)),
        },
        guarantee="identity",
    )


def _bounds_suffice() -> Obligation:
    """Primed: the moments themselves, of which β², σ², ν² and c are upper bounds."""
    exact = theta * theta * beta2_ + eta * L * formulas.second_moment(sigma2_, nu2_, c_, theta)
    bound = theta * theta * beta2 + eta * L * formulas.second_moment(sigma2, nu2, c, theta)
    return C12(
        name="bounds suffice",
        statement="θ²β′² + ηL N′(θ) ≤ θ²β² + ηL N(θ) where β², σ², ν², c are upper bounds of β′², σ′², ν′², c′",
        hypotheses={
            **STRENGTH,
            **STEP,
            "β′² <= β²": beta2_ <= beta2,
            "σ′² <= σ²": sigma2_ <= sigma2,
            "ν′² <= ν²": nu2_ <= nu2,
            "c′ <= c": c_ <= c,
        },
        conclusion=exact <= bound,
        mutants={
            "any bias": drop("β′² <= β²"),
            "any c": drop("c′ <= c"),
            "c ≤ c′": suppose("c′ <= c", c_ >= c),
            "theta > 1": drop("theta <= 1"),
        },
    )


def _one_step() -> Obligation:
    """With m = E d = ∇F + θb̂: ‖m - ∇F‖² = θ²‖b̂‖² ≤ θ²β²."""
    return C12(
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + (η/2)θ²β² + Lη²N/2",
        hypotheses={
            **STEP,
            "‖m‖² >= 0": mm >= 0,
            "A1'": quadratic_upper_bound(Gm, dd),
            "second moment": dd - mm <= noise,
            "bias": mm - 2 * Gm + grad2 <= bias2,
        },
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half the bias": conclude(F_next <= F - GAIN * grad2 + LIFT - eta / 4 * bias2),
            "half the noise": conclude(F_next <= F - GAIN * grad2 + LIFT - L * eta * eta * noise / 4),
            "bias divided by η too": conclude(F_next <= F - GAIN * grad2 + L * eta * eta * (bias2 + noise) / 2),
            "eta > 1/L": drop("eta <= 1/L"),
            "no bound on the bias": drop("bias"),
        },
        axiom=axioms.EXPECTATION,
    )


def _one_step_with_pl() -> Obligation:
    wrong = {"A4 with μ for 2μ": suppose("A4", mu * gap <= grad2)}
    return CONTRACTION.step("one step with A4", "E[F(w⁺)-F*] ≤ (1-ημ)(F(w)-F*) + (ηθ²β² + Lη²N)/2", wrong)


def _beside_lsr() -> Obligation:
    moment = formulas.second_moment(sigma2, beta2 + nu2, c, theta)
    parts = theta * theta * beta2, formulas.second_moment(sigma2, nu2, c, theta)
    return C12(
        name="beside C5",
        statement="at η = 1/L it is C5 with the exact second moment for V; for smaller η it is no larger",
        hypotheses={
            **STEP,
            **START,
            **STRENGTH,
            **LONG,
            "moments": z3.And(sigma2 >= 0, nu2 >= 0, c * c <= sigma2 * nu2),
        },
        conclusion=z3.And(
            formulas.biased_bound(F0, eta, T, L, *parts) <= formulas.lsr_bound(F0, eta, T, moment),
            formulas.biased_bound(F0, 1 / L, T, L, *parts) == formulas.lsr_bound(F0, 1 / L, T, moment),
        ),
        mutants={
            "equal at every η": conclude(formulas.biased_bound(F0, eta, T, L, *parts) == formulas.lsr_bound(F0, eta, T, moment)),
            "half of it": conclude(formulas.biased_bound(F0, eta, T, L, *parts) <= formulas.lsr_bound(F0, eta, T, moment) / 2),
            "eta > 1/L": drop("eta <= 1/L"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _strictly_better() -> Obligation:
    return C12(
        name="strictly better",
        statement="strictly smaller than C5's floor for η < 1/L where there is noise",
        hypotheses={**STEP, **SPLIT, "eta < 1/L": eta * L < 1, "noise > 0": noise > 0},
        conclusion=FLOOR < bias2 + noise,
        mutants={
            "η = 1/L too": drop("eta < 1/L"),
            "no noise": drop("noise > 0"),
            "by half": conclude(FLOOR < (bias2 + noise) / 2),
        },
    )
