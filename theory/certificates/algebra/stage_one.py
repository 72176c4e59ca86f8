"""C7, stage 1 of TSLA: with A4 the gap contracts to V/(2μ), and the burn-in that leaves V/μ."""

from __future__ import annotations

from functools import cache

import sympy

from tsla.theory import two_stage
from tsla.theory.certificates.algebra import lsr
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions, stages
from tsla.theory.certificates.algebra.engine.functions import of_constants
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Formula, Identity, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    FLOOR,
    NOISY,
    PL,
    SMOOTHING,
    START,
    STEP,
    Premises,
    V,
    delta,
    eta,
    gap,
    grad2,
    mu,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.engine.table import contraction

CONTRACTION = recursions.Contraction("C7", eta * V / 2, V / (2 * mu), {**STEP, **PL, **FLOOR}, "E[F(w_t)-F*] ≤ (1-ημ)^t F0 + V/(2μ)")


def manifests() -> tuple[Manifest, ...]:
    """One step, C7, its plan and what it leaves."""
    return (
        step(),
        bound(),
        alone(_closed_form()),
        reached(),
        alone(_argument(), "sigma2 > 0", "delta > 0", "F0 > 0", "mu > 0"),
        rounded(),
    )


def step(along: Manifest | None = None, claim: str = "C7") -> Manifest:
    """A step with A4: of LSR, or along another direction whose error is at most V."""
    return recursions.under_pl(along or lsr.step(), _one_step(), claim)


def bound() -> Manifest:
    """C7."""
    function = of_constants("mu delta", two_stage.stage_one, eta1="eta", T1="T", theta="theta")
    return CONTRACTION.over(step(), function=function)


def reached(burn_in: Obligation | None = None) -> Manifest:
    """What C7 leaves after its burn-in at the paper's θ."""
    floor = formulas.paper_floor(sigma2, delta)
    return stages.after_burn_in(
        bound(),
        burn_in or plan("C7", floor, {**NOISY, **SMOOTHING}, "2δσ²/((1+δ)μ)"),
        2 * mu * F0 / floor,
        "sigma2 > 0",
        "delta > 0",
        settings={"theta": theta == formulas.paper_theta(delta)},
        at={V: floor},
        at_most=floor / mu,
    )


@cache
def rounded() -> Manifest:
    """What C7 leaves, without 1+δ."""
    return alone(_rounded(), "sigma2 > 0", "delta > 0", "mu > 0")


def _one_step() -> Obligation:
    wrong = {"half the floor": CONTRACTION.half_the_lift, "A4 with μ for 2μ": suppose("A4", mu * gap <= grad2)}
    return CONTRACTION.step("one step", "E[F(w⁺)-F*] ≤ (1-ημ)(F(w)-F*) + ηV/2", wrong)


def _closed_form() -> Identity:
    """The recursion with equality, from F0; what C7 leaves out of it is negative."""
    rate, lift, first = sympy.symbols("x v F0", positive=True)
    t = sympy.Symbol("t", integer=True, nonnegative=True)

    def solution(floor: sympy.Expr, after: sympy.Expr) -> sympy.Expr:
        return (1 - rate) ** after * first + floor * (1 - (1 - rate) ** after)

    def next_step(floor: sympy.Expr) -> sympy.Expr:
        return (1 - rate) * solution(floor, t) + lift

    return Identity(
        claim="C7",
        name="closed form",
        statement="a_t = (1-x)^t F0 + (v/x)(1 - (1-x)^t) solves a⁺ = (1-x)a + v, a_0 = F0, for every t; x = ημ, v = ηV/2, v/x = V/(2μ)",
        left=solution(lift / rate, t + 1),
        right=next_step(lift / rate),
        point={rate: sympy.Rational(1, 3), lift: 2, first: 5, t: 4},
        mutants={
            "twice the lift": next_step(lift / rate) + lift,
            "twice the floor": next_step(2 * lift / rate),
            "floor v": next_step(lift),
        },
        axiom=axioms.INDUCTION,
    )


def plan(claim: str, floor: Formula, premises: Premises, shown: str, name: str = "plan") -> Obligation:
    """A burn-in of ``log(2μF0/V)/(ημ)`` steps leaves a gap of ``V/μ``, twice the floor."""
    left = formulas.gap_bound(F0, contraction, mu, floor)
    return Obligation(
        claim=claim,
        name=name,
        statement=f"T ≥ log⁺(2μF0/V)/(ημ) leaves a gap ≤ V/μ = {shown}",
        hypotheses={
            **STEP,
            **PL,
            **START,
            **premises,
            **stages.burn_in(2 * mu * F0 / floor),
        },
        conclusion=left <= floor / mu,
        mutants={
            "half the steps": stages.HALF_AS_LONG,
            "V/(2μ)": conclude(left <= floor / (2 * mu)),
            "no steps": drop(stages.LENGTH),
            "fewer steps than 0": drop("T >= 0"),
        },
        axiom=axioms.EXPONENTIAL,
    )


def _argument() -> Obligation:
    return Obligation(
        claim="C7",
        name="logarithm",
        statement="2μF0/V = μF0(1+δ)/(δσ²), the argument of T1's logarithm, for V = 2δσ²/(1+δ)",
        hypotheses={**NOISY, **SMOOTHING, **START, "mu > 0": mu > 0},
        conclusion=2 * mu * F0 / formulas.paper_floor(sigma2, delta) == mu * F0 * (1 + delta) / (delta * sigma2),
        mutants={
            "without 1+δ": conclude(2 * mu * F0 / formulas.paper_floor(sigma2, delta) == mu * F0 / (delta * sigma2)),
            "twice": conclude(2 * mu * F0 / formulas.paper_floor(sigma2, delta) == 2 * mu * F0 * (1 + delta) / (delta * sigma2)),
        },
        guarantee="identity",
    )


def _rounded() -> Obligation:
    return Obligation(
        claim="C7",
        name="2δσ²/μ",
        statement="2δσ²/((1+δ)μ) ≤ 2δσ²/μ",
        hypotheses={**NOISY, **SMOOTHING, "mu > 0": mu > 0},
        conclusion=formulas.paper_floor(sigma2, delta) / mu <= 2 * delta * sigma2 / mu,
        mutants={
            "δσ²/μ": conclude(formulas.paper_floor(sigma2, delta) / mu <= delta * sigma2 / mu),
            "delta < 0": drop("delta > 0"),
        },
    )
