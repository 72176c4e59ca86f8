"""C16, exact worst cases: SGD's bound for η < 2/L, C5 without its last noise, and the quadratics that attain them."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.obligation import Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    FLOOR,
    NOISE,
    SMOOTH,
    START,
    STEP,
    F,
    F_next,
    L,
    T,
    V,
    eta,
    gap,
    grad2,
    mu,
    s2,
    sigma2,
)

LONG_STEP = {**SMOOTH, "eta > 0": eta > 0, "eta < 2/L": eta * L < 2}
GAIN, LIFT = eta * (2 - eta * L) / 2, L * eta * eta * sigma2 / 2
w, sigma = z3.Reals("w sigma")
"""A point of a one-dimensional quadratic, and the size of a deviation."""


def certificates() -> Iterable[Certificate]:
    """Prove C16."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C16; its plan is in ``worst_case_plan``, and that 8δ/(1+δ) suffices in C8 in ``tsla``."""
    premises = {**LONG_STEP, **NOISE}
    bound = formulas.worst_case_bound(F0, eta, T, L, sigma2)
    return (
        _one_step(),
        *recursions.telescoping("C16", GAIN, LIFT, premises, "(η(2-ηL)/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t Lη²σ²/2"),
        recursions.mean("C16", GAIN, LIFT, premises, bound, "E‖∇F(w_R)‖² ≤ [2F0/(ηT) + ηLσ²]/(2-ηL), 0 < η < 2/L"),
        _attained(),
        _never_worse(),
        _smoothed_bound(),
        _smoothed_attained(),
        _fails_beyond(),
        _floor_attained(),
    )


def _one_step() -> Obligation:
    Gg, gg = z3.Reals("Gg gg")
    return Obligation(
        claim="C16",
        name="one step",
        statement="E F(w⁺) ≤ F(w) - η(1-ηL/2)‖∇F‖² + Lη²σ²/2, for any η > 0",
        hypotheses={
            **SMOOTH,
            "eta > 0": eta > 0,
            "A1'": quadratic_upper_bound(Gg, gg),
            "E g = ∇F": Gg == grad2,
            "second moment": gg == grad2 + s2,
            "A2": s2 <= sigma2,
        },
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half the noise": conclude(F_next <= F - GAIN * grad2 + LIFT / 2),
            "η(2-ηL) for half of it": conclude(F_next <= F - 2 * GAIN * grad2 + LIFT),
            "g is biased": drop("E g = ∇F"),
            "no A2": drop("A2"),
        },
        axiom=axioms.EXPECTATION,
    )


def _attained() -> Obligation:
    """F = (L/2)w², g = Lw ± σ with equal probabilities: every step is an equality, and so is the sum of them."""
    ends = [w - eta * (L * w + sign * sigma) for sign in (1, -1)]
    expected = z3.Sum([L / 2 * end * end for end in ends]) / 2
    lift = z3.substitute(LIFT, (sigma2, sigma * sigma))
    return Obligation(
        claim="C16",
        name="attained",
        statement="an equality in every step for F = (L/2)w², g = Lw ± σ: with F0 - E F(w_T) for F0 the bound is exact",
        hypotheses={},
        conclusion=expected == L / 2 * w * w - GAIN * (L * w * L * w) + lift,
        mutants={
            "C4": conclude(expected == L / 2 * w * w - eta / 2 * (L * w * L * w) + lift),
            "half the noise": conclude(expected == L / 2 * w * w - GAIN * (L * w * L * w) + lift / 2),
        },
        guarantee="tight",
        axiom=axioms.TELESCOPING,
    )


def _never_worse() -> Obligation:
    exact, paper = formulas.worst_case_bound(F0, eta, T, L, sigma2), formulas.sgd_bound(F0, eta, T, L, sigma2)
    return Obligation(
        claim="C16",
        name="beside C4",
        statement="between half of C4 and C4 for η ≤ 1/L",
        hypotheses={**STEP, **START, **NOISE, "T > 0": T > 0},
        conclusion=z3.And(paper / 2 <= exact, exact <= paper),
        mutants={
            "strictly better": conclude(exact < paper),
            "twice better": conclude(exact <= paper / 2),
            "eta > 1/L": suppose("eta <= 1/L", eta * L < 2),
        },
    )


def _smoothed_bound() -> Obligation:
    """T-1 steps telescope, and at the last iterate ‖∇F‖² <= 2L(F-F*): its noise does not come into it."""
    total, last2 = z3.Reals("total last2")
    bound = 2 * L * F0 / T + V * (T - 1) / T
    return Obligation(
        claim="C16",
        name="C5 without the last noise",
        statement="E‖∇F(w_R)‖² ≤ 2LF0/T + V(T-1)/T at η = 1/L, with F ≥ F*",
        hypotheses={
            **SMOOTH,
            "T >= 1": T >= 1,
            "C5, sum over T-1": total / (2 * L) <= F0 - gap + (T - 1) * V / (2 * L),
            "gradient and gap": last2 <= 2 * L * gap,
        },
        conclusion=(total + last2) / T <= bound,
        mutants={
            "T-2 for T-1": conclude((total + last2) / T <= 2 * L * F0 / T + V * (T - 2) / T),
            "half of F0": conclude((total + last2) / T <= L * F0 / T + V * (T - 1) / T),
            "last iterate unbounded": drop("gradient and gap"),
        },
        axiom=axioms.INFIMUM,
    )


def _smoothed_attained() -> Obligation:
    """F = (L/2)w² with a constant bias: one step forgets where it came from, and ‖∇F‖² is V from then on; before, it is 2LF0."""
    bias = z3.Real("bias")
    after = w - (L * w + bias) / L
    mean = (L * w * L * w + (T - 1) * (L * after * L * after)) / T
    start = L / 2 * w * w
    value = 2 * L * F0 / T + V * (T - 1) / T
    return Obligation(
        claim="C16",
        name="C5 without the last noise, attained",
        statement="an equality for F = (L/2)w² under a constant bias √V, for every T",
        hypotheses={**SMOOTH, "T >= 1": T >= 1, "V": V == bias * bias, "F0": F0 == start},
        conclusion=mean == value,
        mutants={
            "C5": conclude(mean == formulas.lsr_bound(F0, 1 / L, T, V)),
            "twice the bias": suppose("V", V == 4 * bias * bias),
            "T-2 for T-1": conclude(mean == 2 * L * F0 / T + V * (T - 2) / T),
        },
        guarantee="tight",
        axiom="induction over the number of steps: the gradient is the same after each step",
    )


def _fails_beyond() -> Obligation:
    """One step on F = (L/2)w² without noise: the mean of one squared gradient is L²w²."""
    return Obligation(
        claim="C16",
        name="C5 beyond 1/L",
        statement="C5 fails for every η > 1/L: at T = 1, V = 0 on F = (L/2)w²",
        hypotheses={**SMOOTH, "eta > 1/L": eta * L > 1, "w != 0": w != 0},
        conclusion=formulas.lsr_bound(L / 2 * w * w, eta, z3.RealVal(1), z3.RealVal(0)) < L * w * L * w,
        mutants={
            "at 1/L too": suppose("eta > 1/L", eta * L >= 1),
            "by half": conclude(formulas.lsr_bound(L / 2 * w * w, eta, z3.RealVal(1), z3.RealVal(0)) < L * w * L * w / 2),
            "at the minimum too": drop("w != 0"),
        },
        guarantee="tight",
    )


def _floor_attained() -> Obligation:
    """F = (μ/2)w² under a constant bias: where the direction μw + bias is 0, LSR stays."""
    bias = z3.Real("bias")
    after = w - eta * (mu * w + bias)
    return Obligation(
        claim="C16",
        name="floor of C7 attained",
        statement="(μ/2)w² under a constant bias √V: LSR stays where F = V/(2μ), whatever η",
        hypotheses={**FLOOR, "mu > 0": mu > 0, "V": V == bias * bias, "where the direction is 0": w == -bias / mu},
        conclusion=z3.And(after == w, mu / 2 * w * w == V / (2 * mu)),
        mutants={
            "V/μ": conclude(mu / 2 * w * w == V / mu),
            "elsewhere": drop("where the direction is 0"),
            "half the bias": suppose("V", V == bias * bias / 4),
        },
        guarantee="tight",
    )
