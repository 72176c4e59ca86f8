"""C14, mini-batches: noise falls as 1/B, bias does not; the batch sizes at which smoothing stops to help."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.steps import Induction
from tsla.theory.certificates.algebra.engine.symbols import NOISY, Premises, batch, beta2, c, nu2, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import error2, first2, inner, scale, second2

C14 = partial(Obligation, claim="C14")
SS, Sa, aa, after, size, mean2 = z3.Reals("SS Sa aa after size mean2")
"""E‖S‖², E⟨S, a⟩, E‖a‖² and E‖S+a‖² for the sum S of so many deviations and one more, a; how many; E‖S/B‖²."""
BATCH: Premises = {"B > 0": batch > 0}
BIAS: Premises = {"bias": beta2 > 0}
SMOOTHED: Premises = {"theta > 0": theta > 0, "theta <= 1": theta <= 1}
NOISE = formulas.second_moment(sigma2, nu2, c, theta)
CRITICAL = formulas.critical_batch_size(sigma2, NOISE, beta2, theta)
SMOOTHED_MOMENT = theta * theta * beta2 + NOISE / batch


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    batch, helpful = ("sigma2 > 0", "B > 0", "beta2 > 0"), ("theta > 0", "theta <= 1")
    return (
        _averaged(),
        alone(_delta(), "sigma2 > 0", "B > 0"),
        alone(_delta_below_one(), *batch),
        alone(_critical(), *batch, *helpful),
        alone(_critical_at_one(), "beta2 > 0"),
        alone(_grows(), "beta2 > 0", *helpful, "c < σ²", "small θ"),
        alone(_for_step(), *batch, *helpful, "ηL > 0"),
        alone(_for_step_is_smaller(), "beta2 > 0", *helpful, "ηL > 0", "ηL <= 1", "B_c >= 0"),
    )


def _averaged() -> Manifest:
    """S is the sum of so many deviations, a one more; they are independent and of mean 0."""
    run = Induction(
        name="sum",
        first=_one_sample(),
        next_step=_sum(),
        invariant=SS == size * sigma2,
        start={size: z3.RealVal(1), SS: aa},
        next={size: size + 1, SS: after},
        end={size: batch},
    )
    return Manifest(
        claim="C14",
        name="mean of a batch",
        premises=(
            *premises("B > 0", "sigma2 >= 0"),
            Premise("second moment is σ²", {second2: aa}),
            Premise("square of a sum", {error2: after, first2: SS, inner: Sa, second2: aa}),
            Premise("independent", {inner: Sa}),
        ),
        definitions={"mean": mean2 == SS / (batch * batch)},
        steps=(run, _mean()),
    )


def _one_sample() -> Obligation:
    return C14(
        name="batch of one",
        statement="E‖sum of B deviations‖² = Bσ² for B = 1",
        hypotheses={"one sample": z3.And(size == 1, SS == aa), "its variance": aa == sigma2},
        conclusion=SS == size * sigma2,
        mutants={"any sample": drop("its variance"), "of none": suppose("one sample", z3.And(size == 0, SS == aa))},
        guarantee="identity",
    )


def _sum() -> Obligation:
    return C14(
        name="sum of a batch",
        statement="E‖sum of B deviations‖² = Bσ²: if for B, then for B+1",
        hypotheses={
            "for B": SS == size * sigma2,
            "one more": aa == sigma2,
            "square": after == SS + 2 * Sa + aa,
            "independent": Sa == 0,
        },
        conclusion=after == (size + 1) * sigma2,
        mutants={
            "correlated": drop("independent"),
            "B² for B": conclude(after == (size + 1) * (size + 1) * sigma2),
            "one too few": conclude(after == size * sigma2),
        },
        guarantee="identity",
        axiom=f"{axioms.INDEPENDENCE}; induction over the batch size",
    )


def _mean() -> Obligation:
    return C14(
        name="mean of a batch",
        statement="the mean of B samples has σ²/B; so have ν², c",
        hypotheses={**BATCH, "sum": SS == batch * sigma2, "mean": mean2 == SS / (batch * batch)},
        conclusion=mean2 == sigma2 / batch,
        mutants={"σ²/B²": conclude(mean2 == sigma2 / (batch * batch)), "σ²": conclude(mean2 == sigma2)},
        guarantee="identity",
        axiom=axioms.EXPECTATION,
    )


def _delta() -> Obligation:
    delta = (beta2 + nu2 / batch) / (sigma2 / batch)
    return C14(
        name="δ of a batch",
        statement="δ_B = (β² + ν²/B)/(σ²/B) = (Bβ²+ν²)/σ²",
        hypotheses={**NOISY, **BATCH},
        conclusion=delta == formulas.delta_of_batch(sigma2, beta2, nu2, batch),
        mutants={
            "bias falls too": conclude(delta == (beta2 + nu2) / sigma2),
            "noise does not fall": conclude(delta == batch * (beta2 + nu2) / sigma2),
        },
        guarantee="identity",
    )


def _delta_below_one() -> Obligation:
    delta = formulas.delta_of_batch(sigma2, beta2, nu2, batch)
    critical = (sigma2 - nu2) / beta2
    return C14(
        name="δ below 1",
        statement="δ_B < 1 iff B < B_c = (σ²-ν²)/β²",
        hypotheses={**NOISY, **BATCH, **BIAS},
        conclusion=(delta < 1) == (batch < critical),
        mutants={
            "B ≤ B_c": conclude((delta < 1) == (batch <= critical)),
            "(σ²+ν²)/β²": conclude((delta < 1) == (batch < (sigma2 + nu2) / beta2)),
            "σ²/β²": conclude((delta < 1) == (batch < sigma2 / beta2)),
            "no bias": drop("bias"),
        },
    )


def _critical() -> Obligation:
    helps = SMOOTHED_MOMENT < sigma2 / batch
    delta = formulas.delta_of_batch(sigma2, beta2, nu2, batch)
    return C14(
        name="critical batch size",
        statement="θ²β² + N(θ)/B < σ²/B iff B < B_c(θ) = (σ²-N(θ))/(θ²β²)",
        hypotheses={**NOISY, **BATCH, **BIAS, **SMOOTHED},
        conclusion=helps == (batch < CRITICAL),
        mutants={
            "θ for θ²": conclude(helps == (batch < formulas.critical_batch_size(sigma2, NOISE, beta2, theta) * theta)),
            "B_c(1)": conclude(helps == (batch < formulas.critical_batch_size(sigma2, nu2, beta2, z3.RealVal(1)))),
            "only where δ_B < 1": conclude(z3.Implies(helps, delta < 1)),
            "B ≤ B_c": conclude(helps == (batch <= CRITICAL)),
        },
    )


def _critical_at_one() -> Obligation:
    value = z3.substitute(CRITICAL, (theta, z3.RealVal(1)))
    return C14(
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
    return C14(
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


def _for_step() -> Obligation:
    """Both sides are C12's floor at step size η with a batch of B."""
    helps = theta * theta * beta2 + scale * NOISE / batch < scale * sigma2 / batch
    return C14(
        name="critical batch size at a step size",
        statement="θ²β² + ηLN(θ)/B < ηLσ²/B iff B < ηL(σ²-N(θ))/(θ²β²)",
        hypotheses={**NOISY, **BATCH, **BIAS, **SMOOTHED, "ηL > 0": scale > 0},
        conclusion=helps == (batch < scale * CRITICAL),
        mutants={
            "without ηL": conclude(helps == (batch < CRITICAL)),
            "(ηL)²": conclude(helps == (batch < scale * scale * CRITICAL)),
            "no bias": drop("bias"),
        },
    )


def _for_step_is_smaller() -> Obligation:
    return C14(
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
