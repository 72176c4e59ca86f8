"""C20, noise that grows: one step of SGD and of label smoothing under A2′, and the weights with which their sum telescopes."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    ORACLE,
    SMOOTH,
    START,
    STEP,
    STRENGTH,
    F,
    F_next,
    L,
    Premises,
    T,
    delta,
    eta,
    gap,
    gap_next,
    grad2,
    s2,
    shat2,
    theta,
)

A, B, C, rho = z3.Reals("A B C rho")
a, gain, lift = z3.Reals("a gain lift")
"""Of one step: ``gap⁺ <= (1+a) gap - gain ‖∇F‖² + lift``."""
S, weight, power, start, least = z3.Reals("S weight power start least")
"""Σ(1+a)^-(i+1)‖∇F(w_i)‖² and Σ(1+a)^-(i+1) over the steps so far, (1+a)^-t, F(w_0) - F*, and F*."""

GROWTH: Premises = {"A >= 0": A >= 0, "B >= 0": B >= 0, "C >= 0": C >= 0}
NOISE = 2 * A * gap + B * grad2 + C
"""The right-hand side of A2′."""
SGD_LEFT, LSR_LEFT = 2 - eta * L * (1 + B), 1 - rho * B
STEP_OF: Premises = {"a >= 0": a >= 0, "gain > 0": gain > 0, "lift >= 0": lift >= 0}


def certificates() -> Iterable[Certificate]:
    """Prove C20."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C20: of one step, of the weights, and of both together."""
    long_step: Premises = {**SMOOTH, "eta > 0": eta > 0, "eta < 2/(L(1+B))": SGD_LEFT > 0}
    smoothed: Premises = {**STEP, "rho >= 0": rho >= 0, "rho B < 1": LSR_LEFT > 0}
    of_sgd = "E‖∇F(w_R)‖² ≤ (2F0/(ηW) + ηLC)/(2-ηL(1+B)), W = Σ(1+LAη²)^-(t+1)"
    of_lsr = "E‖∇F(w_R)‖² ≤ (2F0/(ηW) + ρC)/(1-ρB), W = Σ(1+ηρA)^-(t+1)"
    return (
        _one_step(),
        _lemma(),
        _one_step_smoothed(),
        _sum_start(),
        _sum_next(),
        _weights_start(),
        _weights_next(),
        _weights(),
        _bound("bound", of_sgd, long_step, eta * SGD_LEFT / 2, eta * eta * L * C / 2, eta * L, SGD_LEFT),
        _bound("bound, label smoothing", of_lsr, smoothed, eta * LSR_LEFT / 2, eta * rho * C / 2, rho, LSR_LEFT),
        _constant_noise(),
        _attained(),
    )


def _one_step() -> Obligation:
    Gg, gg = z3.Reals("Gg gg")
    step = (1 + L * eta * eta * A) * gap - eta * SGD_LEFT / 2 * grad2
    half = L * eta * eta * C / 2
    return Obligation(
        claim="C20",
        name="one step",
        statement="E[F(w⁺)-F*] ≤ (1+LAη²)(F(w)-F*) - (η/2)(2-ηL(1+B))‖∇F‖² + Lη²C/2, for any η > 0",
        hypotheses={
            **SMOOTH,
            "eta > 0": eta > 0,
            "gaps": z3.And(F == gap + least, F_next == gap_next + least),
            "A1'": quadratic_upper_bound(Gg, gg),
            "E g = ∇F": Gg == grad2,
            "second moment": gg == grad2 + s2,
            "A2′": s2 <= NOISE,
        },
        conclusion=gap_next <= step + half,
        mutants={
            "half of C": conclude(gap_next <= step + half / 2),
            "half of A": conclude(gap_next <= step + half - L * eta * eta * A / 2 * gap),
            "without B": conclude(gap_next <= step + half - eta * eta * L * B / 2 * grad2),
            "g is biased": drop("E g = ∇F"),
            "no A2′": drop("A2′"),
        },
        axiom=axioms.EXPECTATION,
    )


def _lemma() -> Obligation:
    """C2 holds at each w with what A2′ and A3′ say there."""
    error2 = z3.Real("error2")
    return Obligation(
        claim="C20",
        name="lemma",
        statement="E‖g_LS-∇F‖² ≤ ρ(2A(F-F*) + B‖∇F‖² + C), ρ = 1-θ+θδ",
        hypotheses={
            **STRENGTH,
            **ORACLE,
            "C2": error2 <= (1 - theta) * s2 + theta * shat2,
            "A2′": s2 <= NOISE,
            "A3′": shat2 <= delta * NOISE,
        },
        conclusion=error2 <= formulas.lemma(z3.RealVal(1), delta, theta) * NOISE,
        mutants={
            "δ for ρ": conclude(error2 <= delta * NOISE),
            "half of it": conclude(error2 <= formulas.lemma(z3.RealVal(1), delta, theta) * NOISE / 2),
            "no A3′": drop("A3′"),
            "theta > 1": drop("theta <= 1"),
        },
    )


def _one_step_smoothed() -> Obligation:
    """For whatever cost ``(η/2)ρ`` times A2′'s right-hand side."""
    error2 = z3.Real("error2")
    step = (1 + eta * rho * A) * gap - eta * LSR_LEFT / 2 * grad2
    return Obligation(
        claim="C20",
        name="one step, label smoothing",
        statement="E[F(w⁺)-F*] ≤ (1+ηρA)(F(w)-F*) - (η/2)(1-ρB)‖∇F‖² + ηρC/2 where E‖d-∇F‖² ≤ ρ(2A(F-F*) + B‖∇F‖² + C)",
        hypotheses={
            "eta > 0": eta > 0,
            "C3": gap_next <= gap - eta / 2 * grad2 + eta / 2 * error2,
            "error": error2 <= rho * NOISE,
        },
        conclusion=gap_next <= step + eta * rho * C / 2,
        mutants={
            "half of C": conclude(gap_next <= step + eta * rho * C / 4),
            "half of A": conclude(gap_next <= step + eta * rho * C / 2 - eta * rho * A / 2 * gap),
            "without B": conclude(gap_next <= step + eta * rho * C / 2 - eta / 2 * rho * B * grad2),
            "any error": drop("error"),
        },
        axiom=axioms.EXPECTATION,
    )


SUM = "gain Σ(1+a)^-(i+1) E‖∇F(w_i)‖² ≤ F(w_0)-F* - (1+a)^-t E[F(w_t)-F*] + lift Σ(1+a)^-(i+1)"


def _sum_start() -> Obligation:
    return Obligation(
        claim="C20",
        name="weighted sum, start",
        statement=f"{SUM} at t = 0",
        hypotheses={"no steps": z3.And(S == 0, weight == 0, power == 1), "F(w_0)": gap == start},
        conclusion=gain * S <= start - power * gap + lift * weight,
        mutants={
            "a step counted": conclude(gain * S <= start - power * gap + lift * (weight - 1)),
            "not from F(w_0)": drop("F(w_0)"),
        },
    )


def _sum_next() -> Obligation:
    following = power / (1 + a)
    total = start - following * gap_next + lift * (weight + following)
    return Obligation(
        claim="C20",
        name="weighted sum, next step",
        statement=f"{SUM}: if at t, then at t+1",
        hypotheses={
            **STEP_OF,
            "(1+a)^-t > 0": power > 0,
            "at t": gain * S <= start - power * gap + lift * weight,
            "one step": gap_next <= (1 + a) * gap - gain * grad2 + lift,
        },
        conclusion=gain * (S + following * grad2) <= total,
        mutants={
            "lift not counted": conclude(gain * (S + following * grad2) <= total - lift * following),
            "weights that don't fall": conclude(gain * (S + power * grad2) <= start - power * gap_next + lift * (weight + power)),
            "twice the gain": conclude(2 * gain * (S + following * grad2) <= total),
            "no step": drop("one step"),
        },
        axiom=axioms.TELESCOPING,
    )


def _weights_start() -> Obligation:
    return Obligation(
        claim="C20",
        name="weights, start",
        statement="a Σ(1+a)^-(i+1) = 1 - (1+a)^-t and Σ(1+a)^-(i+1) ≥ t(1+a)^-t at t = 0",
        hypotheses={"no steps": z3.And(weight == 0, power == 1, T == 0)},
        conclusion=z3.And(a * weight == 1 - power, weight >= T * power),
        mutants={
            "1 + for 1 -": conclude(a * weight == 1 + power),
            "a step counted": suppose("no steps", z3.And(weight == 0, power == 1, T == 1)),
        },
    )


def _weights_next() -> Obligation:
    following = power / (1 + a)
    return Obligation(
        claim="C20",
        name="weights, next step",
        statement="a Σ(1+a)^-(i+1) = 1 - (1+a)^-t and Σ(1+a)^-(i+1) ≥ t(1+a)^-t: if at t, then at t+1",
        hypotheses={
            "a >= 0": a >= 0,
            "(1+a)^-t > 0": power > 0,
            "t >= 0": T >= 0,
            "at t": z3.And(a * weight == 1 - power, weight >= T * power),
        },
        conclusion=z3.And(a * (weight + following) == 1 - following, weight + following >= (T + 1) * following),
        mutants={
            "(1+a)^-t": conclude(a * (weight + power) == 1 - power),
            "t+2 for t+1": conclude(weight + following >= (T + 2) * following),
            "a < 0": suppose("a >= 0", z3.And(a > -1, a < 0)),
        },
        axiom=axioms.INDUCTION,
    )


def _weights() -> Obligation:
    """Where ``2F0(1+a)^T/(ηT)`` stands in Khaled and Richtárik's theorem 2."""
    return Obligation(
        claim="C20",
        name="beside Khaled and Richtárik",
        statement="1/W = a/(1-(1+a)^-T) ≤ (1+a)^T/T for a > 0, and W = T for a = 0",
        hypotheses={
            "a >= 0": a >= 0,
            "T >= 1": T >= 1,
            "(1+a)^-T > 0": power > 0,
            "T steps": z3.And(a * weight == 1 - power, weight >= T * power, z3.Implies(a == 0, weight == T)),
        },
        conclusion=z3.And(z3.Implies(a > 0, 1 / weight == a / (1 - power)), 1 / weight <= 1 / (T * power)),
        mutants={
            "half of it": conclude(1 / weight <= 1 / (2 * T * power)),
            "as without growth": conclude(1 / weight <= 1 / T),
        },
        axiom=axioms.INDUCTION,
    )


def _bound(name: str, statement: str, premises: Premises, descent: Formula, cost: Formula, rho_: Formula, left: Formula) -> Obligation:
    bound = formulas.weighted_bound(F0, eta, weight, rho_, C, left)
    return Obligation(
        claim="C20",
        name=name,
        statement=statement,
        hypotheses={
            **premises,
            **GROWTH,
            **START,
            "W > 0": weight > 0,
            "(1+a)^-T >= 0": power >= 0,
            "sum": descent * S <= start - power * gap + cost * weight,
            "F >= F*": gap >= 0,
            "F(w_0) - F* <= F0": start <= F0,
        },
        conclusion=S / weight <= bound,
        mutants={
            "half of it": conclude(S / weight <= bound / 2),
            "half of C": conclude(S / weight <= formulas.weighted_bound(F0, eta, weight, rho_, C / 2, left)),
            "twice the weights": conclude(S / weight <= formulas.weighted_bound(F0, eta, 2 * weight, rho_, C, left)),
            "F not bounded below": drop("F >= F*"),
            "F0 too small": drop("F(w_0) - F* <= F0"),
        },
        axiom=axioms.INFIMUM,
    )


def _constant_noise() -> Obligation:
    sgd, lsr = (formulas.weighted_bound(F0, eta, T, of, C, left) for of, left in ((eta * L, SGD_LEFT), (rho, LSR_LEFT)))
    c16, c5 = formulas.worst_case_bound(F0, eta, T, L, C), formulas.lsr_bound(F0, eta, T, rho * C)
    return Obligation(
        claim="C20",
        name="constant noise",
        statement="at A = B = 0, where W = T and C = σ², it is C16, and for label smoothing C5 with V = ρσ²",
        hypotheses={**STEP, "T > 0": T > 0, "B = 0": B == 0},
        conclusion=z3.And(sgd == c16, lsr == c5),
        mutants={
            "C4": conclude(sgd == formulas.sgd_bound(F0, eta, T, L, C)),
            "any B": drop("B = 0"),
        },
        guarantee="identity",
    )


def _attained() -> Obligation:
    """F = (L/2)w², g = Lw ± s with equal probabilities, s² as large as A2′ allows at w."""
    w, s = z3.Reals("w s")
    value, slope2 = L / 2 * w * w, L * w * L * w
    ends = [w - eta * (L * w + sign * s) for sign in (1, -1)]
    expected = z3.Sum([L / 2 * end * end for end in ends]) / 2
    noise = 2 * A * value + B * slope2 + C
    step = (1 + L * eta * eta * A) * value - eta * SGD_LEFT / 2 * slope2
    return Obligation(
        claim="C20",
        name="attained",
        statement="an equality in every step for F = (L/2)w², g = Lw ± s(w), s(w)² = 2A(F-F*) + B‖∇F‖² + C",
        hypotheses={"noise": s * s == noise},
        conclusion=expected == step + L * eta * eta * C / 2,
        mutants={
            "half of C": conclude(expected == step + L * eta * eta * C / 4),
            "without B": conclude(expected == step - eta * eta * L * B / 2 * slope2 + L * eta * eta * C / 2),
            "other noise": drop("noise"),
        },
        guarantee="tight",
        axiom=axioms.TELESCOPING,
    )
