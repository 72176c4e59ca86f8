"""C18: the plans, and what smoothing buys."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra import sgd
from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.functions import plan_of
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone, borrowed, planned
from tsla.theory.certificates.algebra.engine.obligation import Mutant, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    ORACLE,
    SMOOTH,
    START,
    TARGET,
    L,
    Premises,
    T,
    delta,
    eps2,
    eta,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.sharp import PARTS, WORST, W, a, bound, q, x
from tsla.theory.certificates.algebra.sharp_lemma import ROOTS_OF_BOUNDS, SIZES, smoothing, true
from tsla.theory.certificates.algebra.sharp_theta import ANNEALED, ANNEALED_FLOOR

C18 = partial(Obligation, claim="C18")
SHARE = eps2 / (2 * sigma2)
"""e."""
PLAN_SCALE = SHARE * delta / (delta - SHARE + SHARE * delta)
PLAN = 4 * L * F0 / eps2 * (1 + 1 / SHARE - 1 / delta)
KNOWN: Premises = {**SMOOTH, **NOISY, **START, **TARGET}
BETWEEN: Premises = {"eps2/(2 sigma2) <= delta": SHARE <= delta, "delta <= 1": delta <= 1}
PLANNED = plan_of("C18", "lsr-sharp")


def manifests() -> tuple[Manifest, ...]:
    """The plans by size of δ, their step size and floor, and their gain over C4's."""
    scale = {"x = ηL": PARTS["x = ηL"]}
    at_largest_step = {"x = 1": x == 1, "a": PARTS["a"], "q": PARTS["q"], "W": W == WORST}
    between = ("L > 0", "sigma2 > 0", "F0 > 0", "eps > 0", *BETWEEN)
    return (
        alone(_step_size(), *between, settings={"eta": eta == PLAN_SCALE / L}, definitions=scale),
        plan(),
        alone(_along_smoothing_label(), *ROOTS_OF_BOUNDS, settings={"θ = 1": theta == 1}, definitions=at_largest_step),
        small_delta(),
        large_delta(),
        alone(_bought(), *between),
    )


def plan() -> Manifest:
    """C18 at the step size, the strength and the length of its plan."""
    settings = {"theta": theta == SHARE / delta, "eta": eta == PLAN_SCALE / L, "T": T >= PLAN}
    return planned(bound(), _plan(), settings, "sigma2 > 0", "eps > 0", *BETWEEN, function=PLANNED)


def small_delta() -> Manifest:
    """C18's plan where all of ``δσ²`` is within ``ε²/2``."""
    settings = {"theta": theta == 1, "eta": eta == 1 / L, "T": T >= 4 * L * F0 / eps2}
    return planned(bound(), _plan_small_delta(), settings, "eps > 0", "2 delta sigma2 <= eps2", function=PLANNED)


def large_delta() -> Manifest:
    """C18's plan where no smoothing helps: that of C4."""
    return borrowed(sgd.plan(), "C18", "plan, δ ≥ 1", "delta >= 1", function=PLANNED)


def _step_size() -> Obligation:
    return C18(
        name="plan, step size",
        statement="ηL = eδ/(δ-e+eδ) is within (0, 1] and has θ° = e/δ for e = ε²/(2σ²) ≤ δ ≤ 1",
        hypotheses={**KNOWN, **BETWEEN, "eta": eta == PLAN_SCALE / L, "x = ηL": x == eta * L},
        conclusion=z3.And(x > 0, x <= 1, eta > 0, eta * L <= 1, SHARE / delta == ANNEALED),
        mutants={
            "twice the step size": suppose("eta", eta == 2 * PLAN_SCALE / L),
            "θ° = e": conclude(ANNEALED == SHARE),
            "smaller δ too": drop("eps2/(2 sigma2) <= delta"),
        },
    )


def _along_smoothing_label() -> Obligation:
    return C18(
        name="W at θ = 1",
        statement="W(1, 1) = δσ²",
        hypotheses={**SIZES, "x = 1": x == 1, "θ = 1": theta == 1, "a": a == true, "q": q == smoothing, "W": W == WORST},
        conclusion=W == delta * sigma2,
        mutants={
            "half of it": conclude(2 * W == delta * sigma2),
            "any θ": suppose("θ = 1", z3.And(theta >= 0, theta <= 1)),
        },
        guarantee="identity",
    )


def _plan() -> Obligation:
    return C18(
        name="plan",
        statement="ηL = eδ/(δ-e+eδ), T ≥ (4LF0/ε²)(1 + 1/e - 1/δ) give ≤ ε², e = ε²/(2σ²) ≤ δ ≤ 1; there θ° = e/δ and W° = ε²/2",
        hypotheses={
            **KNOWN,
            **BETWEEN,
            "eta": eta == PLAN_SCALE / L,
            "x = ηL": x == eta * L,
            "T": T >= PLAN,
            "W": W == ANNEALED_FLOOR,
        },
        conclusion=z3.And(formulas.lsr_bound(F0, eta, T, W) <= eps2, 2 * W == eps2, T > 0),
        mutants={
            "half the steps": suppose("T", T >= PLAN / 2),
            "twice the step size": suppose("eta", eta == 2 * PLAN_SCALE / L),
            "C4's step size": suppose("eta", eta == SHARE / L),
        },
    )


def _plan_small_delta() -> Obligation:
    return C18(
        name="plan, small δ",
        statement="θ = 1, η = 1/L, T ≥ 4LF0/ε² give ≤ ε² for δ ≤ e, where W(1, 1) = δσ²",
        hypotheses={
            **SMOOTH,
            **NOISE,
            **START,
            **TARGET,
            **ORACLE,
            "δ ≤ e": 2 * delta * sigma2 <= eps2,
            "eta": eta == 1 / L,
            "T": T >= 4 * L * F0 / eps2,
            "W": W == delta * sigma2,
        },
        conclusion=formulas.lsr_bound(F0, eta, T, W) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= 2 * L * F0 / eps2),
            "δ ≤ 2e": suppose("δ ≤ e", delta * sigma2 <= eps2),
            "any δ": drop("δ ≤ e"),
        },
    )


def _bought() -> Obligation:
    plain = 4 * F0 / (formulas.noise_step_size(L, sigma2, eps2) * eps2)
    bought = 4 * L * F0 / eps2 * (1 / delta - 1)
    return C18(
        name="what smoothing buys",
        statement="C4's plan less C18's is (4LF0/ε²)(1/δ - 1), a share e(1/δ - 1) of it, for e ≤ δ ≤ 1",
        hypotheses={**KNOWN, **BETWEEN},
        conclusion=z3.And(plain - PLAN == bought, bought == plain * SHARE * (1 / delta - 1)),
        mutants={
            "1/δ": conclude(plain - PLAN == 4 * L * F0 / eps2 / delta),
            "a share 1/δ - 1": conclude(bought == plain * (1 / delta - 1)),
            "smaller δ too": Mutant(hypotheses={"eps2/(2 sigma2) <= delta": z3.And(delta > 0, 2 * SHARE >= 5), "delta <= 1": None}),
        },
        guarantee="identity",
    )
