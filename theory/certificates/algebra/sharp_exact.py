"""C18, the exact form: a descent that drops nothing, its worst split, the root of it, and what attains it."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.obligation import Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    START,
    STEP,
    F,
    F_next,
    L,
    Premises,
    T,
    eta,
    grad2,
    sigma2,
)
from tsla.theory.certificates.algebra.sharp import SCALE, SHARES, a, m, q, x

slope, beta, noise, D, z, A, R = z3.Reals("slope beta noise D z A R")
"""‖∇F(w)‖, ‖θb‖, the noise of the direction, 2(F0 - E F(w_T))/(ηT), the root of the mean of E‖∇F‖², its bound, and the root in that."""
S, M, Q, t = z3.Reals("S M Q t")
"""Σ‖∇F‖², Σθb‖∇F‖ and Σ(θ²b² + noise) over the steps so far, and their number."""
SPLIT: Premises = {"A3": z3.And(beta >= 0, m >= 0, beta * beta + m * m <= q * q)}
keep, rest = 2 - x, 1 - x
C = D + x * (a * a + q * q)
ROOT: Premises = {"R": z3.And(R >= 0, R * R == keep * C * rest * rest + q * q * rest * rest * rest * rest + keep * keep * x * x * a * a)}
VALUE = (keep * C + 2 * q * q * rest * rest + 2 * q * R) / (keep * keep)
"""``sharp_exact.bound``: A."""


def certificates() -> Iterable[Certificate]:
    """Prove the exact form of C18."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of the exact form."""
    return (
        _one_step(),
        _sum_start(),
        _sum_next(),
        _concave(),
        _mean(),
        _worst_angle(),
        _squares(),
        _root(),
        _root_attained(),
        _beside_sgd(),
        _at_largest_step(),
        _attained(),
    )


def _one_step() -> Obligation:
    """With m = E d = ∇F + θb: ‖m‖² = ‖∇F‖² + 2⟨∇F, θb⟩ + ‖θb‖²."""
    Gm, mm, Gb, dd = z3.Reals("Gm mm Gb dd")
    return Obligation(
        claim="C18",
        name="exact, one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)[(2-x)‖∇F‖² - 2(1-x)‖θb‖‖∇F‖ - x(‖θb‖² + noise)]",
        hypotheses={
            **STEP,
            "x = ηL": x == eta * L,
            "A1'": quadratic_upper_bound(Gm, dd),
            "second moment": dd == mm + noise,
            "mean": z3.And(Gm == grad2 + Gb, mm == grad2 + 2 * Gb + beta * beta),
            "Cauchy-Schwarz": -Gb <= beta * slope,
        },
        conclusion=F_next <= F - eta / 2 * (keep * grad2 - 2 * rest * beta * slope - x * (beta * beta + noise)),
        mutants={
            "no bias along ∇F": conclude(F_next <= F - eta / 2 * (keep * grad2 - x * (beta * beta + noise))),
            "half the noise": conclude(F_next <= F - eta / 2 * (keep * grad2 - 2 * rest * beta * slope - x * (beta * beta + noise / 2))),
            "any angle": drop("Cauchy-Schwarz"),
            "eta > 1/L": drop("eta <= 1/L"),
        },
        axiom=f"{axioms.CAUCHY_SCHWARZ}; {axioms.EXPECTATION}",
    )


SUM = keep * S - 2 * rest * M - x * Q
SUMMED = "(2-x) Σ‖∇F‖² - 2(1-x) Σ‖θb‖‖∇F‖ - x Σ(‖θb‖² + noise) ≤ (2/η)(F(w_0) - E F(w_t))"


def _sum_start() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, sum, start",
        statement=f"{SUMMED} at t = 0",
        hypotheses={**STEP, **SCALE, "no steps": z3.And(S == 0, M == 0, Q == 0), "F(w_0)": F == F0},
        conclusion=SUM <= 2 / eta * (F0 - F),
        mutants={"half of F(w_0)": conclude(SUM <= 2 / eta * (F0 / 2 - F)), "not from F(w_0)": drop("F(w_0)")},
    )


def _sum_next() -> Obligation:
    step = keep * grad2 - 2 * rest * beta * slope - x * (beta * beta + noise)
    after = keep * (S + grad2) - 2 * rest * (M + beta * slope) - x * (Q + beta * beta + noise)
    return Obligation(
        claim="C18",
        name="exact, sum, next step",
        statement=f"{SUMMED}: if at t, then at t+1",
        hypotheses={**STEP, **SCALE, "at t": SUM <= 2 / eta * (F0 - F), "one step": F_next <= F - eta / 2 * step},
        conclusion=after <= 2 / eta * (F0 - F_next),
        mutants={
            "bias not counted": conclude(after + 2 * rest * beta * slope <= 2 / eta * (F0 - F_next)),
            "F(w_t) for F(w_(t+1))": conclude(after <= 2 / eta * (F0 - F)),
            "no step": drop("one step"),
        },
        axiom=axioms.TELESCOPING,
    )


def _concave() -> Obligation:
    """The split may differ from step to step and from history to history: the mean of what it costs is at most the cost of its mean."""
    p, mean_p, at_mean = z3.Reals("p mean_p at_mean")
    return Obligation(
        claim="C18",
        name="exact, concave in the split",
        statement="(a + √(q²-p))² is concave in p = ‖θb‖²: below its tangent at p̄",
        hypotheses={
            **SHARES,
            "m² = q² - p": z3.And(m >= 0, m * m == q * q - p),
            "at the mean": z3.And(at_mean > 0, at_mean * at_mean == q * q - mean_p),
        },
        conclusion=(a + m) * (a + m) <= (a + at_mean) * (a + at_mean) - (p - mean_p) * (a + at_mean) / at_mean,
        mutants={
            "above it": conclude((a + m) * (a + m) >= (a + at_mean) * (a + at_mean) - (p - mean_p) * (a + at_mean) / at_mean),
            "without the tangent": conclude((a + m) * (a + m) <= (a + at_mean) * (a + at_mean)),
            "a < 0": drop("shares"),
        },
        axiom=f"Jensen's inequality, which is this tangent and {axioms.EXPECTATION}",
    )


def _mean() -> Obligation:
    """``z²`` is the mean of E‖∇F(w_t)‖², β² that of ‖θb‖², and E⟨.,.⟩ over steps and histories is an inner product."""
    along, errors = z3.Reals("along errors")
    return Obligation(
        claim="C18",
        name="exact, mean",
        statement="(2-x)z² ≤ D + 2(1-x)βz + x(β² + (a + m)²), z² the mean of E‖∇F(w_t)‖², for some β² + m² ≤ q²",
        hypotheses={
            **SCALE,
            "sum": keep * z * z - 2 * rest * along - x * errors <= D,
            "Cauchy-Schwarz": along <= beta * z,
            "concave": errors <= beta * beta + (a + m) * (a + m),
        },
        conclusion=keep * z * z <= D + 2 * rest * beta * z + x * (beta * beta + (a + m) * (a + m)),
        mutants={
            "half the noise": conclude(keep * z * z <= D + 2 * rest * beta * z + x * (beta * beta + (a + m) * (a + m)) / 2),
            "once along": conclude(keep * z * z <= D + rest * beta * z + x * (beta * beta + (a + m) * (a + m))),
            "any angle": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _worst_angle() -> Obligation:
    """The two costs of a split are an inner product of ``(β, m)`` and ``((1-x)z, xa)``."""
    largest = z3.Real("largest")
    return Obligation(
        claim="C18",
        name="exact, worst split",
        statement="2(1-x)βz + x(β² + (a + m)²) ≤ x(a² + q²) + 2q√((1-x)²z² + x²a²) for β² + m² ≤ q²",
        hypotheses={
            **SCALE,
            **SHARES,
            **SPLIT,
            "largest": z3.And(largest >= 0, largest * largest == rest * rest * z * z + x * x * a * a),
        },
        conclusion=2 * rest * beta * z + x * (beta * beta + (a + m) * (a + m)) <= x * (a * a + q * q) + 2 * q * largest,
        mutants={
            "once the root": conclude(2 * rest * beta * z + x * (beta * beta + (a + m) * (a + m)) <= x * (a * a + q * q) + q * largest),
            "any split": drop("A3"),
        },
    )


def _squares() -> Obligation:
    """Squared, ``(2-x)A - C <= 2q√((1-x)²A + x²a²)`` is a quadratic inequality in A."""
    away = keep * keep * A - keep * C - 2 * q * q * rest * rest
    left = (keep * A - C) * (keep * A - C) - 4 * q * q * (rest * rest * A + x * x * a * a)
    return Obligation(
        claim="C18",
        name="exact, completed square",
        statement="(2-x)²[((2-x)A - C)² - 4q²((1-x)²A + x²a²)] = ((2-x)²A - (2-x)C - 2q²(1-x)²)² - (2qR)²",
        hypotheses=ROOT,
        conclusion=keep * keep * left == away * away - 4 * q * q * R * R,
        mutants={
            "half of R": conclude(keep * keep * left == away * away - q * q * R * R),
            "any R": drop("R"),
        },
        guarantee="identity",
    )


def _root() -> Obligation:
    away = keep * keep * A - keep * C - 2 * q * q * rest * rest
    return Obligation(
        claim="C18",
        name="exact, bound",
        statement="E‖∇F(w_R)‖² = A ≤ [(2-x)C + 2q²(1-x)² + 2qR]/(2-x)², C = 2F0/(ηT) + x(a² + q²)",
        hypotheses={**SCALE, **SHARES, "R ≥ 0": R >= 0, "completed square": away * away <= 4 * q * q * R * R},
        conclusion=A <= VALUE,
        mutants={
            "without the root": conclude(A <= (keep * C + 2 * q * q * rest * rest) / (keep * keep)),
            "half the root": conclude(A <= VALUE - q * R / (keep * keep)),
            "no mean": drop("completed square"),
        },
    )


def _root_attained() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, root",
        statement="at that value the inequality is an equality, and (2-x)A ≥ C",
        hypotheses={**SCALE, **SHARES, "D ≥ 0": D >= 0, **ROOT, "A": A == VALUE},
        conclusion=z3.And((keep * A - C) * (keep * A - C) == 4 * q * q * (rest * rest * A + x * x * a * a), keep * A >= C),
        mutants={
            "the smaller root": suppose("A", A == (keep * C + 2 * q * q * rest * rest - 2 * q * R) / (keep * keep)),
            "C4's factor": suppose("A", A == VALUE * keep),
            "any root": drop("R"),
        },
        guarantee="tight",
    )


def _beside_sgd() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, without smoothing",
        statement="at θ = 0 it is C16",
        hypotheses={
            **STEP,
            **ROOT,
            **START,
            **NOISE,
            "T > 0": T > 0,
            "x = ηL": x == eta * L,
            "D": D == 2 * F0 / (eta * T),
            "θ = 0": z3.And(q == 0, a * a == sigma2),
        },
        conclusion=VALUE == formulas.worst_case_bound(F0, eta, T, L, sigma2),
        mutants={
            "C4": conclude(VALUE == formulas.sgd_bound(F0, eta, T, L, sigma2)),
            "any θ": suppose("θ = 0", z3.And(q >= 0, a * a == sigma2)),
        },
        guarantee="identity",
    )


def _at_largest_step() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, at 1/L",
        statement="at η = 1/L it is C5 with U for V",
        hypotheses={**SHARES, **ROOT, "x = 1": x == 1},
        conclusion=VALUE == D + (a + q) * (a + q),
        mutants={
            "without the covariance": conclude(VALUE == D + a * a + q * q),
            "any η": suppose("x = 1", z3.And(x > 0, x <= 1)),
        },
        guarantee="identity",
    )


def _attained() -> Obligation:
    """F = (L/2)w² at slope z = Lw, d = z - β ± (a + m) with equal probabilities: of g and ĝ whose deviations have the same sign."""
    w = z3.Real("w")
    ends = [w - eta * (L * w - beta + sign * (a + m)) for sign in (1, -1)]
    fall = L / 2 * w * w - z3.Sum([L / 2 * end * end for end in ends]) / 2
    mean = D + 2 * rest * beta * z + x * (beta * beta + (a + m) * (a + m))
    return Obligation(
        claim="C18",
        name="exact, attained",
        statement="an equality in one step on F = (L/2)w² for every split, also the worst: g = Lw ± σ, ĝ = Lw - b ± n",
        hypotheses={"x = ηL": x == eta * L, "eta > 0": eta > 0, "z = Lw": z == L * w, "D": D == 2 * fall / eta},
        conclusion=keep * z * z == mean,
        mutants={
            "b away from 0": conclude(keep * z * z == mean - 4 * rest * beta * z),
            "half the fall": suppose("D", D == fall / eta),
            "C12": conclude(z * z == D + beta * beta + x * (a + m) * (a + m)),
        },
        guarantee="tight",
    )
