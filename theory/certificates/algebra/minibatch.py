"""C14, mini-batches: noise falls as 1/B, bias does not; the batch sizes at which smoothing stops to help."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, certify, conclude, drop
from tsla.theory.certificates.algebra.engine.symbols import NOISY, B, Premises, beta2, c, nu2, sigma2, theta

scale = z3.Real("scale")
"""ηL."""
BATCH: Premises = {"B > 0": B > 0}
BIAS: Premises = {"bias": beta2 > 0}
SMOOTHED: Premises = {"theta > 0": theta > 0, "theta <= 1": theta <= 1}
NOISE = formulas.second_moment(sigma2, nu2, c, theta)
CRITICAL = formulas.critical_batch_size(sigma2, NOISE, beta2, theta)
SMOOTHED_MOMENT = theta * theta * beta2 + NOISE / B


def certificates() -> Iterable[Certificate]:
    """Prove C14."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C14."""
    return (
        _sum(),
        _mean(),
        _delta(),
        _delta_below_one(),
        _critical(),
        _critical_at_one(),
        _grows(),
        _for_step(),
        _for_step_is_smaller(),
    )


def _sum() -> Obligation:
    """S is the sum of B deviations, a one more; they are independent and of mean 0."""
    SS, Sa, aa, after = z3.Reals("SS Sa aa after")
    return Obligation(
        claim="C14",
        name="sum of a batch",
        statement="E‖sum of B deviations‖² = Bσ²: if for B, then for B+1",
        hypotheses={
            "for B": SS == B * sigma2,
            "one more": aa == sigma2,
            "square": after == SS + 2 * Sa + aa,
            "independent": Sa == 0,
        },
        conclusion=after == (B + 1) * sigma2,
        mutants={
            "correlated": drop("independent"),
            "B² for B": conclude(after == (B + 1) * (B + 1) * sigma2),
            "one too few": conclude(after == B * sigma2),
        },
        guarantee="identity",
        axiom=f"{axioms.INDEPENDENCE}; induction over the batch size",
    )


def _mean() -> Obligation:
    SS, mean2 = z3.Reals("SS mean2")
    return Obligation(
        claim="C14",
        name="mean of a batch",
        statement="the mean of B samples has σ²/B; so have ν², c",
        hypotheses={**BATCH, "sum": SS == B * sigma2, "mean": mean2 == SS / (B * B)},
        conclusion=mean2 == sigma2 / B,
        mutants={"σ²/B²": conclude(mean2 == sigma2 / (B * B)), "σ²": conclude(mean2 == sigma2)},
        guarantee="identity",
        axiom=axioms.EXPECTATION,
    )


def _delta() -> Obligation:
    delta = (beta2 + nu2 / B) / (sigma2 / B)
    return Obligation(
        claim="C14",
        name="δ of a batch",
        statement="δ_B = (β² + ν²/B)/(σ²/B) = (Bβ²+ν²)/σ²",
        hypotheses={**NOISY, **BATCH},
        conclusion=delta == formulas.delta_of_batch(sigma2, beta2, nu2, B),
        mutants={
            "bias falls too": conclude(delta == (beta2 + nu2) / sigma2),
            "noise does not fall": conclude(delta == B * (beta2 + nu2) / sigma2),
        },
        guarantee="identity",
    )


def _delta_below_one() -> Obligation:
    delta = formulas.delta_of_batch(sigma2, beta2, nu2, B)
    critical = (sigma2 - nu2) / beta2
    return Obligation(
        claim="C14",
        name="δ below 1",
        statement="δ_B < 1 iff B < B_c = (σ²-ν²)/β²",
        hypotheses={**NOISY, **BATCH, **BIAS},
        conclusion=(delta < 1) == (B < critical),
        mutants={
            "B ≤ B_c": conclude((delta < 1) == (B <= critical)),
            "(σ²+ν²)/β²": conclude((delta < 1) == (B < (sigma2 + nu2) / beta2)),
            "σ²/β²": conclude((delta < 1) == (B < sigma2 / beta2)),
            "no bias": drop("bias"),
        },
    )


def _critical() -> Obligation:
    helps = SMOOTHED_MOMENT < sigma2 / B
    delta = formulas.delta_of_batch(sigma2, beta2, nu2, B)
    return Obligation(
        claim="C14",
        name="critical batch size",
        statement="θ²β² + N(θ)/B < σ²/B iff B < B_c(θ) = (σ²-N(θ))/(θ²β²)",
        hypotheses={**NOISY, **BATCH, **BIAS, **SMOOTHED},
        conclusion=helps == (B < CRITICAL),
        mutants={
            "θ for θ²": conclude(helps == (B < formulas.critical_batch_size(sigma2, NOISE, beta2, theta) * theta)),
            "B_c(1)": conclude(helps == (B < formulas.critical_batch_size(sigma2, nu2, beta2, z3.RealVal(1)))),
            "only where δ_B < 1": conclude(z3.Implies(helps, delta < 1)),
            "B ≤ B_c": conclude(helps == (B <= CRITICAL)),
        },
    )


def _critical_at_one() -> Obligation:
    value = z3.substitute(CRITICAL, (theta, z3.RealVal(1)))
    return Obligation(
        claim="C14",
        name="B_c(1)",
        statement="B_c(1) = (σ²-ν²)/β²",
        hypotheses=BIAS,
        conclusion=value == (sigma2 - nu2) / beta2,
        mutants={
            "σ²/β²": conclude(value == sigma2 / beta2),
            "with c": conclude(value == (sigma2 - nu2 - 2 * c) / beta2),
        },
        guarantee="identity",
    )


def _grows() -> Obligation:
    """σ²+ν²-2c is E‖g - (ĝ - b̂)‖²."""
    difference = sigma2 + nu2 - 2 * c
    least = (sigma2 - c) / (theta * beta2)
    return Obligation(
        claim="C14",
        name="without limit",
        statement="B_c(θ) ≥ (σ²-c)/(θβ²) for θ(σ²+ν²-2c) ≤ σ²-c: it grows without limit as θ → 0 if c < σ²",
        hypotheses={**BIAS, **SMOOTHED, "c < σ²": c < sigma2, "small θ": theta * difference <= sigma2 - c},
        conclusion=z3.And(CRITICAL >= least, least > 0),
        mutants={
            "twice that": conclude(CRITICAL >= 2 * least),
            "1/θ²": conclude(CRITICAL >= least / theta),
            "any c": drop("c < σ²"),
            "any θ": drop("small θ"),
        },
    )


def _floor(noise: Formula) -> Formula:
    """C12's floor at step size η with a batch of B, without the bias."""
    return scale * noise / B


def _for_step() -> Obligation:
    helps = theta * theta * beta2 + _floor(NOISE) < _floor(sigma2)
    return Obligation(
        claim="C14",
        name="critical batch size at a step size",
        statement="θ²β² + ηLN(θ)/B < ηLσ²/B iff B < ηL(σ²-N(θ))/(θ²β²)",
        hypotheses={**NOISY, **BATCH, **BIAS, **SMOOTHED, "ηL > 0": scale > 0},
        conclusion=helps == (B < scale * CRITICAL),
        mutants={
            "without ηL": conclude(helps == (B < CRITICAL)),
            "(ηL)²": conclude(helps == (B < scale * scale * CRITICAL)),
            "no bias": drop("bias"),
        },
    )


def _for_step_is_smaller() -> Obligation:
    return Obligation(
        claim="C14",
        name="stronger condition",
        statement="ηL B_c(θ) ≤ B_c(θ) for η ≤ 1/L where B_c(θ) ≥ 0",
        hypotheses={**BIAS, **SMOOTHED, "ηL > 0": scale > 0, "ηL ≤ 1": scale <= 1, "B_c >= 0": CRITICAL >= 0},
        conclusion=scale * CRITICAL <= CRITICAL,
        mutants={
            "eta > 1/L": drop("ηL ≤ 1"),
            "by half": conclude(scale * CRITICAL <= CRITICAL / 2),
            "harmful at every B": drop("B_c >= 0"),
        },
    )
