"""C15c and smoothing alone: TSLA's two step sizes without smoothing, what smoothing gains beyond them, and LSR with A4."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.obligation import Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
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
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.stage_one import plan as burn_in

KNOWN = {**SMOOTH, "mu > 0": mu > 0, **NOISY, **TARGET}
GAIN = 2 * delta / (1 + delta)
"""``sgd_pl.smoothing_gain``."""
TWO_STEP_LENGTH = 4 * sigma2 / (mu * eta * eps2)
SMOOTHED_LENGTH = 2 * L / mu * V / (eps2 - V)


def certificates() -> Iterable[Certificate]:
    """Prove C15c and what LSR alone reaches with A4."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C15c and of LSR alone."""
    return (
        _without_smoothing(),
        burn_in("C15", sigma2, NOISY, "σ²/μ", name="(c) stage 1"),
        _second_stage(),
        _gain(),
        _gain_in_the_bound(),
        _gain_below_one(),
        burn_in("C15", formulas.paper_floor(sigma2, delta), {**NOISY, **SMOOTHING}, "2δσ²/((1+δ)μ)", name="LSR alone, burn-in"),
        _smoothing_alone(),
    )


def _without_smoothing() -> Obligation:
    at_zero = z3.substitute(formulas.lemma(sigma2, delta, theta), (theta, z3.RealVal(0)))
    return Obligation(
        claim="C15",
        name="(c) V without smoothing",
        statement="V(0) = σ²: C7 holds with V = σ² for plain SGD",
        hypotheses={},
        conclusion=at_zero == sigma2,
        mutants={"δσ²": conclude(at_zero == delta * sigma2), "2δσ²/(1+δ)": conclude(at_zero == GAIN * sigma2)},
        guarantee="identity",
    )


def _second_stage() -> Obligation:
    step = formulas.noise_step_size(L, sigma2, eps2)
    return Obligation(
        claim="C15",
        name="(c) stage 2",
        statement="from a gap ≤ σ²/μ, η2 = min(1/L, ε²/(2Lσ²)) and T2 ≥ 4σ²/(μη2ε²) give ≤ ε²",
        hypotheses={**KNOWN, "stage 1": gap <= sigma2 / mu, "eta": eta == step, "T": T >= TWO_STEP_LENGTH},
        conclusion=formulas.sgd_bound(gap, eta, T, L, sigma2) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= TWO_STEP_LENGTH / 2),
            "twice the step size": suppose("eta", eta == 2 * step),
            "no stage 1": drop("stage 1"),
        },
    )


def _gain() -> Obligation:
    """The shorter plan of C8 beside this one, at the same step size."""
    smoothed = 8 * delta * sigma2 / (mu * eta * eps2) / (1 + delta)
    return Obligation(
        claim="C15",
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
    return Obligation(
        claim="C15",
        name="(c) gain in the bound",
        statement="what stage 1 leaves in the bound of stage 2 is 2δ/(1+δ) times that without smoothing",
        hypotheses={**KNOWN, **SMOOTHING, "a run": z3.And(eta > 0, T > 0)},
        conclusion=smoothed == GAIN * plain,
        mutants={"δ": conclude(smoothed == delta * plain), "2δ": conclude(smoothed == 2 * delta * plain)},
        guarantee="identity",
    )


def _gain_below_one() -> Obligation:
    return Obligation(
        claim="C15",
        name="(c) gain below 1",
        statement="2δ/(1+δ) < 1 iff δ < 1",
        hypotheses={**SMOOTHING},
        conclusion=(GAIN < 1) == (delta < 1),
        mutants={"iff δ < 1/2": conclude((GAIN < 1) == (2 * delta < 1)), "iff δ ≤ 1": conclude((GAIN < 1) == (delta <= 1))},
    )


def _smoothing_alone() -> Obligation:
    """The burn-in is C7's: log(2μF0/V) κ steps at η = 1/L."""
    return Obligation(
        claim="C15",
        name="LSR alone",
        statement="from a gap ≤ V/μ, LSR at η = 1/L for T ≥ 2κV/(ε²-V) steps gives E‖∇F(w_R)‖² ≤ ε² where V < ε²",
        hypotheses={
            **KNOWN,
            "V > 0": V > 0,
            "V < eps2": V < eps2,
            "burn-in": gap <= V / mu,
            "T": T >= SMOOTHED_LENGTH,
        },
        conclusion=formulas.lsr_bound(gap, 1 / L, T, V) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= SMOOTHED_LENGTH / 2),
            "ε² for ε²-V": suppose("T", T >= 2 * L / mu * V / eps2),
            "V > eps2": suppose("V < eps2", z3.And(V > eps2, T > 0)),
            "no burn-in": drop("burn-in"),
        },
    )
