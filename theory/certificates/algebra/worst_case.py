"""C16, exact worst cases: SGD's bound for η < 2/L, C5 without its last noise, and the quadratics that attain them."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import worst_case as theory
from tsla.theory.certificates.algebra import last_iterate, lsr, sgd
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import bound_of, of_constants
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone, without
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises, unbiased
from tsla.theory.certificates.algebra.engine.recursions import S, left
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
    grad2,
    mu,
    s2,
    sigma2,
    start,
)
from tsla.theory.certificates.algebra.engine.table import bias, length2, sigma, slope, w
from tsla.theory.certificates.algebra.last_iterate import LAST, last2
from tsla.theory.certificates.algebra.sgd import Gg, gg

C16 = partial(Obligation, claim="C16")
LONG_STEP = {**SMOOTH, "eta > 0": eta > 0, "eta < 2/L": eta * L < 2}
GAIN, LIFT = eta * (2 - eta * L) / 2, L * eta * eta * sigma2 / 2
RUN = recursions.Telescoping("C16", GAIN, LIFT, {**LONG_STEP, **NOISE}, "(η(2-ηL)/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t Lη²σ²/2")
total_before = z3.Real("total")
"""Σ E‖∇F(w_i)‖² without the last iterate."""
ATTAINED = {"V": V == bias * bias, "F(w_0) - F*": start == L / 2 * w * w}
"""Of a one-dimensional quadratic that starts at the point w."""


def manifests() -> tuple[Manifest, ...]:
    """One step, the sum of many, C16, what it is beside C4 and C5, and where it is attained."""
    return (
        step(),
        total(),
        bound(),
        alone(_attained()),
        alone(_never_worse(), "L > 0", "eta > 0", "eta <= 1/L", "F0 > 0", "sigma2 >= 0", "T > 0"),
        smoothed_bound(),
        alone(_smoothed_attained(), "L > 0", "T >= 1", definitions=ATTAINED),
        alone(_fails_beyond(), "L > 0", "eta > 1/L", "w != 0"),
        alone(_floor_attained(), "mu > 0", definitions={"V": V == bias * bias}, settings={"where the direction is 0": w == -bias / mu}),
    )


@cache
def step() -> Manifest:
    """One step of SGD with any step size."""
    along = Premise("A1: quadratic bound", {slope: Gg, length2: gg})
    return Manifest(
        claim="C16",
        name="one step",
        premises=(*premises("L > 0", "eta > 0"), along, *unbiased(Gg, gg)),
        steps=(Cited(sgd.second_moment()), _one_step()),
    )


@cache
def total() -> Manifest:
    """C16 before it is divided by T."""
    return RUN.over(step(), "eta < 2/L")


@cache
def bound() -> Manifest:
    """C16."""
    mean = RUN.mean(formulas.worst_case_bound(F0, eta, T, L, sigma2), "E‖∇F(w_R)‖² ≤ [2F0/(ηT) + ηLσ²]/(2-ηL), 0 < η < 2/L")
    return recursions.averaged(total(), mean, bound_of("C16"))


def smoothed_bound() -> Manifest:
    """C5's sum over T-1 steps, and A1 at the last iterate."""
    gradient, sums = last_iterate.gradient(), lsr.total()
    settings = gradient.settings | {"eta": eta == 1 / L}
    assumed = (*sums.premises, *premises("T >= 1", "F(w_0) - F* <= F0"), *(premise.moved(LAST) for premise in gradient.premises))
    return Manifest(
        claim="C16",
        name="C5 without the last noise",
        premises=without(assumed, settings),
        settings=settings,
        definitions=sums.definitions,
        steps=(Cited(sums, {T: T - 1, S: total_before}), Cited(gradient, LAST), _smoothed_bound()),
        function=of_constants("delta", theory.lsr_value, T="T", theta="theta"),
        asks=premises("F0 > 0"),
    )


def _one_step() -> Obligation:
    return C16(
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
    return C16(
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
    return C16(
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
    bound = 2 * L * F0 / T + V * (T - 1) / T
    return C16(
        name="C5 without the last noise",
        statement="E‖∇F(w_R)‖² ≤ 2LF0/T + V(T-1)/T at η = 1/L, with F ≥ F*",
        hypotheses={
            **SMOOTH,
            "T >= 1": T >= 1,
            "eta": eta == 1 / L,
            "C5, sum over T-1": lsr.GAIN * total_before <= start - left + (T - 1) * lsr.LIFT,
            "F(w_0) - F* <= F0": start <= F0,
            "gradient and gap": last2 <= 2 * L * left,
        },
        conclusion=(total_before + last2) / T <= bound,
        mutants={
            "T-2 for T-1": conclude((total_before + last2) / T <= 2 * L * F0 / T + V * (T - 2) / T),
            "half of F0": conclude((total_before + last2) / T <= L * F0 / T + V * (T - 1) / T),
            "last iterate unbounded": drop("gradient and gap"),
        },
        axiom=axioms.INFIMUM,
    )


def _smoothed_attained() -> Obligation:
    """F = (L/2)w² with a constant bias: one step forgets where it came from, and ‖∇F‖² is V from then on; before, it is 2LF0."""
    after = w - (L * w + bias) / L
    mean = (L * w * L * w + (T - 1) * (L * after * L * after)) / T
    value = 2 * L * start / T + V * (T - 1) / T
    return C16(
        name="C5 without the last noise, attained",
        statement="an equality for F = (L/2)w² under a constant bias √V, for every T",
        hypotheses={**SMOOTH, "T >= 1": T >= 1, **ATTAINED},
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
    return C16(
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
    after = w - eta * (mu * w + bias)
    return C16(
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
