"""C18, the exact form: its plan, which smooths with θ = 1 or not at all, and why no θ between them needs fewer steps."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra import sharp_exact, worst_case_plan
from tsla.theory.certificates.algebra.engine.functions import plan_of
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone, without
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import premises
from tsla.theory.certificates.algebra.engine.recursions import S
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    ORACLE,
    SMOOTH,
    START,
    TARGET,
    L,
    Premises,
    T,
    delta,
    eps2,
    eta,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.sharp import SCALE, a, q, x
from tsla.theory.certificates.algebra.sharp_exact import ROOT, VALUE, D, keep, rest
from tsla.theory.certificates.algebra.sharp_lemma import SIZES, smoothing, true

PLANNED = plan_of("C18", "lsr-exact")
SHARE = eps2 / (eps2 + sigma2)
ALONE, PLAIN = 2 * L * F0 / (eps2 - delta * sigma2), 2 * L * F0 / (SHARE * eps2)
"""Steps along ĝ alone, and without smoothing."""
e, s, k, phi, z = z3.Reals("e s k phi z")
"""ε/σ, √δ, √(1-δ), θ√(1-δ), and the root of what is left without smoothing as T grows."""
CIRCLE: Premises = {"roots": z3.And(s >= 0, k >= 0), "δ + (1-δ) = 1": s * s + k * k == 1}
GAIN = x * k - rest * s * e
UNSMOOTHED = x * keep * e * e - x * x
SMOOTHED, PLAIN_ROOM = UNSMOOTHED + GAIN * GAIN, e * e * e * e / (1 + e * e)
KNOWN: Premises = {**SMOOTH, **NOISE, **ORACLE, **START, **TARGET}


def certificates() -> Iterable[Certificate]:
    """Prove the plan of the exact form."""
    return certify(obligations(), manifests())


def obligations() -> tuple[Obligation, ...]:
    """The steps of the plan."""
    return (
        _plan_alone(),
        _shorter(),
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


def manifests() -> tuple[Manifest, ...]:
    """The plan on either side of ``δ = ε²/(ε²+σ²)``, and which side takes fewer steps."""
    return (
        along(),
        unsmoothed(),
        alone(_shorter(), "L > 0", "sigma2 > 0", "delta >= 0", "F0 > 0", "eps > 0", "delta sigma2 < eps2"),
    )


def along() -> Manifest:
    """The exact form along ĝ alone."""
    found = sharp_exact.bound()
    settings = {"theta": theta == 1, "eta": eta == 1 / L, "T": T >= ALONE}
    return Manifest(
        claim="C18",
        name=_plan_alone().name,
        statement=_plan_alone().statement,
        premises=(*without(found.premises, settings), *found.asks, *premises("eps > 0", "delta < eps2/(eps2+sigma2)")),
        settings=settings,
        definitions=found.definitions,
        steps=(_plan_alone(), Cited(found)),
        conclusion=S / T <= eps2,
        function=PLANNED,
    )


def unsmoothed() -> Manifest:
    """Where ĝ alone takes more steps: C16's plan."""
    plain = worst_case_plan.plan()
    return Manifest(
        claim="C18",
        name="exact, plan without smoothing",
        statement=plain.statement,
        premises=(*plain.premises, *premises("delta >= eps2/(eps2+sigma2)")),
        settings=plain.settings,
        definitions=plain.definitions,
        steps=(Cited(plain),),
        conclusion=plain.conclusion,
        function=PLANNED,
    )


def _plan_alone() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, plan along ĝ",
        statement="θ = 1, η = 1/L, T ≥ 2LF0/(ε²-δσ²) give ≤ ε² where δσ² < ε²",
        hypotheses={
            **SMOOTH,
            **START,
            **SIZES,
            **ROOT,
            "x = 1": x == 1,
            "δσ² < ε²": delta * sigma2 < eps2,
            "θ = 1": theta == 1,
            "a": a == true,
            "q": q == smoothing,
            "eta": eta == 1 / L,
            "T": T >= ALONE,
            "D": D == 2 * F0 / (eta * T),
        },
        conclusion=VALUE <= eps2,
        mutants={
            "half the steps": suppose("T", T >= ALONE / 2),
            "any θ": suppose("θ = 1", z3.And(theta >= 0, theta <= 1)),
            "any δ": suppose("δσ² < ε²", z3.And(delta * sigma2 > eps2, T > 0)),
        },
    )


def _shorter() -> Obligation:
    return Obligation(
        claim="C18",
        name="exact, shorter along ĝ",
        statement="2LF0/(ε²-δσ²) < 2LF0(ε²+σ²)/ε⁴, C16's plan, iff δ < ε²/(ε²+σ²), where δσ² < ε²",
        hypotheses={**KNOWN, **NOISY, "δσ² < ε²": delta * sigma2 < eps2},
        conclusion=(ALONE < PLAIN) == (delta < SHARE),
        mutants={
            "iff δ < ε²/σ²": conclude((ALONE < PLAIN) == (delta * sigma2 < eps2)),
            "any δ": suppose("δσ² < ε²", delta * sigma2 > eps2),
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
