"""C18 with A4: the gap contracts to W/(2μ), one θ serves at every larger step, and the plans of never-dropped smoothing and of TSLA."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import sharp_pl as theory
from tsla.theory.certificates.algebra import sharp, tsla
from tsla.theory.certificates.algebra.biased import bias2, noise
from tsla.theory.certificates.algebra.engine import formulas, recursions, stages
from tsla.theory.certificates.algebra.engine.functions import of_constants
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.recursions import left
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISY,
    PL,
    SMOOTH,
    SMOOTHING,
    START,
    STEP,
    TARGET,
    L,
    Premises,
    T,
    delta,
    eps2,
    eta,
    mu,
    sigma2,
)
from tsla.theory.certificates.algebra.sharp import LIFT, W, x
from tsla.theory.certificates.algebra.sharp_plan import BETWEEN, PLAN_SCALE, SHARE
from tsla.theory.certificates.algebra.stage_one import plan as burn_in
from tsla.theory.certificates.algebra.tsla import mean

C18 = partial(Obligation, claim="C18")
last = z3.Real("last")
"""η3 L; ``noise`` is ((1-θ)σ + θn)²."""
NOISE_OF_PLAN = sigma2 * (1 - SHARE * (1 / delta - 1))
"""σ3²."""
FLOOR: Premises = {"W >= 0": W >= 0}
CONTRACTION = recursions.Contraction("C18", LIFT, W / (2 * mu), {**STEP, **PL, **FLOOR}, "E[F(w_t)-F*] ≤ (1-ημ)^t F0 + W/(2μ)", "A4, ")
TSLA_LENGTH = 4 * W / (mu * eta * eps2)


def obligations() -> tuple[Obligation, ...]:
    """The steps of C18 with A4."""
    return (_one_step(), *CONTRACTION.obligations, _larger_steps(), _noise_of_plan(), _burn_in(), _tsla(), _half_of_the_paper())


def manifests() -> tuple[Manifest, ...]:
    """One step, the gap, what its burn-in leaves; the noise of never-dropped smoothing; TSLA, and TSLA beside C8."""
    lengths = {"eta": eta == formulas.noise_step_size(L, sigma2, eps2), "T": T >= TSLA_LENGTH}
    return (
        step(),
        gap_bound(),
        burnt_in(),
        alone(_noise_of_plan(), "sigma2 > 0", "eps > 0", *BETWEEN),
        stages.joined("C18", burnt_in(), tsla.second_stage(), _tsla(), lengths, "eps > 0", definitions=tsla.MEAN),
        alone(_half_of_the_paper(), "sigma2 > 0", "delta > 0", "eps > 0", "F0 > 0", "mu > 0", "eta > 0"),
    )


@cache
def step() -> Manifest:
    """A step with A4."""
    return recursions.under_pl(sharp.step(), _one_step(), "C18-gap")


@cache
def gap_bound() -> Manifest:
    """The gap under A4."""
    function = of_constants("mu delta", theory.gap_bound, eta="eta", T="T", theta="theta")
    return CONTRACTION.over(step(), function=function)


def burnt_in() -> Manifest:
    """What the gap's burn-in leaves."""
    return stages.after_burn_in(gap_bound(), _burn_in(), 2 * mu * F0 / W, "sigma2 > 0", "delta > 0", at_most=W / mu)


def _burn_in() -> Obligation:
    return burn_in("C18", W, {"W > 0": W > 0}, "W/μ", name="A4, burn-in")


def _one_step() -> Obligation:
    return CONTRACTION.step("A4, one step", "E[F(w⁺)-F*] ≤ (1-ημ)(F(w)-F*) + ηW/2", {"half of W": CONTRACTION.half_the_lift})


def _larger_steps() -> Obligation:
    """Of each split, and so of the worst."""
    return C18(
        name="A4, larger steps",
        statement="W(θ, x)/x falls with x: W(θ, x) ≤ x·W(θ, x3)/x3 for x ≥ x3",
        hypotheses={"b² ≥ 0": bias2 >= 0, "0 < x3 ≤ x": z3.And(last > 0, last <= x), "W": bias2 + last * noise <= W},
        conclusion=bias2 + x * noise <= x * W / last,
        mutants={
            "W itself": conclude(bias2 + x * noise <= W),
            "smaller steps": suppose("0 < x3 ≤ x", z3.And(x > 0, x < last)),
            "any split": drop("W"),
        },
    )


def _noise_of_plan() -> Obligation:
    return C18(
        name="A4, never dropped",
        statement="(ε²/2)/x3 = σ²(1 - e(1/δ - 1)) at the last step size of C18's plan, between 0 and σ² for e ≤ δ ≤ 1",
        hypotheses={**NOISY, **TARGET, **BETWEEN},
        conclusion=z3.And(eps2 / 2 / PLAN_SCALE == NOISE_OF_PLAN, NOISE_OF_PLAN > 0, NOISE_OF_PLAN <= sigma2),
        mutants={
            "1 - e/δ": conclude(eps2 / 2 / PLAN_SCALE == sigma2 * (1 - SHARE / delta)),
            "at most half": conclude(2 * NOISE_OF_PLAN <= sigma2),
            "δ > 1 too": suppose("delta <= 1", delta >= 2),
        },
    )


def _tsla() -> Obligation:
    step = formulas.noise_step_size(L, sigma2, eps2)
    return C18(
        name="A4, TSLA's second stage",
        statement="a gap ≤ W/μ, η2 = min(1/L, ε²/(2Lσ²)) and T2 ≥ 4W/(μη2ε²) give ≤ ε²",
        hypotheses={
            **SMOOTH,
            **NOISY,
            **TARGET,
            "mu > 0": mu > 0,
            "W > 0": W > 0,
            "burn-in": left <= W / mu,
            "C4": mean <= formulas.sgd_bound(left, eta, T, L, sigma2),
            "eta": eta == step,
            "T": T >= TSLA_LENGTH,
        },
        conclusion=mean <= eps2,
        mutants={
            "half the steps": suppose("T", T >= TSLA_LENGTH / 2),
            "twice the step size": suppose("eta", eta == 2 * step),
            "no burn-in": drop("burn-in"),
        },
    )


def _half_of_the_paper() -> Obligation:
    at_best, paper = z3.substitute(TSLA_LENGTH, (W, delta * sigma2)), 8 * delta * sigma2 / (mu * eta * eps2)
    return C18(
        name="A4, TSLA beside C8",
        statement="W(1, 1) = δσ² makes T2 = 4δσ²/(μη2ε²), half of C8's",
        hypotheses={**NOISY, **SMOOTHING, **TARGET, **START, "mu > 0": mu > 0, "eta > 0": eta > 0},
        conclusion=2 * at_best == paper,
        mutants={"as long": conclude(at_best == paper), "1/(1+δ)": conclude(at_best == paper / (1 + delta))},
        guarantee="identity",
    )
