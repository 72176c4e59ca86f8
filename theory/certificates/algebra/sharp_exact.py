"""C18, the exact form: a descent that drops nothing, its worst split, the root of it, what attains it, and the plan that never mixes."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    ORACLE,
    SMOOTH,
    START,
    STEP,
    TARGET,
    F,
    F_next,
    L,
    Premises,
    T,
    delta,
    eps2,
    eta,
    grad2,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.sharp import SHARES, a, m, q, x

slope, beta, noise, D, z, A, R = z3.Reals("slope beta noise D z A R")
"""‖∇F(w)‖, ‖θb‖, the noise of the direction, 2(F0 - E F(w_T))/(ηT), the root of the mean of E‖∇F‖², its bound, and the root in that."""
S, M, Q, t = z3.Reals("S M Q t")
"""Σ‖∇F‖², Σθb‖∇F‖ and Σ(θ²b² + noise) over the steps so far, and their number."""
SCALE: Premises = {"0 < ηL ≤ 1": z3.And(x > 0, x <= 1)}
SPLIT: Premises = {"A3": z3.And(beta >= 0, m >= 0, beta * beta + m * m <= q * q)}
keep, rest = 2 - x, 1 - x
C = D + x * (a * a + q * q)
ROOT: Premises = {"R": z3.And(R >= 0, R * R == keep * C * rest * rest + q * q * rest * rest * rest * rest + keep * keep * x * x * a * a)}
VALUE = (keep * C + 2 * q * q * rest * rest + 2 * q * R) / (keep * keep)
"""``sharp_exact.bound``: A."""
SHARE = eps2 / (eps2 + sigma2)
ALONE, PLAIN = 2 * L * F0 / (eps2 - delta * sigma2), 2 * L * F0 / (SHARE * eps2)
"""Steps along ĝ alone, and without smoothing."""
e, s, k, phi = z3.Reals("e s k phi")
"""ε/σ, √δ, √(1-δ) and θ√(1-δ)."""
CIRCLE: Premises = {"roots": z3.And(s >= 0, k >= 0), "δ + (1-δ) = 1": s * s + k * k == 1}
GAIN = x * k - rest * s * e
UNSMOOTHED = x * keep * e * e - x * x
SMOOTHED, PLAIN_ROOM = UNSMOOTHED + GAIN * GAIN, e * e * e * e / (1 + e * e)
KNOWN: Premises = {**SMOOTH, **NOISE, **ORACLE, **START, **TARGET}


def certificates() -> Iterable[Certificate]:
    """Prove the exact form of C18."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of the exact form of C18."""
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
        _plan_alone(),
        _no_smoothing(),
        _split_for_all(),
        _room_at_best(),
        _unsmoothed(),
        _parabola(),
        _border(),
        _grows(),
        _gain_from(),
        _never_mixes(),
        _floor(),
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


def _plan_alone() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, plan along ĝ",
        statement="θ = 1, η = 1/L, T ≥ 2LF0/(ε²-δσ²) give ≤ ε² where δσ² < ε²; fewer steps than C16's plan iff δ < ε²/(ε²+σ²)",
        hypotheses={**KNOWN, **NOISY, "δσ² < ε²": delta * sigma2 < eps2, "T": T >= ALONE},
        conclusion=z3.And(formulas.lsr_bound(F0, 1 / L, T, delta * sigma2) <= eps2, (ALONE < PLAIN) == (delta < SHARE)),
        mutants={
            "half the steps": suppose("T", T >= ALONE / 2),
            "iff δ < ε²/σ²": conclude((ALONE < PLAIN) == (delta * sigma2 < eps2)),
            "any δ": suppose("δσ² < ε²", z3.And(delta * sigma2 > eps2, T > 0)),
        },
    )


def _split_for_all() -> Obligation:
    """In units of σ, with s = √δ and k = √(1-δ): one of the splits that A3 allows, so that the bound is at least what it gives."""
    n, b = s * s, s * k
    cost = x * (theta * theta * b * b + (1 - theta + theta * n) * (1 - theta + theta * n)) + 2 * rest * theta * b * e
    return Obligation(
        claim="C18",
        name="exact, one split for all θ",
        statement="n² + b² = δ for n = δ, b² = δ(1-δ), and what it costs is x(1 - 2φk + φ²) + 2(1-x)φse, φ = θk, s = √δ, k = √(1-δ)",
        hypotheses={**CIRCLE, "φ": phi == theta * k},
        conclusion=z3.And(n * n + b * b == s * s, cost == x * (1 - 2 * phi * k + phi * phi) + 2 * rest * phi * s * e),
        mutants={
            "any s and k": drop("δ + (1-δ) = 1"),
            "φ = θ": suppose("φ", phi == theta),
            "n = √δ": conclude(s * s + b * b == s * s),
        },
        guarantee="identity",
    )


def _no_smoothing() -> Obligation:
    """In units of σ."""
    n, b = z3.Reals("n b")
    cost = x * (theta * theta * b * b + (1 - theta + theta * n) * (1 - theta + theta * n)) + 2 * rest * theta * b * e
    return Obligation(
        claim="C18",
        name="exact, no smoothing from δ = 1 on",
        statement="n = σ, b = 0 has b² + n² ≤ δσ² for δ ≥ 1, and every θ costs xσ² there, as θ = 0 does",
        hypotheses={**SCALE, "δ ≥ 1": delta >= 1, "split": z3.And(n == 1, b == 0)},
        conclusion=z3.And(b * b + n * n <= delta, cost == x),
        mutants={"any δ": drop("δ ≥ 1"), "all bias": suppose("split", z3.And(n == 0, b == 1)), "half of it": conclude(2 * cost <= x)},
    )


def _border() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, border",
        statement="m = ε√(1-δ) - √δ ≥ 0 iff δ ≤ ε²/(ε²+1), in units of σ",
        hypotheses={**CIRCLE, "0 < ε": e > 0},
        conclusion=(e * k >= s) == (s * s * (1 + e * e) <= e * e),
        mutants={
            "iff δ ≤ ε²": conclude((e * k >= s) == (s * s <= e * e)),
            "any s and k": drop("δ + (1-δ) = 1"),
        },
    )


def _floor() -> Obligation:
    """``z`` is what is left without smoothing as T grows, ``(2-x)z² = xσ²``; in units of σ."""
    smooths = rest * s * z < x * k
    return Obligation(
        claim="C18",
        name="exact, floor",
        statement="as T → ∞ at a fixed step size, θ > 0 is best iff x > 1 - √(1-δ)",
        hypotheses={**SCALE, **CIRCLE, "z": z3.And(z >= 0, keep * z * z == x)},
        conclusion=smooths == (x > 1 - k),
        mutants={
            "iff δ < 1": conclude(smooths == (k > 0)),
            "iff x > δ": conclude(smooths == (x > s * s)),
        },
    )


def _room_at_best() -> Obligation:
    """What is left of ``x(2-x)ε²`` for ``x·2F0/(ηT)``, at any θ: a square is dropped, or what is negative."""
    left = x * keep * e * e - x * (x * (1 - 2 * phi * k + phi * phi) + 2 * rest * phi * s * e)
    return Obligation(
        claim="C18",
        name="exact, best θ",
        statement="x((2-x)ε² - cost) ≤ x(2-x)ε² - x² + max(h, 0)², h = xk - (1-x)sε, in units of σ",
        hypotheses={**SCALE, **CIRCLE, "φ ≥ 0": phi >= 0, "0 < ε": e > 0},
        conclusion=left <= z3.If(GAIN > 0, SMOOTHED, UNSMOOTHED),
        mutants={
            "as without smoothing": conclude(left <= UNSMOOTHED),
            "half the gain": conclude(left <= z3.If(GAIN > 0, UNSMOOTHED + GAIN * GAIN / 2, UNSMOOTHED)),
            "φ < 0": suppose("φ ≥ 0", phi < 0),
        },
    )


def _unsmoothed() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, without smoothing at best",
        statement="x(2-x)ε² - x² ≤ ε⁴/(ε²+1), in units of σ",
        hypotheses={},
        conclusion=UNSMOOTHED <= PLAIN_ROOM,
        mutants={"half of it": conclude(UNSMOOTHED <= PLAIN_ROOM / 2), "ε²": conclude(UNSMOOTHED <= PLAIN_ROOM * PLAIN_ROOM)},
    )


def _parabola() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, parabola",
        statement="x(2-x)ε² - x² + h² = δε² + 2ε√(1-δ)mx - m²x², m = ε√(1-δ) - √δ, in units of σ",
        hypotheses=CIRCLE,
        conclusion=SMOOTHED == parabola(x, e * k, e * k - s) + s * s * e * e,
        mutants={
            "any s and k": drop("δ + (1-δ) = 1"),
            "once": conclude(SMOOTHED == parabola(x, e * k / 2, e * k - s) + s * s * e * e),
        },
        guarantee="identity",
    )


def parabola(at: Formula, reach: Formula, ahead: Formula) -> Formula:
    """``2·reach·ahead·x - ahead²x²``."""
    return 2 * reach * ahead * at - ahead * ahead * at * at


def _grows() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, along ĝ at best",
        statement="for m ≥ 0 the parabola is largest at x = 1, where it is ε² - δ",
        hypotheses={**SCALE, "0 < ε": e > 0, "m ≥ 0": e * k >= s, "roots": z3.And(s >= 0, k >= 0)},
        conclusion=parabola(x, e * k, e * k - s) <= parabola(z3.RealVal(1), e * k, e * k - s),
        mutants={
            "any δ": drop("m ≥ 0"),
            "half of it": conclude(2 * parabola(x, e * k, e * k - s) <= parabola(z3.RealVal(1), e * k, e * k - s)),
            "x < 0 too": conclude(parabola(x, e * k, e * k - s) <= 0),
        },
    )


def _never_mixes() -> Obligation:
    reach, ahead, u = z3.Reals("reach ahead u")
    return Obligation(
        claim="C18",
        name="exact, never mixes",
        statement="for m ≤ 0 the parabola falls: it is below what it is at the u < x where h = 0, which is what it is without smoothing",
        hypotheses={
            "u ≤ x ≤ 1": z3.And(u >= 0, u <= x, x <= 1),
            "m ≤ 0": ahead <= 0,
            "ε√(1-δ) ≥ 0": reach >= 0,
        },
        conclusion=parabola(x, reach, ahead) <= parabola(u, reach, ahead),
        mutants={
            "any δ": drop("m ≤ 0"),
            "x < u": suppose("u ≤ x ≤ 1", z3.And(x >= 0, x < u, u <= 1)),
        },
    )


def _gain_from() -> Obligation:
    u = z3.Real("u")
    return Obligation(
        claim="C18",
        name="exact, where θ > 0 is best",
        statement="h > 0 only at x > u = √δε/(√(1-δ) + √δε), where h = 0",
        hypotheses={"0 < ε": e > 0, "roots": z3.And(s >= 0, k >= 0, s + k > 0), "h > 0": GAIN > 0, "u": u * (k + s * e) == s * e},
        conclusion=z3.And(u < x, z3.substitute(GAIN, (x, u)) == 0, u >= 0),
        mutants={
            "h < 0": suppose("h > 0", GAIN < 0),
            "without ε": suppose("u", u * (k + s) == s),
        },
    )
