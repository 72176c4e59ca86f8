"""C20, noise that grows: one step of SGD and of label smoothing under A2′, and the weights with which their sum telescopes."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import growing_noise as theory
from tsla.theory.certificates.algebra import descent as one_direction
from tsla.theory.certificates.algebra import sgd, variance_lemma
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, weights
from tsla.theory.certificates.algebra.engine.functions import of_growth
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.recursions import LESS_F_STAR
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    ORACLE,
    SMOOTH,
    STEP,
    STRENGTH,
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
from tsla.theory.certificates.algebra.engine.table import A, B, C, error2, kept_at_end, length2, slope
from tsla.theory.certificates.algebra.engine.table import growth as a
from tsla.theory.certificates.algebra.engine.weights import C20, ONE_STEP, gain, lift, weight
from tsla.theory.certificates.algebra.sgd import Gg, gg

rho = z3.Real("rho")
"""1-θ+θδ."""
GROWTH: Premises = {"A >= 0": A >= 0, "B >= 0": B >= 0, "C >= 0": C >= 0}
NOISE = formulas.growing_noise(A, B, C, gap, grad2)
"""The right-hand side of A2′."""
SGD_LEFT, LSR_LEFT = 2 - eta * L * (1 + B), 1 - rho * B
RHO: Premises = {"ρ": rho == formulas.lemma(z3.RealVal(1), delta, theta)}
OF_SGD: Premises = {"a": a == L * eta * eta * A, "gain": gain == eta * SGD_LEFT / 2, "lift": lift == eta * eta * L * C / 2}
OF_LSR: Premises = {"a": a == eta * rho * A, "gain": gain == eta * LSR_LEFT / 2, "lift": lift == eta * rho * C / 2}


def obligations() -> tuple[Obligation, ...]:
    """The steps of C20: of one step, of the weights, and of both together."""
    return (
        _one_step(),
        _lemma(),
        _one_step_smoothed(),
        *weights.summing(),
        *weights.weighing(),
        weights.positive(),
        _weights(),
        _bound_of_sgd(),
        _bound_of_lsr(),
        _constant_noise(),
        _attained(),
    )


def manifests() -> tuple[Manifest, ...]:
    """One step and the bound, of SGD and of label smoothing; what the weights are beside others, and what constant noise makes of both."""
    return (
        step(),
        bound(),
        smoothed_step(),
        smoothed_bound(),
        _beside_others(),
        alone(_constant_noise(), "L > 0", "eta > 0", "eta <= 1/L", "T > 0", "B = 0"),
    )


@cache
def step() -> Manifest:
    """One step of SGD under A2′."""
    return Manifest(
        claim="C20",
        name="one step",
        premises=(
            *premises("L > 0", "eta > 0", "A2′: variance"),
            Premise("A1: quadratic bound", {**LESS_F_STAR, slope: Gg, length2: gg}),
            Premise("A2′: E g = ∇F", {slope: Gg}),
            Premise("square of a difference", {slope: Gg, length2: gg, error2: s2}),
        ),
        definitions=OF_SGD,
        steps=(*sgd.second_moment().steps, _one_step()),
    )


@cache
def smoothed_step() -> Manifest:
    """One step of label smoothing under A2′ and A3′: C2 at each w, and C3."""
    along = one_direction.one_step()
    convexity, _ = variance_lemma.lemma().steps
    return Manifest(
        claim="C20-lsr",
        name="one step",
        premises=(
            *(premise.moved(LESS_F_STAR) for premise in along.premises),
            *premises("theta >= 0", "theta <= 1", "delta >= 0", "A2′: variance", "A3′", "second moment of g_LS"),
            *variance_lemma.SQUARES,
        ),
        definitions={**RHO, **OF_LSR},
        steps=(Cited(along, LESS_F_STAR), convexity, _lemma(), _one_step_smoothed()),
    )


def bound() -> Manifest:
    """C20 for SGD."""
    function = of_growth("", theory.sgd_bound, eta="eta", T="T")
    return weights.over(step(), _bound_of_sgd(), function, *GROWTH, "eta < 2/L", "eta < 2/(L(1+B))")


def smoothed_bound() -> Manifest:
    """C20 for label smoothing."""
    function = of_growth("delta", theory.lsr_bound, eta="eta", T="T", theta="theta")
    return weights.over(smoothed_step(), _bound_of_lsr(), function, *GROWTH, "rho B < 1")


def _beside_others() -> Manifest:
    return Manifest(
        claim="C20",
        name="weights",
        premises=premises("L > 0", "eta > 0", "A >= 0", "T >= 1", "(1+a)^-t > 0", "(1+a)^-T > 0"),
        definitions={"a": OF_SGD["a"]},
        steps=(weights.run(), _weights()),
    )


def _bound_of_sgd() -> Obligation:
    premises: Premises = {**SMOOTH, "eta > 0": eta > 0, "eta < 2/(L(1+B))": SGD_LEFT > 0, **OF_SGD}
    shown = "E‖∇F(w_R)‖² ≤ (2F0/(ηW) + ηLC)/(2-ηL(1+B)), W = Σ(1+LAη²)^-(t+1)"
    bound = partial(formulas.weighted_bound, F0, eta, rho=eta * L, left=SGD_LEFT)
    return weights.mean("bound", shown, {**premises, **GROWTH}, bound)


def _bound_of_lsr() -> Obligation:
    premises: Premises = {**STEP, "rho >= 0": rho >= 0, "rho B < 1": LSR_LEFT > 0, **OF_LSR}
    shown = "E‖∇F(w_R)‖² ≤ (2F0/(ηW) + ρC)/(1-ρB), W = Σ(1+ηρA)^-(t+1)"
    bound = partial(formulas.weighted_bound, F0, eta, rho=rho, left=LSR_LEFT)
    return weights.mean("bound, label smoothing", shown, {**premises, **GROWTH}, bound)


def _one_step() -> Obligation:
    return C20(
        name="one step",
        statement="E[F(w⁺)-F*] ≤ (1+LAη²)(F(w)-F*) - (η/2)(2-ηL(1+B))‖∇F‖² + Lη²C/2, for any η > 0",
        hypotheses={
            **SMOOTH,
            "eta > 0": eta > 0,
            **OF_SGD,
            "A1'": z3.substitute(quadratic_upper_bound(Gg, gg), *LESS_F_STAR.items()),
            "E g = ∇F": Gg == grad2,
            "second moment": gg == grad2 + s2,
            "A2′": s2 <= NOISE,
        },
        conclusion=ONE_STEP,
        mutants={
            "half of C": suppose("lift", lift == eta * eta * L * C / 4),
            "half of A": suppose("a", a == L * eta * eta * A / 2),
            "without B": suppose("gain", gain == eta * (2 - eta * L) / 2),
            "g is biased": drop("E g = ∇F"),
            "no A2′": drop("A2′"),
        },
        axiom=axioms.EXPECTATION,
    )


def _lemma() -> Obligation:
    """C2 holds at each w with what A2′ and A3′ say there."""
    return C20(
        name="lemma",
        statement="E‖g_LS-∇F‖² ≤ ρ(2A(F-F*) + B‖∇F‖² + C), ρ = 1-θ+θδ",
        hypotheses={
            **STRENGTH,
            **ORACLE,
            "C2": error2 <= (1 - theta) * s2 + theta * shat2,
            "A2′": s2 <= NOISE,
            "A3′": shat2 <= delta * NOISE,
            **RHO,
        },
        conclusion=error2 <= rho * NOISE,
        mutants={
            "δ for ρ": conclude(error2 <= delta * NOISE),
            "half of it": conclude(error2 <= rho * NOISE / 2),
            "no A3′": drop("A3′"),
            "theta > 1": drop("theta <= 1"),
        },
    )


def _one_step_smoothed() -> Obligation:
    """For whatever cost ``(η/2)ρ`` times A2′'s right-hand side."""
    return C20(
        name="one step, label smoothing",
        statement="E[F(w⁺)-F*] ≤ (1+ηρA)(F(w)-F*) - (η/2)(1-ρB)‖∇F‖² + ηρC/2 where E‖d-∇F‖² ≤ ρ(2A(F-F*) + B‖∇F‖² + C)",
        hypotheses={
            "eta > 0": eta > 0,
            **OF_LSR,
            "C3": gap_next <= formulas.descent(gap, grad2, error2, eta),
            "error": error2 <= rho * NOISE,
        },
        conclusion=ONE_STEP,
        mutants={
            "half of C": suppose("lift", lift == eta * rho * C / 4),
            "half of A": suppose("a", a == eta * rho * A / 2),
            "without B": suppose("gain", gain == eta / 2),
            "any error": drop("error"),
        },
        axiom=axioms.EXPECTATION,
    )


def _weights() -> Obligation:
    """Where ``2F0(1+a)^T/(ηT)`` stands in Khaled and Richtárik's theorem 2."""
    return C20(
        name="beside Khaled and Richtárik",
        statement="1/W = a/(1-(1+a)^-T) ≤ (1+a)^T/T for a > 0, and W = T for a = 0",
        hypotheses={
            "a >= 0": a >= 0,
            "T >= 1": T >= 1,
            "(1+a)^-T > 0": kept_at_end > 0,
            "T steps": z3.And(a * weight == 1 - kept_at_end, weight >= T * kept_at_end, z3.Implies(a == 0, weight == T)),
        },
        conclusion=z3.And(z3.Implies(a > 0, 1 / weight == a / (1 - kept_at_end)), 1 / weight <= 1 / (T * kept_at_end)),
        mutants={
            "half of it": conclude(1 / weight <= 1 / (2 * T * kept_at_end)),
            "as without growth": conclude(1 / weight <= 1 / T),
        },
        axiom=axioms.INDUCTION,
    )


def _constant_noise() -> Obligation:
    sgd, lsr = (formulas.weighted_bound(F0, eta, T, of, C, left) for of, left in ((eta * L, SGD_LEFT), (rho, LSR_LEFT)))
    c16, c5 = formulas.worst_case_bound(F0, eta, T, L, C), formulas.lsr_bound(F0, eta, T, rho * C)
    return C20(
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
    return C20(
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
