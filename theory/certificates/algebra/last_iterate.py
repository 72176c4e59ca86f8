"""C15a: the last iterate of plain SGD with A4, and the step size and length that reach ε²."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.obligation import Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    PL,
    SMOOTH,
    START,
    STEP,
    TARGET,
    L,
    T,
    eps2,
    eta,
    gap,
    gap_next,
    grad2,
    mu,
    sigma2,
)
from tsla.theory.certificates.algebra.stage_one import contraction

LIFT = L * eta * eta * sigma2 / 2
FLOOR = eta * L * sigma2 / (2 * mu)


def certificates() -> Iterable[Certificate]:
    """Prove C15a."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C15a."""
    formula = "(a) E[F(w_t)-F*] ≤ (1-ημ)^t F0 + ηLσ²/(2μ)"
    return (
        _gradient(),
        one_step(),
        *recursions.contracting("C15", eta * mu, LIFT, FLOOR, {**STEP, **PL, **NOISE}, formula, "(a) "),
        _bound(),
        _plan(),
    )


def _gradient() -> Obligation:
    """A1' at v = w - ∇F/L, where F is at least F*."""
    after, least = z3.Reals("after least")
    return Obligation(
        claim="C15",
        name="(a) gradient and gap",
        statement="‖∇F‖² ≤ 2L(F - F*)",
        hypotheses={
            **SMOOTH,
            "A1'": after <= least + gap - grad2 / L + L / 2 * grad2 / (L * L),
            "F >= F*": after >= least,
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
    return Obligation(
        claim="C15",
        name="(a) one step",
        statement="E[F(w⁺)-F*] ≤ (1-ημ)(F(w)-F*) + Lη²σ²/2",
        hypotheses={"eta > 0": eta > 0, "C4, one step": gap_next <= gap - eta / 2 * grad2 + LIFT, "A4": 2 * mu * gap <= grad2},
        conclusion=gap_next <= (1 - eta * mu) * gap + LIFT,
        mutants={
            "twice the rate": conclude(gap_next <= (1 - 2 * eta * mu) * gap + LIFT),
            "half the noise": conclude(gap_next <= (1 - eta * mu) * gap + LIFT / 2),
            "no A4": drop("A4"),
        },
    )


def _bound() -> Obligation:
    bound = formulas.last_iterate_bound(F0, contraction, eta, L, mu, sigma2)
    return Obligation(
        claim="C15",
        name="(a) bound",
        statement="E‖∇F(w_T)‖² ≤ 2L E[F(w_T)-F*] ≤ 2L(1-ημ)^T F0 + ηL²σ²/μ",
        hypotheses={
            **STEP,
            **PL,
            "gradient and gap": grad2 <= 2 * L * gap,
            "contraction": gap <= contraction * F0 + FLOOR,
        },
        conclusion=grad2 <= bound,
        mutants={
            "half the noise": conclude(grad2 <= formulas.last_iterate_bound(F0, contraction, eta, L, mu, sigma2 / 2)),
            "L for 2L": conclude(grad2 <= formulas.last_iterate_bound(F0 / 2, contraction, eta, L, mu, sigma2)),
            "one smoothness lost": conclude(grad2 <= 2 * L * contraction * F0 + eta * L * sigma2 / mu),
            "no contraction": drop("contraction"),
        },
        axiom=axioms.EXPECTATION,
    )


def _plan() -> Obligation:
    step = z3.If(2 * L * sigma2 <= mu * eps2, 1 / L, mu * eps2 / (2 * L * L * sigma2))
    argument = 4 * L * F0 / eps2
    bound = formulas.last_iterate_bound(F0, contraction, eta, L, mu, sigma2)
    return Obligation(
        claim="C15",
        name="(a) plan",
        statement="η = min(1/L, με²/(2L²σ²)) and T ≥ log⁺(4LF0/ε²)/(ημ) give ≤ ε², with η ≤ 1/L",
        hypotheses={
            **SMOOTH,
            **PL,
            **NOISE,
            **START,
            **TARGET,
            "eta": eta == step,
            **recursions.burn_in(contraction, eta * mu, T, argument),
        },
        conclusion=z3.And(bound <= eps2, eta * L <= 1),
        mutants={
            "half the steps": recursions.half_as_long(eta * mu, T),
            "twice the step size": suppose("eta", eta == 2 * step),
            "η of C4": suppose("eta", eta == formulas.noise_step_size(L, sigma2, eps2)),
        },
        axiom=axioms.EXPONENTIAL,
    )
