"""C15c and smoothing alone: TSLA's two step sizes without smoothing, what smoothing gains beyond them, and LSR with A4."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra import descent, lsr, stage_one, tsla
from tsla.theory.certificates.algebra.engine import formulas, stages
from tsla.theory.certificates.algebra.engine.functions import plan_of
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.recursions import S, left
from tsla.theory.certificates.algebra.engine.stages import eta1
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISY,
    SMOOTH,
    SMOOTHING,
    TARGET,
    L,
    T,
    V,
    delta,
    eps2,
    eta,
    gap,
    mu,
    s2,
    sigma2,
    start,
    theta,
)
from tsla.theory.certificates.algebra.engine.table import error2
from tsla.theory.certificates.algebra.stage_one import plan as burn_in

C15 = partial(Obligation, claim="C15")
KNOWN = {**SMOOTH, "mu > 0": mu > 0, **NOISY, **TARGET}
GAIN = 2 * delta / (1 + delta)
"""``sgd_pl.smoothing_gain``."""
STEP_SIZE = formulas.noise_step_size(L, sigma2, eps2)
TWO_STEP_LENGTH = 4 * sigma2 / (mu * eta * eps2)
SMOOTHED_LENGTH = 2 * L / mu * V / (eps2 - V)


def obligations() -> tuple[Obligation, ...]:
    """The steps of C15c and of LSR alone."""
    return (
        _without_smoothing(),
        _burn_in(),
        _second_stage(),
        _gain(),
        _gain_in_the_bound(),
        _gain_below_one(),
        _smoothed_burn_in(),
        _smoothing_alone(),
    )


def manifests() -> tuple[Manifest, ...]:
    """Plain SGD as C7 has it, its two stages, what smoothing gains beside them, and LSR alone."""
    step_with_pl = stage_one.step(plain_step(), "C15c")
    return (
        alone(_without_smoothing(), claim="C15c"),
        plain_step(),
        step_with_pl,
        stage_one.CONTRACTION.over(step_with_pl),
        plain_burn_in(_burn_in()),
        _two_stages(),
        alone(_gain(), "L > 0", "mu > 0", "sigma2 > 0", "eps > 0", "delta > 0", "eta > 0", claim="C15c"),
        alone(_gain_in_the_bound(), "L > 0", "mu > 0", "sigma2 > 0", "eps > 0", "delta > 0", "eta > 0", "T > 0", claim="C15c"),
        alone(_gain_below_one(), "delta > 0", claim="C15c"),
        smoothed_burn_in(),
        _from_a_gap(),
        _alone_reaches(),
    )


@cache
def plain_step() -> Manifest:
    """A step of plain SGD as one of LSR: along g, whose error is at most V = σ²."""
    along = descent.one_step()
    return Manifest(
        claim="C15c",
        name="step along g",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + (η/2)σ²",
        premises=(*along.premises, *premises("sigma2 >= 0", "‖∇F‖² >= 0"), Premise("A2: variance", {s2: error2})),
        definitions={"V": V == sigma2},
        steps=(Cited(along), lsr.one_step("C15")),
    )


def plain_burn_in(plan: Obligation, claim: str = "C15c") -> Manifest:
    """The gap σ²/μ that plain SGD reaches with A4."""
    bound = stage_one.CONTRACTION.over(stage_one.step(plain_step(), claim))
    return stages.after_burn_in(bound, plan, 2 * mu * F0 / sigma2, "sigma2 > 0", at={V: sigma2}, at_most=sigma2 / mu)


@cache
def smoothed_burn_in() -> Manifest:
    """The gap V/μ that LSR reaches."""
    return stage_one.reached(_smoothed_burn_in())


def _two_stages() -> Manifest:
    """C4 from the gap σ²/μ."""
    settings = {"eta1": eta1 == 1 / L, "eta": eta == STEP_SIZE, "T": T >= TWO_STEP_LENGTH}
    first, second = plain_burn_in(_burn_in()), tsla.second_stage()
    return stages.joined("C15c", first, second, _second_stage(), settings, "eps > 0", conclusion=S / T <= eps2, function=plan_of("C15c"))


def _from_a_gap() -> Manifest:
    """C5 from the gap that a burn-in leaves."""
    return Manifest(
        claim="C15",
        name="LSR from a gap",
        statement="E‖∇F(w_R)‖² ≤ 2 gap/(ηT) + V(θ) from an expected gap at the start",
        premises=(*lsr.total().premises, *premises("T > 0", "F >= F*")),
        definitions=lsr.total().definitions,
        steps=(Cited(lsr.bound(), {F0: left, start: left, left: gap}),),
        conclusion=S / T <= formulas.lsr_bound(left, eta, T, V),
    )


def _alone_reaches() -> Manifest:
    """C5 from the gap V/μ, at the same step size."""
    settings = {"eta1": eta1 == 1 / L, "eta": eta == 1 / L, "T": T >= SMOOTHED_LENGTH}
    first, second = smoothed_burn_in(), _from_a_gap()
    known = ("eps > 0", "V < eps2")
    return stages.joined("C15", first, second, _smoothing_alone(), settings, *known, conclusion=S / T <= eps2, function=plan_of("C15"))


def _without_smoothing() -> Obligation:
    at_zero = z3.substitute(formulas.lemma(sigma2, delta, theta), (theta, z3.RealVal(0)))
    return C15(
        name="(c) V without smoothing",
        statement="V(0) = σ²: C7 holds with V = σ² for plain SGD",
        hypotheses={},
        conclusion=at_zero == sigma2,
        mutants={"δσ²": conclude(at_zero == delta * sigma2), "2δσ²/(1+δ)": conclude(at_zero == GAIN * sigma2)},
        guarantee="identity",
    )


def _burn_in() -> Obligation:
    return burn_in("C15", sigma2, NOISY, "σ²/μ", name="(c) stage 1")


def _smoothed_burn_in() -> Obligation:
    floor = formulas.paper_floor(sigma2, delta)
    return burn_in("C15", floor, {**NOISY, **SMOOTHING}, "2δσ²/((1+δ)μ)", name="LSR alone, burn-in")


def _second_stage() -> Obligation:
    return C15(
        name="(c) stage 2",
        statement="from a gap ≤ σ²/μ, η2 = min(1/L, ε²/(2Lσ²)) and T2 ≥ 4σ²/(μη2ε²) give ≤ ε²",
        hypotheses={**KNOWN, "stage 1": left <= sigma2 / mu, "eta": eta == STEP_SIZE, "T": T >= TWO_STEP_LENGTH},
        conclusion=formulas.sgd_bound(left, eta, T, L, sigma2) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= TWO_STEP_LENGTH / 2),
            "twice the step size": suppose("eta", eta == 2 * STEP_SIZE),
            "no stage 1": drop("stage 1"),
        },
    )


def _gain() -> Obligation:
    """The shorter plan of C8 beside this one, at the same step size."""
    smoothed = 8 * delta * sigma2 / (mu * eta * eps2) / (1 + delta)
    return C15(
        name="(c) gain",
        statement="TSLA's second stage is 2δ/(1+δ) times as long as without smoothing",
        hypotheses={**KNOWN, **SMOOTHING, "eta > 0": eta > 0},
        conclusion=smoothed / TWO_STEP_LENGTH == GAIN,
        mutants={
            "2δ": conclude(smoothed / TWO_STEP_LENGTH == 2 * delta),
            "δ/(1+δ)": conclude(smoothed / TWO_STEP_LENGTH == GAIN / 2),
            "δ²": conclude(smoothed / TWO_STEP_LENGTH == delta * GAIN),
        },
        guarantee="identity",
    )


def _gain_in_the_bound() -> Obligation:
    smoothed = 2 * (formulas.paper_floor(sigma2, delta) / mu) / (eta * T)
    plain = 2 * (sigma2 / mu) / (eta * T)
    return C15(
        name="(c) gain in the bound",
        statement="what stage 1 leaves in the bound of stage 2 is 2δ/(1+δ) times that without smoothing",
        hypotheses={**KNOWN, **SMOOTHING, "a run": z3.And(eta > 0, T > 0)},
        conclusion=smoothed == GAIN * plain,
        mutants={"δ": conclude(smoothed == delta * plain), "2δ": conclude(smoothed == 2 * delta * plain)},
        guarantee="identity",
    )


def _gain_below_one() -> Obligation:
    return C15(
        name="(c) gain below 1",
        statement="2δ/(1+δ) < 1 iff δ < 1",
        hypotheses={**SMOOTHING},
        conclusion=(GAIN < 1) == (delta < 1),
        mutants={"iff δ < 1/2": conclude((GAIN < 1) == (2 * delta < 1)), "iff δ ≤ 1": conclude((GAIN < 1) == (delta <= 1))},
    )


def _smoothing_alone() -> Obligation:
    """The burn-in is C7's: log(2μF0/V) κ steps at η = 1/L."""
    return C15(
        name="LSR alone",
        statement="from a gap ≤ V/μ, LSR at η = 1/L for T ≥ 2κV/(ε²-V) steps gives E‖∇F(w_R)‖² ≤ ε² where V < ε²",
        hypotheses={
            **KNOWN,
            "V": V == formulas.paper_floor(sigma2, delta),
            "V > 0": V > 0,
            "V < eps2": V < eps2,
            "burn-in": left <= formulas.paper_floor(sigma2, delta) / mu,
            "eta": eta == 1 / L,
            "T": T >= SMOOTHED_LENGTH,
        },
        conclusion=formulas.lsr_bound(left, eta, T, V) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= SMOOTHED_LENGTH / 2),
            "ε² for ε²-V": suppose("T", T >= 2 * L / mu * V / eps2),
            "V > eps2": suppose("V < eps2", z3.And(V > eps2, T > 0)),
            "no burn-in": drop("burn-in"),
        },
    )
