"""C15, the verdict: plain SGD with A4, or smoothing alone, never needs more samples than TSLA's bound asks for.

In units of ε² and κ: ``r = σ²/ε²``; ``v = V/ε² = 2δr/(1+δ)``. Second stages: 8κr for the phases 2 and 3 of C15b; for C8 16κδr² where
``r >= 1/2``, else 8κδr, as its step size is ``min(1/L, ε²/(2Lσ²))``, and 1/(1+δ) of that suffices; 2κv/(1-v) for LSR alone. All lengths
are those before rounding up.
"""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import L, Premises, delta, eps2, mu, sigma2
from tsla.theory.certificates.algebra.engine.table import log_2, log_delta

C15 = partial(Obligation, claim="C15")
kappa, r, v = z3.Reals("kappa r v")
log_start = z3.Real("log_start")
"""log(μF0/σ²)."""

PLAIN = 8 * kappa * r
UNCAPPED = 16 * kappa * delta * r * r
TSLA = z3.If(2 * r >= 1, UNCAPPED, 8 * kappa * delta * r)
SHARPENED = UNCAPPED / (1 + delta)
SMOOTHED = 2 * kappa * v / (1 - v)
PLAIN_BURN_IN = kappa * z3.If(log_start + log_2 >= 0, log_start + log_2, z3.RealVal(0))
BURN_IN = kappa * z3.If(log_start + log_delta >= 0, log_start + log_delta, z3.RealVal(0))
"""Of TSLA, and of LSR alone."""
PLAIN_TOTAL, SMOOTHED_TOTAL = PLAIN_BURN_IN + PLAIN, BURN_IN + SMOOTHED

ANY: Premises = {"κ > 0": kappa > 0, "δ > 0": delta > 0, "r > 0": r > 0}
KNOWN: Premises = {**ANY, "r >= 1/2": 2 * r >= 1}
FLOOR: Premises = {"v": v * (1 + delta) == 2 * delta * r}
LARGE: Premises = {"δ >= 1/(2r)": 2 * delta * r >= 1}
SMALL: Premises = {"δ < 1/(2r) or r <= 1/2": z3.Or(2 * delta * r < 1, 2 * r <= 1)}
LOGS: Premises = {"log x <= x-1": log_2 - log_delta <= (delta - 1) / (1 + delta)}
"""At x = 2δ/(1+δ), whose logarithm is log 2 - log(1+1/δ)."""
UNITS: Premises = {
    "kappa": kappa == L / mu,
    "r": r == sigma2 / eps2,
    "v": v == formulas.paper_floor(sigma2, delta) / eps2,
}


def manifests() -> tuple[Manifest, ...]:
    """What is said of the lengths, each in the units of this module."""
    ahead = ("V < eps2", "V > eps2 - eps2²/(4 sigma2)")
    return (
        _in_units(_units(), "V != eps2"),
        _in_units(_plain()),
        _in_units(_burn_ins(), "log x <= x-1"),
        _in_units(_excess(), "log x <= x-1", "delta > 1"),
        _in_units(_smoothed(), "2 delta sigma2 < eps2"),
        _in_units(_verdict(), "log x <= x-1"),
        _in_units(_sharpened_plain()),
        _in_units(_sharpened_smoothed(), "V < eps2"),
        _in_units(_region(), *ahead),
        _in_units(_at_most_twice(), *ahead),
        _in_units(_sharpened_verdict(), "log x <= x-1"),
    )


def _in_units(obligation: Obligation, *names: str) -> Manifest:
    known = ("L > 0", "mu > 0", "sigma2 > 0", "delta > 0", "eps > 0", "eps2 <= 2 sigma2")
    return alone(obligation, *known, *names, definitions=UNITS)


def _units() -> Obligation:
    """The lengths of C15b, C8 and LSR alone as they stand in their plans."""
    step = formulas.noise_step_size(L, sigma2, eps2)
    V = formulas.paper_floor(sigma2, delta)
    lengths = (
        2 * (4 * L / mu * sigma2 / eps2) == PLAIN,
        8 * delta * sigma2 / (mu * step * eps2) == TSLA,
        2 * L / mu * V / (eps2 - V) == SMOOTHED,
    )
    return C15(
        name="verdict, units",
        statement="8κσ²/ε² = 8κr, 8δσ²/(μη2ε²) = 16κδr² or 8κδr, 2κV/(ε²-V) = 2κv/(1-v)",
        hypotheses={
            "positive": z3.And(L > 0, mu > 0, sigma2 > 0, delta > 0, eps2 > 0),
            "units": z3.And(kappa == L / mu, r == sigma2 / eps2, v == V / eps2),
            "V ≠ ε²": V != eps2,
        },
        conclusion=z3.And(*lengths),
        mutants={
            "8κδr²": conclude(8 * delta * sigma2 / (mu * step * eps2) == TSLA / 2),
            "κv/(1-v)": conclude(2 * L / mu * V / (eps2 - V) == SMOOTHED / 2),
            "4κr": conclude(2 * (4 * L / mu * sigma2 / eps2) == PLAIN / 2),
            "a step beyond 1/L": conclude(8 * delta * sigma2 / (mu * step * eps2) == UNCAPPED),
        },
        guarantee="identity",
    )


def _plain() -> Obligation:
    return C15(
        name="verdict, large δ",
        statement="8κr ≤ 16κδr² iff δ ≥ 1/(2r): three-phase SGD is no worse than C8's second stage from δ = ε²/(2σ²) on",
        hypotheses=KNOWN,
        conclusion=(PLAIN <= TSLA) == (2 * delta * r >= 1),
        mutants={
            "1/r": conclude((PLAIN <= TSLA) == (delta * r >= 1)),
            "1/(4r)": conclude((PLAIN <= TSLA) == (4 * delta * r >= 1)),
            "strict": conclude((PLAIN <= TSLA) == (2 * delta * r > 1)),
        },
    )


def _burn_ins() -> Obligation:
    return C15(
        name="verdict, burn-ins",
        statement="the burn-in κ log⁺(2μF0/σ²) of C15b is at most T1 for δ ≤ 1, and else at most κ(δ-1)/(1+δ) longer",
        hypotheses={**KNOWN, **LOGS},
        conclusion=z3.If(delta <= 1, PLAIN_BURN_IN <= BURN_IN, PLAIN_BURN_IN <= BURN_IN + kappa * (delta - 1) / (1 + delta)),
        mutants={
            "never longer": conclude(PLAIN_BURN_IN <= BURN_IN),
            "half as much longer": conclude(PLAIN_BURN_IN <= BURN_IN + kappa * (delta - 1) / (2 * (1 + delta))),
            "no bound on the logarithm": drop("log x <= x-1"),
        },
        axiom=axioms.LOGARITHM,
    )


def _excess() -> Obligation:
    return C15(
        name="verdict, longer burn-in",
        statement="κ log 2 - κ log(1+1/δ) is at most what C8's second stage takes beyond 8κr, for δ ≥ 1/(2r)",
        hypotheses={**ANY, **LARGE, **LOGS},
        conclusion=kappa * (log_2 - log_delta) <= TSLA - PLAIN,
        mutants={
            "1/16 of it": conclude(16 * kappa * (log_2 - log_delta) <= TSLA - PLAIN),
            "no bound on the logarithm": drop("log x <= x-1"),
            "any r": drop("δ >= 1/(2r)"),
        },
        axiom=axioms.LOGARITHM,
    )


def _smoothed() -> Obligation:
    return C15(
        name="verdict, small δ",
        statement="for δ < 1/(2r), and for r ≤ 1/2: V < ε², and LSR alone takes at most half of C8's second stage",
        hypotheses={**ANY, **FLOOR, **SMALL},
        conclusion=z3.And(v < 1, SMOOTHED <= TSLA / 2),
        mutants={
            "a quarter": conclude(SMOOTHED <= TSLA / 4),
            "δ < 1/r": suppose("δ < 1/(2r) or r <= 1/2", delta * r < 1),
            "r ≤ 1": suppose("δ < 1/(2r) or r <= 1/2", r <= 1),
            "a step beyond 1/L": conclude(z3.And(v < 1, SMOOTHED <= UNCAPPED / 2)),
            "V < ε²/2": conclude(2 * v < 1),
        },
    )


def _verdict() -> Obligation:
    plain, smoothed, tsla = PLAIN_TOTAL, SMOOTHED_TOTAL, BURN_IN + TSLA
    return C15(
        name="verdict",
        statement="for every ε three-phase SGD takes no more than T1 + T2 of C8 if δ ≥ ε²/(2σ²), LSR alone no more below, with burn-ins",
        hypotheses={**ANY, **FLOOR, **LOGS},
        conclusion=z3.If(2 * delta * r >= 1, plain <= tsla, z3.And(v < 1, smoothed <= tsla)),
        mutants={
            "always three phases": conclude(plain <= tsla),
            "LSR alone for δ < 1": conclude(z3.If(delta >= 1, plain <= tsla, z3.And(v < 1, smoothed <= tsla))),
            "three phases strictly": conclude(z3.If(2 * delta * r >= 1, plain < tsla, smoothed <= tsla)),
            "a step beyond 1/L": conclude(z3.If(2 * delta * r >= 1, plain <= BURN_IN + UNCAPPED, smoothed <= BURN_IN + UNCAPPED)),
        },
        axiom=axioms.LOGARITHM,
    )


def _sharpened_plain() -> Obligation:
    return C15(
        name="sharpened, three phases",
        statement="8κr ≤ 16κδr²/(1+δ) iff V ≥ ε²",
        hypotheses={**KNOWN, **FLOOR},
        conclusion=(PLAIN <= SHARPENED) == (v >= 1),
        mutants={
            "V ≥ 2ε²": conclude((PLAIN <= SHARPENED) == (v >= 2)),
            "δ ≥ 1/(2r)": conclude((PLAIN <= SHARPENED) == (2 * delta * r >= 1)),
            "strict": conclude((PLAIN <= SHARPENED) == (v > 1)),
        },
    )


def _sharpened_smoothed() -> Obligation:
    return C15(
        name="sharpened, LSR alone",
        statement="for V < ε²: 2κv/(1-v) ≤ 16κδr²/(1+δ) iff v ≤ 1 - 1/(4r)",
        hypotheses={**KNOWN, **FLOOR, "v < 1": v < 1},
        conclusion=(SMOOTHED <= SHARPENED) == (v <= 1 - 1 / (4 * r)),
        mutants={
            "1 - 1/(2r)": conclude((SMOOTHED <= SHARPENED) == (v <= 1 - 1 / (2 * r))),
            "always": conclude(SMOOTHED <= SHARPENED),
            "V > ε² too": suppose("v < 1", v != 1),
        },
    )


def _region() -> Obligation:
    return C15(
        name="sharpened, where it is ahead",
        statement="for 1 - 1/(4r) < v < 1 the second stage 16κδr²/(1+δ) is smaller than 8κr and than 2κv/(1-v)",
        hypotheses={**KNOWN, **FLOOR, "v > 1 - 1/(4r)": 4 * r * (1 - v) < 1, "v < 1": v < 1},
        conclusion=z3.And(SHARPENED < PLAIN, SHARPENED < SMOOTHED),
        mutants={
            "the paper's second stage": conclude(z3.And(TSLA < PLAIN, TSLA < SMOOTHED)),
            "v > 1 - 1/(2r)": suppose("v > 1 - 1/(4r)", 2 * r * (1 - v) < 1),
            "v ≥ 1": drop("v < 1"),
        },
    )


def _at_most_twice() -> Obligation:
    factor = 4 * r / (4 * r - 1)
    return C15(
        name="sharpened, by how much",
        statement="there 8κr ≤ 4r/(4r-1) · 16κδr²/(1+δ), at most twice it",
        hypotheses={**KNOWN, **FLOOR, "v > 1 - 1/(4r)": 4 * r * (1 - v) < 1, "v < 1": v < 1},
        conclusion=z3.And(PLAIN <= factor * SHARPENED, factor <= 2),
        mutants={
            "at most 3/2 times": conclude(2 * PLAIN <= 3 * SHARPENED),
            "8r/(8r-1)": conclude(PLAIN <= 8 * r / (8 * r - 1) * SHARPENED),
            "any v": drop("v > 1 - 1/(4r)"),
            "r ≥ 1/3": suppose("r >= 1/2", 3 * r >= 1),
        },
    )


def _sharpened_verdict() -> Obligation:
    """With the burn-ins, which for δ > 1 are longer without smoothing: no more than twice as long in all."""
    plain, smoothed, tsla = PLAIN_TOTAL, SMOOTHED_TOTAL, BURN_IN + SHARPENED
    worse_than_smoothed = 4 * r * (1 - v) < 1
    return C15(
        name="sharpened, verdict",
        statement="burn-ins included: LSR alone no more than sharpened TSLA for v ≤ 1 - 1/(4r), else three phases at most twice as much",
        hypotheses={**KNOWN, **FLOOR, **LOGS},
        conclusion=z3.If(worse_than_smoothed, plain <= 2 * tsla, z3.And(v < 1, smoothed <= tsla)),
        mutants={
            "at most 3/2 times": conclude(z3.If(worse_than_smoothed, 2 * plain <= 3 * tsla, smoothed <= tsla)),
            "no more": conclude(z3.If(worse_than_smoothed, plain <= tsla, smoothed <= tsla)),
            "no more for V ≥ ε²": conclude(z3.Implies(v >= 1, plain <= tsla)),
            "r ≥ 1/3": suppose("r >= 1/2", 3 * r >= 1),
        },
        axiom=axioms.LOGARITHM,
    )
