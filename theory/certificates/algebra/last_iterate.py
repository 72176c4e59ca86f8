"""C15a: the last iterate of plain SGD with A4, and the step size and length that reach ε²."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra import sgd
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions, stages
from tsla.theory.certificates.algebra.engine.functions import bound_of, plan_of
from tsla.theory.certificates.algebra.engine.manifest import Cited, Function, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise
from tsla.theory.certificates.algebra.engine.recursions import left
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    PL,
    SMOOTH,
    START,
    STEP,
    TARGET,
    F,
    F_next,
    L,
    eps2,
    eta,
    gap,
    gap_next,
    grad2,
    mu,
    sigma2,
)
from tsla.theory.certificates.algebra.engine.table import contraction, length2, slope

C15 = partial(Obligation, claim="C15")
LIFT = L * eta * eta * sigma2 / 2
FLOOR = eta * L * sigma2 / (2 * mu)
CONTRACTION = recursions.Contraction("C15", LIFT, FLOOR, {**STEP, **PL, **NOISE}, "(a) E[F(w_t)-F*] ≤ (1-ημ)^t F0 + ηLσ²/(2μ)", "(a) ")
STEP_SIZE = z3.If(2 * L * sigma2 <= mu * eps2, 1 / L, mu * eps2 / (2 * L * L * sigma2))
ARGUMENT = 4 * L * F0 / eps2
longest, last2 = z3.Reals("longest last2")
"""1/L, and E‖∇F(w_T)‖²."""
LAST = {gap: left, grad2: last2}


def manifests() -> tuple[Manifest, ...]:
    """The gradient at the last iterate, one step, the gap, C15a and its plan."""
    return (gradient(), step(), gap_bound(), bound(), reached())


@cache
def gradient() -> Manifest:
    """What A1 gives between the gradient and the gap: A1' along ∇F/L."""
    along = {F: gap, F_next: gap_next, slope: grad2, length2: grad2, eta: longest}
    assumed = (Premise("L > 0"), Premise("A1: quadratic bound", along), Premise("F >= F*", {gap: gap_next}))
    return alone(_gradient(), premises=assumed, settings={"1/L": longest == 1 / L}, claim="C15a")


@cache
def step() -> Manifest:
    """A step of plain SGD with A4."""
    return recursions.under_pl(sgd.step(), one_step(), "C15a")


@cache
def gap_bound() -> Manifest:
    """The gap of plain SGD with A4."""
    return CONTRACTION.over(step(), name="gap")


@cache
def bound() -> Manifest:
    """C15a."""
    return at_the_end("C15a", "bound", gap_bound(), _bound(), function=bound_of("C15a"))


def at_the_end(claim: str, name: str, gap: Manifest, last: Obligation, *names: str, function: Function | None = None) -> Manifest:
    """What a bound of the gap makes of the gradient at the last iterate, with further premises of the given ``names``."""
    return Manifest(
        claim=claim,
        name=name,
        premises=(*gap.premises, *(premise.moved(LAST) for premise in gradient().premises), *map(Premise, names)),
        settings={**gap.settings, **gradient().settings},
        definitions=gap.definitions,
        steps=(Cited(gap), Cited(gradient(), LAST), last),
        function=function,
    )


def reached() -> Manifest:
    """C15a at the step size and the length of its plan."""
    return stages.after_burn_in(
        bound(), _plan(), ARGUMENT, "eps > 0", settings={"eta": eta == STEP_SIZE}, at_most=eps2, function=plan_of("C15a")
    )


def _gradient() -> Obligation:
    """A1' at w - ∇F/L, where F is at least F*."""
    return C15(
        name="(a) gradient and gap",
        statement="‖∇F‖² ≤ 2L(F - F*)",
        hypotheses={
            **SMOOTH,
            "1/L": longest == 1 / L,
            "A1'": gap_next <= gap - longest * grad2 + L / 2 * longest * longest * grad2,
            "F >= F*": gap_next >= 0,
        },
        conclusion=grad2 <= 2 * L * gap,
        mutants={
            "L for 2L": conclude(grad2 <= L * gap),
            "F not bounded below": drop("F >= F*"),
            "not smooth": drop("A1'"),
        },
        axiom=axioms.INFIMUM,
    )


def one_step() -> Obligation:
    """C4's step with A4."""
    wrong = {"half the noise": CONTRACTION.half_the_lift}
    return CONTRACTION.step("(a) one step", "E[F(w⁺)-F*] ≤ (1-ημ)(F(w)-F*) + Lη²σ²/2", wrong)


def _bound() -> Obligation:
    bound = formulas.last_iterate_bound(F0, contraction, eta, L, mu, sigma2)
    return C15(
        name="(a) bound",
        statement="E‖∇F(w_T)‖² ≤ 2L E[F(w_T)-F*] ≤ 2L(1-ημ)^T F0 + ηL²σ²/μ",
        hypotheses={
            **STEP,
            **PL,
            "gradient and gap": last2 <= 2 * L * left,
            "contraction": left <= contraction * F0 + FLOOR,
        },
        conclusion=last2 <= bound,
        mutants={
            "half the noise": conclude(last2 <= formulas.last_iterate_bound(F0, contraction, eta, L, mu, sigma2 / 2)),
            "L for 2L": conclude(last2 <= formulas.last_iterate_bound(F0 / 2, contraction, eta, L, mu, sigma2)),
            "one smoothness lost": conclude(last2 <= 2 * L * contraction * F0 + eta * L * sigma2 / mu),
            "no contraction": drop("contraction"),
        },
        axiom=axioms.EXPECTATION,
    )


def _plan() -> Obligation:
    bound = formulas.last_iterate_bound(F0, contraction, eta, L, mu, sigma2)
    return C15(
        name="(a) plan",
        statement="η = min(1/L, με²/(2L²σ²)) and T ≥ log⁺(4LF0/ε²)/(ημ) give ≤ ε², with η ≤ 1/L",
        hypotheses={
            **SMOOTH,
            **PL,
            **NOISE,
            **START,
            **TARGET,
            "eta": eta == STEP_SIZE,
            **stages.burn_in(ARGUMENT),
        },
        conclusion=z3.And(bound <= eps2, eta * L <= 1),
        mutants={
            "half the steps": stages.HALF_AS_LONG,
            "twice the step size": suppose("eta", eta == 2 * STEP_SIZE),
            "η of C4": suppose("eta", eta == formulas.noise_step_size(L, sigma2, eps2)),
        },
        axiom=axioms.EXPONENTIAL,
    )
