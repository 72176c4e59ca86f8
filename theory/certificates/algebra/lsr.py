"""C5 and C6, LSR: descent up to half of V(θ), its sum, the lengths that reach ε² where V allows it, and that V is a floor."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra import descent as one_direction
from tsla.theory.certificates.algebra import variance_lemma
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import bound_of, plan_of
from tsla.theory.certificates.algebra.engine.manifest import Cited, Function, Manifest, alone, planned
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import premises
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    FLOOR,
    LONG,
    NOISE,
    NOISY,
    ORACLE,
    SMOOTH,
    START,
    STEP,
    TARGET,
    F,
    F_next,
    L,
    T,
    V,
    delta,
    eps2,
    eta,
    grad2,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.engine.table import error2

C5 = partial(Obligation, claim="C5")
GAIN, LIFT = eta / 2, eta * V / 2
RUN = recursions.Telescoping("C5", GAIN, LIFT, {**STEP, **FLOOR}, "(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t ηV/2")
LENGTH = 4 * L * F0 / eps2
LONGER = 2 * L * F0 / (eps2 - V)
ROOM = formulas.smaller(eps2 / 2, eps2 - V)
PAPER_V = {"V": V == formulas.paper_floor(sigma2, delta)}


def manifests() -> tuple[Manifest, ...]:
    """One step, the sum of many, C5, its plans and when they reach ε²; and C6."""
    known = ("L > 0", "sigma2 >= 0", "delta >= 0", "F0 > 0", "eps > 0")
    return (
        step(),
        total(),
        bound(),
        at_paper_theta(_plan(), LENGTH, "V <= eps2/2"),
        alone(_exact_condition(), *known),
        alone(_paper_condition(), "sigma2 > 0", "delta >= 0", "eps > 0", "delta <= eps2/(4 sigma2)"),
        planned(bound(), _longer_plan(), {"eta": eta == 1 / L, "T": T >= LONGER}, "eps > 0", "V(theta) < eps2"),
        at_paper_theta(_whole_plan(), 2 * L * F0 / ROOM, "V < eps2", function=plan_of("C5")),
        alone(_floor(), "eta > 0", "T > 0", "F0 > 0", "eps > 0"),
    )


@cache
def step() -> Manifest:
    """What C3 and C2 give together: V is that of C2."""
    smoothed = variance_lemma.lemma()
    direction = one_direction.one_step()
    obligation = one_step("C5")
    return Manifest(
        claim="C5",
        name="one step",
        premises=(*direction.premises, *premises("sigma2 >= 0", "delta >= 0", "‖∇F‖² >= 0"), *smoothed.premises),
        definitions={**smoothed.definitions, "V": V == formulas.lemma(sigma2, delta, theta)},
        steps=(Cited(direction), Cited(smoothed), obligation),
    )


@cache
def total() -> Manifest:
    """C5 before it is divided by T, from any start."""
    return RUN.over(step())


@cache
def bound() -> Manifest:
    """C5."""
    mean = RUN.mean(formulas.lsr_bound(F0, eta, T, V), "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + V(θ)")
    return recursions.averaged(total(), mean, bound_of("C5"))


def at_paper_theta(plan: Obligation, length: Formula, *names: str, function: Function | None = None) -> Manifest:
    """What a plan at η = 1/L and the paper's θ reaches."""
    settings = {"theta": theta == formulas.paper_theta(delta), "eta": eta == 1 / L, "T": T >= length}
    return planned(bound(), plan, settings, "eps > 0", *names, function=function)


def one_step(claim: str) -> Obligation:
    """What C3 and C2 give together."""
    return Obligation(
        claim=claim,
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + (η/2) V",
        hypotheses={"eta > 0": eta > 0, "C3": F_next <= formulas.descent(F, grad2, error2, eta), "C2": error2 <= V},
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half the floor": conclude(F_next <= F - GAIN * grad2 + LIFT / 2),
            "sign": conclude(F_next <= F - GAIN * grad2 - LIFT),
            "no C2": drop("C2"),
            "eta < 0": drop("eta > 0"),
        },
        axiom=axioms.EXPECTATION,
    )


def _plan() -> Obligation:
    return C5(
        name="plan",
        statement="η = 1/L and T ≥ 4LF0/ε² give ≤ ε² where 2δσ²/(1+δ) ≤ ε²/2",
        hypotheses={
            **SMOOTH,
            **NOISE,
            **ORACLE,
            **START,
            **TARGET,
            **PAPER_V,
            "eta": eta == 1 / L,
            "T": T >= LENGTH,
            "V <= eps2/2": V <= eps2 / 2,
        },
        conclusion=formulas.lsr_bound(F0, eta, T, V) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= 2 * L * F0 / eps2),
            "T ≥ 4F0/ε²": suppose("T", T >= 4 * F0 / eps2),
            "V ≤ ε²": suppose("V <= eps2/2", V <= eps2),
            "any delta": drop("V <= eps2/2"),
        },
    )


def _exact_condition() -> Obligation:
    smoothing = formulas.paper_floor(sigma2, delta)
    reaches = formulas.lsr_bound(F0, 1 / L, 4 * L * F0 / eps2, smoothing) <= eps2
    return C5(
        name="exact condition",
        statement="at T = 4LF0/ε² the bound is ≤ ε² iff 2δσ²/(1+δ) ≤ ε²/2",
        hypotheses={**SMOOTH, **NOISE, **ORACLE, **START, **TARGET},
        conclusion=reaches == (smoothing <= eps2 / 2),
        mutants={
            "2δσ² ≤ ε²/2": conclude(reaches == (2 * delta * sigma2 <= eps2 / 2)),
            "iff δ ≤ ε²/(4σ²)": conclude(reaches == (4 * delta * sigma2 <= eps2)),
            "strict": conclude(reaches == (smoothing < eps2 / 2)),
        },
    )


def _paper_condition() -> Obligation:
    return C5(
        name="paper's condition",
        statement="δ ≤ ε²/(4σ²) implies 2δσ²/(1+δ) ≤ ε²/2",
        hypotheses={**NOISY, **ORACLE, **TARGET, "delta <= eps2/(4 sigma2)": delta <= eps2 / (4 * sigma2)},
        conclusion=formulas.paper_floor(sigma2, delta) <= eps2 / 2,
        mutants={
            "δ ≤ ε²/(2σ²)": suppose("delta <= eps2/(4 sigma2)", delta <= eps2 / (2 * sigma2)),
            "ε²/4": conclude(formulas.paper_floor(sigma2, delta) <= eps2 / 4),
            "any delta": drop("delta <= eps2/(4 sigma2)"),
        },
    )


def _longer_plan() -> Obligation:
    return C5(
        name="longer plan",
        statement="η = 1/L and T ≥ 2LF0/(ε²-V) give ≤ ε² where V < ε²",
        hypotheses={
            **SMOOTH,
            **START,
            **TARGET,
            **FLOOR,
            "eta": eta == 1 / L,
            "V < eps2": V < eps2,
            "T": T >= LONGER,
        },
        conclusion=formulas.lsr_bound(F0, eta, T, V) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= L * F0 / (eps2 - V)),
            "ε² for ε²-V": suppose("T", T >= 2 * L * F0 / eps2),
            "V > eps2": suppose("V < eps2", z3.And(V > eps2, T > 0)),
        },
    )


def _whole_plan() -> Obligation:
    """The two lengths in one, as ``lsr.steps`` has them."""
    plan = formulas.lsr_bound(F0, eta, T, V) <= eps2
    return C5(
        name="one formula for both plans",
        statement="T ≥ 2LF0/min(ε²/2, ε²-V) gives ≤ ε² where V < ε², and is 4LF0/ε² for V ≤ ε²/2",
        hypotheses={
            **SMOOTH,
            **START,
            **TARGET,
            **NOISE,
            **ORACLE,
            **PAPER_V,
            "eta": eta == 1 / L,
            "V < eps2": V < eps2,
            "T": T >= 2 * L * F0 / ROOM,
        },
        conclusion=z3.And(plan, z3.Implies(V <= eps2 / 2, 2 * L * F0 / ROOM == LENGTH)),
        mutants={
            "max for min": suppose("T", T >= 2 * L * F0 / z3.If(eps2 / 2 >= eps2 - V, eps2 / 2, eps2 - V)),
            "half the steps": suppose("T", T >= L * F0 / ROOM),
            "ε²/2 always": suppose("T", T >= 4 * L * F0 / eps2),
        },
    )


def _floor() -> Obligation:
    bound = formulas.lsr_bound(F0, eta, T, V)
    return Obligation(
        claim="C6",
        name="floor",
        statement="2F0/(ηT) + V > V, and so never ≤ ε² for ε² ≤ V, whatever η and T",
        hypotheses={**START, **TARGET, **LONG, "eta > 0": eta > 0},
        conclusion=z3.And(bound > V, z3.Implies(eps2 <= V, bound > eps2)),
        mutants={
            "twice the floor": conclude(bound > 2 * V),
            "for larger ε too": conclude(bound > eps2),
            "no start": drop("F0 > 0"),
        },
    )
