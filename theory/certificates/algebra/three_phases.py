"""C15b: plain SGD with A4 in three phases: the burn-in to the noise level, the falling step size, and the phase that is sampled."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.obligation import Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import NOISY, PL, SMOOTH, TARGET, L, T, eps2, eta, gap, gap_next, mu, sigma2
from tsla.theory.certificates.algebra.stage_one import plan as burn_in

kappa, s, t = z3.Reals("kappa s t")
"""L/μ, t + 2κ and the step of the second phase, from 0."""
KNOWN = {**SMOOTH, **PL, **NOISY, "κ = L/μ": kappa == L / mu}
CONSTANT = 2 * kappa * sigma2 / mu
"""C in the gap C/s of the second phase."""
PHASE = 4 * kappa * sigma2 / eps2
"""Steps of the second phase, and of the third."""


def certificates() -> Iterable[Certificate]:
    """Prove C15b."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C15b."""
    return (
        burn_in("C15", sigma2, NOISY, "σ²/μ", name="(b) phase 1"),
        _step_size(),
        _start(),
        _next_step(),
        _end(),
        _third_phase(),
        _large_target(),
        _total(),
    )


def _step_size() -> Obligation:
    falling = 1 / L / (1 + t / (2 * kappa))
    return Obligation(
        claim="C15",
        name="(b) phase 2, step size",
        statement="(1/L)/(1 + t/(2κ)) = 2/(μ(t+2κ)), at most 1/L",
        hypotheses={**KNOWN, "t >= 0": t >= 0},
        conclusion=z3.And(2 / (mu * (t + 2 * kappa)) == falling, falling * L <= 1),
        mutants={
            "κ for 2κ": conclude(2 / (mu * (t + kappa)) == falling),
            "1/(μ(t+2κ))": conclude(1 / (mu * (t + 2 * kappa)) == falling),
            "before the start": suppose("t >= 0", t > -kappa),
        },
    )


def _start() -> Obligation:
    return Obligation(
        claim="C15",
        name="(b) phase 2, start",
        statement="a gap ≤ σ²/μ is ≤ C/s at s = 2κ, C = 2κσ²/μ",
        hypotheses={**KNOWN, "phase 1": gap <= sigma2 / mu, "s": s == 2 * kappa},
        conclusion=gap <= CONSTANT / s,
        mutants={
            "half of C": conclude(gap <= CONSTANT / 2 / s),
            "s = 4κ": suppose("s", s == 4 * kappa),
            "no phase 1": drop("phase 1"),
        },
    )


def _next_step() -> Obligation:
    return Obligation(
        claim="C15",
        name="(b) phase 2, next step",
        statement="a gap ≤ C/s is ≤ C/(s+1) after a step with η = 2/(μs), s = t+2κ",
        hypotheses={
            **KNOWN,
            "s >= 2κ": s >= 2 * kappa,
            "at s": gap <= CONSTANT / s,
            "eta": eta == 2 / (mu * s),
            "one step": gap_next <= (1 - eta * mu) * gap + L * eta * eta * sigma2 / 2,
        },
        conclusion=gap_next <= CONSTANT / (s + 1),
        mutants={
            "C/(s+2)": conclude(gap_next <= CONSTANT / (s + 2)),
            "half the step size": suppose("eta", eta == 1 / (mu * s)),
            "twice the noise": suppose("one step", gap_next <= (1 - eta * mu) * gap + L * eta * eta * sigma2),
            "mu > L": drop("mu <= L", "s >= 2κ"),
        },
        axiom=f"{axioms.INDUCTION}; {axioms.HISTORY}",
    )


def _end() -> Obligation:
    return Obligation(
        claim="C15",
        name="(b) phase 2, end",
        statement="after T ≥ 4κσ²/ε² - 2κ steps the gap is ≤ ε²/(2μ), all the more after 4κσ²/ε²",
        hypotheses={
            **KNOWN,
            **TARGET,
            "T >= 0": T >= 0,
            "T": T >= PHASE - 2 * kappa,
            "at the end": gap <= CONSTANT / (T + 2 * kappa),
        },
        conclusion=gap <= eps2 / (2 * mu),
        mutants={
            "half the steps": suppose("T", T >= PHASE / 2 - 2 * kappa),
            "ε²/(4μ)": conclude(gap <= eps2 / (4 * mu)),
            "2κ fewer still": suppose("T", T >= PHASE - 4 * kappa),
        },
    )


def _third_phase() -> Obligation:
    bound = formulas.sgd_bound(gap, eta, T, L, sigma2)
    return Obligation(
        claim="C15",
        name="(b) phase 3",
        statement="from a gap ≤ ε²/(2μ), η = ε²/(2Lσ²) and T ≥ 4κσ²/ε² give E‖∇F(w_R)‖² ≤ ε², for ε² ≤ 2σ²",
        hypotheses={
            **KNOWN,
            **TARGET,
            "eps2 <= 2 sigma2": eps2 <= 2 * sigma2,
            "phase 2": gap <= eps2 / (2 * mu),
            "eta": eta == formulas.noise_step_size(L, sigma2, eps2),
            "T": T >= PHASE,
        },
        conclusion=z3.And(bound <= eps2, eta * L <= 1),
        mutants={
            "half the steps": suppose("T", T >= PHASE / 2),
            "twice the step size": suppose("eta", eta == eps2 / (L * sigma2)),
            "a gap of ε²/μ": suppose("phase 2", gap <= eps2 / mu),
            "no phase 2": drop("phase 2"),
        },
    )


def _large_target() -> Obligation:
    """The minimum in η = min(1/L, ε²/(2Lσ²)) is then 1/L."""
    return Obligation(
        claim="C15",
        name="(b) phase 3, large target",
        statement="for ε² > 2σ² the gap ≤ σ²/μ of phase 1 suffices: η = 1/L and T ≥ 4κσ²/ε² give ≤ ε²",
        hypotheses={
            **KNOWN,
            **TARGET,
            "eps2 > 2 sigma2": eps2 > 2 * sigma2,
            "phase 1": gap <= sigma2 / mu,
            "eta": eta == formulas.noise_step_size(L, sigma2, eps2),
            "T": T >= PHASE,
        },
        conclusion=z3.And(formulas.sgd_bound(gap, eta, T, L, sigma2) <= eps2, eta * L == 1),
        mutants={
            "half the steps": suppose("T", T >= PHASE / 2),
            "any target": drop("eps2 > 2 sigma2"),
            "a gap of 2σ²/μ": suppose("phase 1", gap <= 2 * sigma2 / mu),
        },
    )


def _total() -> Obligation:
    return Obligation(
        claim="C15",
        name="(b) samples",
        statement="phases 2 and 3 together: 8κσ²/ε², O(1/ε²)",
        hypotheses={**KNOWN, **TARGET},
        conclusion=PHASE + PHASE == 8 * L * sigma2 / (mu * eps2),
        mutants={
            "one phase": conclude(PHASE == 8 * L * sigma2 / (mu * eps2)),
            "1/ε⁴": conclude(PHASE + PHASE == 8 * L * sigma2 / (mu * eps2 * eps2)),
        },
        guarantee="identity",
    )
