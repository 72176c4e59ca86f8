"""C19: from the gap that smoothed SGD leaves under A4 to the gradient at its last iterate, and the lengths that reach ε²."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from tsla.theory import last_iterate as theory
from tsla.theory.certificates.algebra import biased, sharp, sharp_pl, stage_one
from tsla.theory.certificates.algebra.biased import bias2, noise
from tsla.theory.certificates.algebra.engine import axioms, formulas, stages
from tsla.theory.certificates.algebra.engine.functions import of_constants, of_oracle, plan_of
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.recursions import left
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    ORACLE,
    PL,
    SMOOTH,
    START,
    STEP,
    TARGET,
    L,
    Premises,
    V,
    delta,
    eps2,
    eta,
    mu,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.engine.table import contraction
from tsla.theory.certificates.algebra.last_iterate import at_the_end, last2

C19 = partial(Obligation, claim="C19")
SPLIT = formulas.biased_floor(eta, L, bias2, noise)
PAPER = formulas.paper_floor(sigma2, delta)


def manifests() -> tuple[Manifest, ...]:
    """C19 of C7, of C12 and of C18, the lengths that reach ε², and which δ allow it."""
    return (
        bound(),
        split_bound(),
        sharp_bound(),
        _planned(
            bound(),
            _plan("plan", PAPER, {**NOISE, **ORACLE, "eta": eta == 1 / L}, "κV < ε², V = 2δσ²/(1+δ), η = 1/L"),
            PAPER,
            "κV < eps2",
            settings={"theta": theta == formulas.paper_theta(delta), "eta": eta == 1 / L},
            at={V: PAPER},
            function=plan_of("C19", "lsr-pl-last"),
        ),
        _planned(split_bound(), _plan("plan, bias apart", SPLIT, STEP, "κ(θ²β² + ηL N(θ)) < ε²"), SPLIT, "κ(θ²β² + ηL N(θ)) < eps2"),
        _planned(sharp_bound(), _plan("plan, at worst", sharp.W, STEP, "κW(θ, ηL) < ε²"), sharp.W, "κW(θ, ηL) < eps2"),
        alone(_reach(), "L > 0", "mu > 0", "mu <= L", "sigma2 > 0", "delta >= 0", "eps > 0"),
    )


def _planned(bound: Manifest, plan: Obligation, floor: Formula, in_reach: str, **chosen: Any) -> Manifest:
    """A bound after as many steps as planned."""
    return stages.after_burn_in(bound, plan, 2 * L * F0 / (eps2 - L / mu * floor), "eps > 0", in_reach, at_most=eps2, **chosen)


@cache
def bound() -> Manifest:
    """C19 of C7."""
    function = of_constants("mu delta", theory.bound, eta="eta", T="T", theta="theta")
    return at_the_end("C19", "bound", stage_one.bound(), _bound("C7", V, "V"), "(1-x)^T >= 0", function=function)


@cache
def split_bound() -> Manifest:
    """C19 of C12."""
    function = of_oracle("mu", theory.split_bound, eta="eta", T="T", theta="theta")
    last = _bound("C12", SPLIT, "θ²β² + ηL N(θ)")
    return at_the_end("C19", "bound, bias apart", biased.gap_bound(), last, "(1-x)^T >= 0", function=function)


@cache
def sharp_bound() -> Manifest:
    """C19 of C18."""
    function = of_constants("mu delta", theory.sharp_bound, eta="eta", T="T", theta="theta")
    last = _bound("C18", sharp.W, "W(θ, ηL)")
    return at_the_end("C19", "bound, at worst", sharp_pl.gap_bound(), last, "(1-x)^T >= 0", function=function)


def _bound(of: str, floor: Formula, shown: str) -> Obligation:
    def bound(start: Formula, floor: Formula) -> Formula:
        return formulas.gradient_of_gap(L, formulas.gap_bound(start, contraction, mu, floor))

    return C19(
        name=f"bound, {of}",
        statement=f"E‖∇F(w_T)‖² ≤ 2L E[F(w_T)-F*] ≤ 2L((1-ημ)^T F0 + W/(2μ)), W = {shown}",
        hypotheses={
            **STEP,
            **PL,
            "(1-ημ)^T >= 0": contraction >= 0,
            "gradient and gap": last2 <= 2 * L * left,
            of: left <= formulas.gap_bound(F0, contraction, mu, floor),
        },
        conclusion=last2 <= bound(F0, floor),
        mutants={
            "half the floor": conclude(last2 <= bound(F0, floor / 2)),
            "half the start": conclude(last2 <= bound(F0 / 2, floor)),
            "W, without κ": conclude(last2 <= 2 * L * contraction * F0 + floor),
            "no bound on the gap": drop(of),
            "L for 2L": suppose("gradient and gap", last2 <= 4 * L * left),
        },
        axiom=axioms.EXPECTATION,
    )


def _plan(name: str, floor: Formula, premises: Premises, shown: str) -> Obligation:
    room = eps2 - L / mu * floor
    bound = formulas.gradient_of_gap(L, formulas.gap_bound(F0, contraction, mu, floor))
    return C19(
        name=name,
        statement=f"T ≥ log⁺(2LF0/(ε² - κW))/(ημ) gives ≤ ε² where {shown}",
        hypotheses={
            **SMOOTH,
            **PL,
            **START,
            **TARGET,
            **premises,
            "in reach": room > 0,
            **stages.burn_in(2 * L * F0 / room),
        },
        conclusion=bound <= eps2,
        mutants={
            "half the steps": stages.HALF_AS_LONG,
            "half of it": conclude(2 * bound <= eps2),
            "no steps": drop(stages.LENGTH),
        },
        axiom=axioms.EXPONENTIAL,
    )


def _reach() -> Obligation:
    """κV = ε² at δ = ε²/(2κσ² - ε²)."""
    kappa = L / mu
    return C19(
        name="reach",
        statement="κV(1/(1+δ)) < ε² iff δ(2κσ² - ε²) < ε²",
        hypotheses={**SMOOTH, **PL, **NOISY, **ORACLE, **TARGET},
        conclusion=(kappa * formulas.paper_floor(sigma2, delta) < eps2) == (delta * (2 * kappa * sigma2 - eps2) < eps2),
        mutants={
            "without κ": conclude((kappa * formulas.paper_floor(sigma2, delta) < eps2) == (delta * (2 * sigma2 - eps2) < eps2)),
            "δ < ε²/(κσ²)": conclude((kappa * formulas.paper_floor(sigma2, delta) < eps2) == (delta * kappa * sigma2 < eps2)),
        },
    )
