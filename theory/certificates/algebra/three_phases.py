"""C15b: plain SGD with A4 in three phases: the burn-in to the noise level, the falling step size, and the phase that is sampled."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory.certificates.algebra import fair_baselines, last_iterate, tsla
from tsla.theory.certificates.algebra.engine import axioms, formulas, stages
from tsla.theory.certificates.algebra.engine.functions import plan_of
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone, without
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import premises
from tsla.theory.certificates.algebra.engine.recursions import S, left
from tsla.theory.certificates.algebra.engine.stages import EARLIER, eta1
from tsla.theory.certificates.algebra.engine.steps import Induction
from tsla.theory.certificates.algebra.engine.symbols import NOISY, PL, SMOOTH, TARGET, L, T, eps2, eta, gap, gap_next, mu, sigma2, t
from tsla.theory.certificates.algebra.engine.table import s
from tsla.theory.certificates.algebra.stage_one import plan as burn_in

C15 = partial(Obligation, claim="C15")
kappa, before = z3.Reals("kappa before")
"""L/μ, and the gap after phase 1. The steps of phase 2 are counted by s = t + 2κ, t from 0."""
KAPPA = {"κ = L/μ": kappa == L / mu}
KNOWN = {**SMOOTH, **PL, **NOISY, **KAPPA}
CONSTANT = 2 * kappa * sigma2 / mu
"""C in the gap C/s of the second phase."""
PHASE = 4 * kappa * sigma2 / eps2
"""Steps of the second phase, and of the third."""


def manifests() -> tuple[Manifest, ...]:
    """Each phase from the one before, and how many samples they take."""
    known = ("L > 0", "mu > 0", "mu <= L", "sigma2 > 0")
    return (
        first(),
        alone(_step_size(), *known, "t >= 0", definitions=KAPPA, claim="C15b"),
        second(),
        _third(second(), _third_phase(), "eps2 <= 2 sigma2"),
        _third(first(), _large_target(), "eps2 > 2 sigma2"),
        alone(_total(), *known, "eps > 0", definitions=KAPPA, claim="C15b"),
    )


@cache
def first() -> Manifest:
    """Phase 1, to the gap σ²/μ."""
    return fair_baselines.plain_burn_in(burn_in("C15", sigma2, NOISY, "σ²/μ", name="(b) phase 1"), "C15b")


@cache
def second() -> Manifest:
    """Phase 2, to the gap ε²/(2μ)."""
    burn_in, step = first(), last_iterate.step()
    earlier = EARLIER | {left: before}
    settings = {f"{name}1": z3.substitute(formula, *earlier.items()) for name, formula in burn_in.settings.items()}
    settings |= {"eta1": eta1 == 1 / L, "eta": eta == 2 / (mu * s), "T": T >= formulas.larger(z3.RealVal(0), PHASE - 2 * kappa)}
    assumed = (*step.premises, *(premise.moved(earlier) for premise in burn_in.premises), *premises("eps > 0", "s >= 2L/μ"))
    run = Induction(
        name="phase 2",
        first=_start(),
        next_step=_next_step(),
        invariant=gap <= CONSTANT / s,
        start={s: 2 * kappa, gap: before},
        next={s: s + 1, gap: gap_next},
        end={s: T + 2 * kappa, gap: left},
    )
    return Manifest(
        claim="C15b",
        name="(b) phase 2",
        premises=without(assumed, settings),
        settings=settings,
        definitions={**burn_in.definitions, **KAPPA},
        steps=(Cited(burn_in, earlier), Cited(step), run, _end()),
    )


def _third(before: Manifest, last: Obligation, size: str) -> Manifest:
    """Phase 3, from the gap that another one leaves."""
    settings = {"eta": eta == formulas.noise_step_size(L, sigma2, eps2), "T": T >= PHASE}
    settings |= {} if "eta" in before.settings else {"eta1": eta1 == 1 / L}
    known = ("eps > 0", size)
    return stages.joined(
        "C15b", before, tsla.second_stage(), last, settings, *known, definitions=KAPPA, conclusion=S / T <= eps2, function=plan_of("C15b")
    )


def _step_size() -> Obligation:
    falling = 1 / L / (1 + t / (2 * kappa))
    return C15(
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
    return C15(
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
    return C15(
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
    return C15(
        name="(b) phase 2, end",
        statement="after T ≥ 4κσ²/ε² - 2κ steps the gap is ≤ ε²/(2μ), all the more after 4κσ²/ε²",
        hypotheses={
            **KNOWN,
            **TARGET,
            "T >= 0": T >= 0,
            "T": T >= PHASE - 2 * kappa,
            "at the end": left <= CONSTANT / (T + 2 * kappa),
        },
        conclusion=left <= eps2 / (2 * mu),
        mutants={
            "half the steps": suppose("T", T >= PHASE / 2 - 2 * kappa),
            "ε²/(4μ)": conclude(left <= eps2 / (4 * mu)),
            "2κ fewer still": suppose("T", T >= PHASE - 4 * kappa),
        },
    )


def _third_phase() -> Obligation:
    bound = formulas.sgd_bound(left, eta, T, L, sigma2)
    return C15(
        name="(b) phase 3",
        statement="from a gap ≤ ε²/(2μ), η = ε²/(2Lσ²) and T ≥ 4κσ²/ε² give E‖∇F(w_R)‖² ≤ ε², for ε² ≤ 2σ²",
        hypotheses={
            **KNOWN,
            **TARGET,
            "eps2 <= 2 sigma2": eps2 <= 2 * sigma2,
            "phase 2": left <= eps2 / (2 * mu),
            "eta": eta == formulas.noise_step_size(L, sigma2, eps2),
            "T": T >= PHASE,
        },
        conclusion=z3.And(bound <= eps2, eta * L <= 1),
        mutants={
            "half the steps": suppose("T", T >= PHASE / 2),
            "twice the step size": suppose("eta", eta == eps2 / (L * sigma2)),
            "a gap of ε²/μ": suppose("phase 2", left <= eps2 / mu),
            "no phase 2": drop("phase 2"),
        },
    )


def _large_target() -> Obligation:
    """The minimum in η = min(1/L, ε²/(2Lσ²)) is then 1/L."""
    return C15(
        name="(b) phase 3, large target",
        statement="for ε² > 2σ² the gap ≤ σ²/μ of phase 1 suffices: η = 1/L and T ≥ 4κσ²/ε² give ≤ ε²",
        hypotheses={
            **KNOWN,
            **TARGET,
            "eps2 > 2 sigma2": eps2 > 2 * sigma2,
            "phase 1": left <= sigma2 / mu,
            "eta": eta == formulas.noise_step_size(L, sigma2, eps2),
            "T": T >= PHASE,
        },
        conclusion=z3.And(formulas.sgd_bound(left, eta, T, L, sigma2) <= eps2, eta * L == 1),
        mutants={
            "half the steps": suppose("T", T >= PHASE / 2),
            "any target": drop("eps2 > 2 sigma2"),
            "a gap of 2σ²/μ": suppose("phase 1", left <= 2 * sigma2 / mu),
        },
    )


def _total() -> Obligation:
    return C15(
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
