"""C19: from the gap that smoothed SGD leaves under A4 to the gradient at its last iterate, and the lengths that reach ε²."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    FLOOR,
    NOISY,
    ORACLE,
    PL,
    SMOOTH,
    START,
    STEP,
    TARGET,
    L,
    T,
    V,
    delta,
    eps2,
    eta,
    gap,
    grad2,
    mu,
    sigma2,
)
from tsla.theory.certificates.algebra.stage_one import contraction

bias2, noise = z3.Reals("bias2 noise")
"""θ²β² and N(θ)."""
W = formulas.biased_floor(eta, L, bias2, noise)
GRADIENT_AND_GAP = {"gradient and gap": grad2 <= 2 * L * gap}


def certificates() -> Iterable[Certificate]:
    """Prove C19."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C19 that are not those of C7, C12 and C15a, whose gaps it takes, and whose ``‖∇F‖² ≤ 2L(F - F*)``."""
    return (
        _bound("C7", V, "V"),
        _bound("C12", W, "θ²β² + ηL N(θ)"),
        _plan("plan", 1 / L, formulas.paper_floor(sigma2, delta), {**NOISY, **ORACLE}, "κV < ε², V = 2δσ²/(1+δ), η = 1/L"),
        _plan("plan, bias apart", eta, V, {**STEP, **FLOOR}, "κ(θ²β² + ηL N(θ)) < ε²"),
        _reach(),
    )


def _bound(of: str, floor: Formula, shown: str) -> Obligation:
    def bound(start: Formula, left: Formula) -> Formula:
        return formulas.gradient_of_gap(L, formulas.gap_bound(start, contraction, mu, left))

    return Obligation(
        claim="C19",
        name=f"bound, {of}",
        statement=f"E‖∇F(w_T)‖² ≤ 2L E[F(w_T)-F*] ≤ 2L((1-ημ)^T F0 + W/(2μ)), W = {shown}",
        hypotheses={
            **STEP,
            **PL,
            "(1-ημ)^T >= 0": contraction >= 0,
            **GRADIENT_AND_GAP,
            of: gap <= formulas.gap_bound(F0, contraction, mu, floor),
        },
        conclusion=grad2 <= bound(F0, floor),
        mutants={
            "half the floor": conclude(grad2 <= bound(F0, floor / 2)),
            "half the start": conclude(grad2 <= bound(F0 / 2, floor)),
            "W, without κ": conclude(grad2 <= 2 * L * contraction * F0 + floor),
            "no bound on the gap": drop(of),
            "L for 2L": suppose("gradient and gap", grad2 <= 4 * L * gap),
        },
        axiom=axioms.EXPECTATION,
    )


def _plan(name: str, step: Formula, floor: Formula, premises: dict[str, Formula], shown: str) -> Obligation:
    left = eps2 - L / mu * floor
    bound = formulas.gradient_of_gap(L, formulas.gap_bound(F0, contraction, mu, floor))
    return Obligation(
        claim="C19",
        name=name,
        statement=f"T ≥ log⁺(2LF0/(ε² - κW))/(ημ) gives ≤ ε² where {shown}",
        hypotheses={
            **SMOOTH,
            **PL,
            **START,
            **TARGET,
            **premises,
            "in reach": left > 0,
            **recursions.burn_in(contraction, step * mu, T, 2 * L * F0 / left),
        },
        conclusion=bound <= eps2,
        mutants={
            "half the steps": recursions.half_as_long(step * mu, T),
            "half of it": conclude(2 * bound <= eps2),
            "no steps": drop(recursions.LENGTH),
        },
        axiom=axioms.EXPONENTIAL,
    )


def _reach() -> Obligation:
    """κV = ε² at δ = ε²/(2κσ² - ε²)."""
    kappa = L / mu
    return Obligation(
        claim="C19",
        name="reach",
        statement="κV(1/(1+δ)) < ε² iff δ(2κσ² - ε²) < ε²",
        hypotheses={**SMOOTH, **PL, **NOISY, **ORACLE, **TARGET},
        conclusion=(kappa * formulas.paper_floor(sigma2, delta) < eps2) == (delta * (2 * kappa * sigma2 - eps2) < eps2),
        mutants={
            "without κ": conclude((kappa * formulas.paper_floor(sigma2, delta) < eps2) == (delta * (2 * sigma2 - eps2) < eps2)),
            "δ < ε²/(κσ²)": conclude((kappa * formulas.paper_floor(sigma2, delta) < eps2) == (delta * kappa * sigma2 < eps2)),
        },
    )
