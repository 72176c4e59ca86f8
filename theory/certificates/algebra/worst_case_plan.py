"""C16, the plan: the step size at which the exact worst case of SGD asks for the fewest steps, and how many fewer than C4 these are."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra import worst_case
from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.functions import plan_of
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone, planned
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import F0, NOISE, NOISY, SMOOTH, START, TARGET, L, T, eps2, eta, sigma2
from tsla.theory.certificates.algebra.engine.table import x

C16 = partial(Obligation, claim="C16")
SHARE = eps2 / (eps2 + sigma2)
"""ηL."""
STEPS = 2 * L * F0 / (SHARE * eps2)
KNOWN = {**SMOOTH, **NOISE, **START, **TARGET}


def manifests() -> tuple[Manifest, ...]:
    """What the plan reaches, that its step size is the best, and how long it is."""
    known = ("L > 0", "sigma2 >= 0", "F0 > 0", "eps > 0")
    return (
        plan(),
        alone(_best_step_size(), *known, "T > 0", "0 < x < 2", "x(eps2+sigma2) < 2 eps2"),
        alone(_samples(), *known),
        alone(_beside_sgd(), "L > 0", "sigma2 > 0", "F0 > 0", "eps > 0", "eps2 <= 2 sigma2"),
    )


@cache
def plan() -> Manifest:
    """C16 at the step size and the length of its plan."""
    return planned(worst_case.bound(), _plan(), {"eta": eta == SHARE / L, "T": T >= STEPS}, "eps > 0", function=plan_of("C16"))


def _plan() -> Obligation:
    return C16(
        name="plan",
        statement="η = ε²/(L(ε²+σ²)) and T ≥ 2LF0(ε²+σ²)/ε⁴ give ≤ ε², with η ≤ 1/L",
        hypotheses={**KNOWN, "eta": eta == SHARE / L, "T": T >= STEPS},
        conclusion=z3.And(formulas.worst_case_bound(F0, eta, T, L, sigma2) <= eps2, eta * L <= 1),
        mutants={
            "half the steps": suppose("T", T >= STEPS / 2),
            "half the step size": suppose("eta", eta == SHARE / L / 2),
            "C4": conclude(formulas.sgd_bound(F0, eta, T, L, sigma2) <= eps2),
        },
    )


def _best_step_size() -> Obligation:
    needed = 2 * L * F0 / (x * (2 * eps2 - x * (eps2 + sigma2)))
    return C16(
        name="best step size",
        statement="C16 ≤ ε² at η = x/L iff T ≥ 2LF0/(x(2ε² - x(ε²+σ²))), which is at least the plan's T",
        hypotheses={**KNOWN, "T > 0": T > 0, "0 < x < 2": z3.And(x > 0, x < 2), "reachable": x * (eps2 + sigma2) < 2 * eps2},
        conclusion=z3.And(
            (formulas.worst_case_bound(F0, x / L, T, L, sigma2) <= eps2) == (T >= needed),
            needed >= STEPS,
        ),
        mutants={
            "at least twice the plan's T": conclude(needed >= 2 * STEPS),
            "at most the plan's T": conclude(needed <= STEPS),
            "half as many": conclude((formulas.worst_case_bound(F0, x / L, T, L, sigma2) <= eps2) == (T >= needed / 2)),
            "beyond reach": drop("reachable"),
        },
    )


def _samples() -> Obligation:
    return C16(
        name="samples",
        statement="T = 2LF0(ε²+σ²)/ε⁴",
        hypotheses=KNOWN,
        conclusion=STEPS == 2 * L * F0 * (eps2 + sigma2) / (eps2 * eps2),
        mutants={
            "4": conclude(STEPS == 4 * L * F0 * (eps2 + sigma2) / (eps2 * eps2)),
            "1/ε²": conclude(STEPS == 2 * L * F0 * (eps2 + sigma2) / eps2),
        },
        guarantee="identity",
    )


def _beside_sgd() -> Obligation:
    paper = 8 * L * F0 * sigma2 / (eps2 * eps2)
    return C16(
        name="plan beside C4",
        statement="(1 + ε²/σ²)/4 of C4's steps for ε² ≤ 2σ²: a quarter as ε → 0, at most 3/4",
        hypotheses={**KNOWN, **NOISY, "eps2 <= 2 sigma2": eps2 <= 2 * sigma2},
        conclusion=z3.And(STEPS == paper * (1 + eps2 / sigma2) / 4, 4 * STEPS >= paper, STEPS <= paper * 3 / 4),
        mutants={
            "a quarter": conclude(STEPS == paper / 4),
            "at most half": conclude(STEPS <= paper / 2),
            "any target": drop("eps2 <= 2 sigma2"),
        },
    )
