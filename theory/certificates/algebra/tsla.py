"""C8, TSLA: C4 from the gap that stage 1 leaves, and the lengths of stage 2 that reach ε², the paper's and a shorter one."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra import sgd, stage_one
from tsla.theory.certificates.algebra.engine import formulas, stages
from tsla.theory.certificates.algebra.engine.functions import bound_of, plan_of
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import premises
from tsla.theory.certificates.algebra.engine.recursions import S, left
from tsla.theory.certificates.algebra.engine.stages import eta1
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    SMOOTH,
    SMOOTHING,
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
    mu,
    sigma2,
    start,
)
from tsla.theory.certificates.algebra.engine.table import contraction

C8 = partial(Obligation, claim="C8")
mean = z3.Real("mean")
"""E‖∇F(w_R)‖² over stage 2, where ``left`` is the gap at its start."""
MEAN = {"mean": mean == S / T}
STEP_SIZE = formulas.noise_step_size(L, sigma2, eps2)
PAPER_STEPS = 8 * delta * sigma2 / (mu * eta * eps2)
PLANS = (("plan", PAPER_STEPS, "8δσ²/(μη2ε²)"), ("shorter plan", PAPER_STEPS / (1 + delta), "8δσ²/((1+δ)μη2ε²)"))
KNOWN = {**SMOOTH, "mu > 0": mu > 0, **NOISY, **SMOOTHING, **TARGET}


def manifests() -> tuple[Manifest, ...]:
    """Both stages together, the plans, the bound as the paper has it, and how long its stage 2 is."""
    return (
        second_stage(),
        bound(),
        *(planned(_plan(*plan), plan[1]) for plan in PLANS),
        _as_printed(),
        alone(_samples(), "L > 0", "mu > 0", "sigma2 > 0", "delta > 0", "eps > 0", "eps2 <= 2 sigma2"),
    )


@cache
def second_stage() -> Manifest:
    """C4 from the gap that stage 1 leaves."""
    return Manifest(
        claim="C8",
        name="second stage",
        premises=(*sgd.total().premises, *premises("T > 0", "F >= F*")),
        steps=(Cited(sgd.total(), {start: left, left: gap}), _second_stage()),
    )


def bound() -> Manifest:
    """C8: C7, and stage 2 from there."""
    return stages.joined("C8", stage_one.bound(), second_stage(), _joined(), {}, definitions=MEAN, function=bound_of("C8"))


def planned(plan: Obligation, length: Formula) -> Manifest:
    """Both stages as planned, stage 2 for so many steps."""
    settings = {"eta1": eta1 == 1 / L, "eta": eta == STEP_SIZE, "T": T >= length}
    return stages.joined("C8", stage_one.reached(), second_stage(), plan, settings, "eps > 0", definitions=MEAN, function=plan_of("C8"))


def _as_printed() -> Manifest:
    more = (Cited(stage_one.rounded()),)
    return stages.joined("C8", stage_one.reached(), second_stage(), _paper_bound(), {}, "eps > 0", more=more, definitions=MEAN)


def _second_stage() -> Obligation:
    """C4's sum, from ``left`` for F0: F(w_T1) is random, and only its expected value enters."""
    bound = formulas.sgd_bound(left, eta, T, L, sigma2)
    return C8(
        name="second stage",
        statement="E‖∇F(w_R)‖² ≤ 2 gap/(η2T2) + η2Lσ² from an expected gap at the start",
        hypotheses={
            **STEP,
            **NOISE,
            "T > 0": T > 0,
            "C4, sum": sgd.GAIN * S <= left - gap + T * sgd.LIFT,
            "F >= F*": gap >= 0,
        },
        conclusion=S / T <= bound,
        mutants={
            "gap for 2 gap": conclude(S / T <= formulas.sgd_bound(left / 2, eta, T, L, sigma2)),
            "half the noise": conclude(S / T <= formulas.sgd_bound(left, eta, T, L, sigma2 / 2)),
            "F not bounded below": drop("F >= F*"),
        },
    )


def _joined() -> Obligation:
    """C7 put into the second stage."""
    first = formulas.gap_bound(F0, contraction, mu, V)
    bound = formulas.sgd_bound(first, eta, T, L, sigma2)
    return C8(
        name="bound",
        statement="E‖∇F(w_R)‖² ≤ 2((1-η1μ)^T1 F0 + V/(2μ))/(η2T2) + η2Lσ²",
        hypotheses={
            **STEP,
            **START,
            **NOISE,
            "T > 0": T > 0,
            "mu > 0": mu > 0,
            "C7": left <= first,
            "second stage": mean <= formulas.sgd_bound(left, eta, T, L, sigma2),
        },
        conclusion=mean <= bound,
        mutants={
            "without the floor of C7": conclude(mean <= formulas.sgd_bound(contraction * F0, eta, T, L, sigma2)),
            "once the gap": conclude(mean <= bound - first / (eta * T)),
            "no C7": drop("C7"),
        },
    )


def _plan(name: str, length: Formula, shown: str) -> Obligation:
    return C8(
        name=name,
        statement=f"a gap ≤ 2δσ²/((1+δ)μ), η2 = min(1/L, ε²/(2Lσ²)) and T2 ≥ {shown} give ≤ ε²",
        hypotheses={
            **KNOWN,
            "C7": left <= formulas.paper_floor(sigma2, delta) / mu,
            "eta": eta == STEP_SIZE,
            "T": T >= length,
            "bound": mean <= formulas.sgd_bound(left, eta, T, L, sigma2),
        },
        conclusion=mean <= eps2,
        mutants={
            "a quarter of the steps": suppose("T", T >= length / 4),
            "1/(1+δ)² of the steps": suppose("T", T >= PAPER_STEPS / (1 + delta) / (1 + delta)),
            "twice the step size": suppose("eta", eta == 2 * STEP_SIZE),
            "one smoothness lost": suppose("eta", eta == STEP_SIZE * L),
            "a gap of 4δσ²/μ": suppose("C7", left <= 4 * delta * sigma2 / mu),
        },
    )


def _paper_bound() -> Obligation:
    bound = 4 * delta * sigma2 / (mu * eta * T) + eta * L * sigma2
    return C8(
        name="paper's bound",
        statement="a gap ≤ 2δσ²/μ gives E‖∇F(w_R)‖² ≤ 4δσ²/(μη2T2) + η2Lσ²",
        hypotheses={
            **KNOWN,
            "eta > 0": eta > 0,
            "T > 0": T > 0,
            "C7": left <= 2 * delta * sigma2 / mu,
            "bound": mean <= formulas.sgd_bound(left, eta, T, L, sigma2),
        },
        conclusion=mean <= bound,
        mutants={
            "2δσ²": conclude(mean <= 2 * delta * sigma2 / (mu * eta * T) + eta * L * sigma2),
            "half the noise": conclude(mean <= 4 * delta * sigma2 / (mu * eta * T) + eta * L * sigma2 / 2),
            "no C7": drop("C7"),
        },
    )


def _samples() -> Obligation:
    length = z3.substitute(PAPER_STEPS, (eta, STEP_SIZE))
    return C8(
        name="samples",
        statement="T2 = 8δσ²/(μη2ε²) = 16Lδσ⁴/(με⁴) where ε² ≤ 2σ²",
        hypotheses={**KNOWN, "eps2 <= 2 sigma2": eps2 <= 2 * sigma2},
        conclusion=length == 16 * L * delta * sigma2 * sigma2 / (mu * eps2 * eps2),
        mutants={
            "8 for 16": conclude(length == 8 * L * delta * sigma2 * sigma2 / (mu * eps2 * eps2)),
            "σ²": conclude(length == 16 * L * delta * sigma2 / (mu * eps2 * eps2)),
            "any target": drop("eps2 <= 2 sigma2"),
        },
        guarantee="identity",
    )
