"""C18, the exact form: no step size and no θ takes fewer steps than ĝ alone or plain SGD, whichever of the two takes fewer."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine.manifest import Manifest
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.symbols import F0, LONG, START, STEP, L, Premises, T, delta, eps2, eta, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import radical, radicand, root, sigma
from tsla.theory.certificates.algebra.sharp import SCALE, SHARES_OF, a, m, q, x
from tsla.theory.certificates.algebra.sharp_exact import LINE, PLACE, VALUE, C, D, keep, most, rest, tilt, worst
from tsla.theory.certificates.algebra.sharp_exact_plan import ALONE, PLAIN, SHARE
from tsla.theory.certificates.algebra.sharp_lemma import ROOTS_OF_BOUNDS, SIZES

C18 = partial(Obligation, claim="C18")
e, k, kept, b, room = z3.Reals("epsilon k kept b room")
"""ε; √(1-δ), and 1-δ; θ times the bias of a split; and what is left at that split."""
AT = 2 * x * a * m + 2 * rest * b * e
"""What the split decides of the cost at ε."""
LEFT: Premises = {"left": room == keep * eps2 - x * (b * b + (a + m) * (a + m)) - 2 * rest * b * e}
"""What of ``(2-x)ε²`` the cost leaves for ``2F0/(ηT)``."""
SPLIT: Premises = {"split": z3.And(b >= 0, m >= 0, b * b + m * m <= q * q)}
EPSILON: Premises = {"ε": z3.And(e > 0, e * e == eps2)}
CIRCLE: Premises = {**SIZES, "√(1-δ)": z3.And(k >= 0, k * k == 1 - delta)}
gain, ahead, plain = z3.Reals("gain ahead plain")
"""h, whose square is what smoothing adds to the room; m, which says whether that grows up to ``η = 1/L``; and the room without."""
NAMED: Premises = {
    "h": gain == x * k * sigma - rest * root * e,
    "m": ahead == e * k - root * sigma,
    "plain": plain == x * keep * eps2 - x * x * sigma2,
}
ROOM = plain + z3.If(gain > 0, gain * gain, 0)
SMALL = delta * (eps2 + sigma2) < eps2
MOST = z3.If(SMALL, eps2 - delta * sigma2, SHARE * eps2)
LEAST = z3.If(SMALL, ALONE, PLAIN)
RUN: Premises = {
    **STEP,
    **START,
    **LONG,
    "x = ηL": x == eta * L,
    "D": D == 2 * F0 / (eta * T),
    "σ² ≥ 0": sigma2 >= 0,
    "eps > 0": eps2 > 0,
    "A": worst == VALUE,
}
KNOWN: Premises = {**SCALE, **CIRCLE, **EPSILON, **NAMED}


def obligations() -> tuple[Obligation, ...]:
    """The steps of it."""
    return (
        _reached(),
        _left(),
        _best_theta(),
        _along(),
        _border(),
        _never_mixes(),
        _most(),
        _length(),
        _no_smoothing(),
        _length_without(),
        _floor(),
    )


def manifests() -> tuple[Manifest, ...]:
    """For δ below 1, and from 1 on."""
    apart = {"k": kept == 1 - delta, "b": b == theta * root * k * sigma, "m = θn": m == theta * delta * sigma}
    all_noise = {"b": b == z3.RealVal(0), "m = θn": m == theta * sigma}
    return (
        _fewest("delta < 1", apart, (_reached(), _left(), _never_mixes(), _most(), _length())),
        _fewest("delta >= 1", all_noise, (_length_without(),)),
    )


def _fewest(size: str, split: Premises, steps: tuple[Obligation, ...]) -> Manifest:
    """What all have in common; z3 finds the facts about the split by itself."""
    last = steps[-1]
    return Manifest(
        claim="C18",
        name=last.name,
        premises=(
            *premises("L > 0", "eta > 0", "eta <= 1/L", "theta >= 0", "theta <= 1", "T > 0", "F0 > 0", "eps > 0"),
            *premises(*ROOTS_OF_BOUNDS, size, "√"),
            Premise("√", {radical: e, radicand: eps2}),
            Premise("√", {radical: k, radicand: kept}),
        ),
        definitions={**SHARES_OF, **PLACE, **split, **LEFT, **NAMED},
        steps=steps,
    )


def _reached() -> Obligation:
    return C18(
        name="exact, reached",
        statement="A ≤ ε² needs 2F0/(ηT) + x(a² + q²) + 2xam + 2(1-x)bε ≤ (2-x)ε²",
        hypotheses={**SCALE, **LINE, "slope": tilt < keep, "touches": worst * keep == C + most, "line": AT <= most + tilt * (eps2 - worst)},
        conclusion=z3.Implies(worst <= eps2, C + AT <= keep * eps2),
        mutants={
            "not reached": conclude(C + AT <= keep * eps2),
            "any slope": drop("slope"),
            "any split": drop("line"),
        },
    )


def _left() -> Obligation:
    return C18(
        name="exact, left for the start",
        statement="A ≤ ε² needs 2F0/(ηT) ≤ (2-x)ε² - x(b² + (a + m)²) - 2(1-x)bε",
        hypotheses={**SCALE, **SPLIT, **LEFT, "reached": _reached().conclusion},
        conclusion=z3.Implies(worst <= eps2, D <= room),
        mutants={
            "half of it": conclude(z3.Implies(worst <= eps2, 2 * D <= room)),
            "any split": drop("split"),
        },
    )


def _best_theta() -> Obligation:
    """``x(2-x)ε² - x·cost`` is ``x(2-x)ε² - x²σ² + h² - (h - xσφ)²``, with ``φ = θk``: a square is dropped, or what is negative."""
    return C18(
        name="exact, best θ",
        statement="x((2-x)ε² - cost) ≤ x(2-x)ε² - x²σ² + max(h, 0)², h = xkσ - (1-x)sε, at b = θskσ, m = θδσ, s = √δ, k = √(1-δ)",
        hypotheses={
            **KNOWN,
            **LEFT,
            "theta >= 0": theta >= 0,
            "a": a == (1 - theta) * sigma,
            "split": z3.And(b == theta * root * k * sigma, m == theta * delta * sigma),
        },
        conclusion=x * room <= ROOM,
        mutants={
            "as without smoothing": conclude(x * room <= plain),
            "half the gain": conclude(x * room <= plain + z3.If(gain > 0, gain * gain / 2, 0)),
            "theta < 0": suppose("theta >= 0", theta < 0),
        },
    )


def _along() -> Obligation:
    """It is ``δε² + 2εkmx - m²x²``, which grows up to ``x = 1``."""
    return C18(
        name="exact, along ĝ at best",
        statement="x(2-x)ε² - x²σ² + h² ≤ ε² - δσ² for m = εk - sσ ≥ 0",
        hypotheses=KNOWN,
        conclusion=z3.Implies(ahead >= 0, plain + gain * gain <= eps2 - delta * sigma2),
        mutants={
            "any δ": conclude(plain + gain * gain <= eps2 - delta * sigma2),
            "half of it": conclude(z3.Implies(ahead >= 0, 2 * (plain + gain * gain) <= eps2 - delta * sigma2)),
        },
    )


def _border() -> Obligation:
    return C18(
        name="exact, border",
        statement="m > 0 iff δ < ε²/(ε²+σ²)",
        hypotheses={**CIRCLE, **EPSILON, "m": NAMED["m"]},
        conclusion=(ahead > 0) == SMALL,
        mutants={
            "iff δσ² < ε²": conclude((ahead > 0) == (delta * sigma2 < eps2)),
            "any k": drop("√(1-δ)"),
        },
    )


def _never_mixes() -> Obligation:
    """It falls from the x on at which ``h = 0``, and there it is what it is without smoothing."""
    return C18(
        name="exact, never mixes",
        statement="x(2-x)ε² - x²σ² + h² ≤ ε⁴/(ε²+σ²) for m ≤ 0 and h > 0",
        hypotheses=KNOWN,
        conclusion=z3.Implies(z3.And(ahead <= 0, gain > 0), plain + gain * gain <= SHARE * eps2),
        mutants={
            "any δ": conclude(z3.Implies(gain > 0, plain + gain * gain <= SHARE * eps2)),
            "half of it": conclude(z3.Implies(z3.And(ahead <= 0, gain > 0), 2 * (plain + gain * gain) <= SHARE * eps2)),
        },
    )


def _most() -> Obligation:
    return C18(
        name="exact, most that is left",
        statement="x((2-x)ε² - cost) ≤ ε² - δσ² for δ < ε²/(ε²+σ²), and ≤ ε⁴/(ε²+σ²) else",
        hypotheses={
            "best θ": x * room <= ROOM,
            "without": plain <= SHARE * eps2,
            "along": _along().conclusion,
            "border": _border().conclusion,
            "never mixes": _never_mixes().conclusion,
            "along is more": z3.Implies(SMALL, SHARE * eps2 <= eps2 - delta * sigma2),
        },
        conclusion=x * room <= MOST,
        mutants={
            "without smoothing": conclude(x * room <= SHARE * eps2),
            "along ĝ": conclude(x * room <= eps2 - delta * sigma2),
            "it may mix": drop("never mixes"),
            "any θ": drop("best θ"),
        },
    )


def _length() -> Obligation:
    return C18(
        name="exact, fewest steps",
        statement="A ≤ ε² needs T ≥ 2LF0/(ε²-δσ²) for δ < ε²/(ε²+σ²), and T ≥ 2LF0(ε²+σ²)/ε⁴ else, whatever η ≤ 1/L and θ are",
        hypotheses={
            **RUN,
            "delta >= 0": delta >= 0,
            "left": _left().conclusion,
            "most": _most().conclusion,
        },
        conclusion=z3.Implies(VALUE <= eps2, T >= LEAST),
        mutants={
            "twice as many": conclude(z3.Implies(VALUE <= eps2, T >= 2 * LEAST)),
            "never along ĝ": conclude(z3.Implies(VALUE <= eps2, T >= PLAIN)),
            "any θ": drop("most"),
        },
    )


def _no_smoothing() -> Obligation:
    return C18(
        name="exact, no smoothing from δ = 1 on",
        statement="n = σ, b = 0 has b² + n² ≤ δσ² for δ ≥ 1, and every θ costs xσ² there, as θ = 0 does: x((2-x)ε² - cost) ≤ ε⁴/(ε²+σ²)",
        hypotheses={
            **LEFT,
            "σ² ≥ 0": sigma2 >= 0,
            "σ": sigma * sigma == sigma2,
            "eps > 0": eps2 > 0,
            "a": a == (1 - theta) * sigma,
            "split": z3.And(m == theta * sigma, b == 0),
        },
        conclusion=x * room <= SHARE * eps2,
        mutants={
            "all bias": suppose("split", z3.And(m == 0, b == theta * sigma)),
            "half of it": conclude(2 * x * room <= SHARE * eps2),
        },
    )


def _length_without() -> Obligation:
    return C18(
        name="exact, fewest steps from δ = 1 on",
        statement="A ≤ ε² needs T ≥ 2LF0(ε²+σ²)/ε⁴ for δ ≥ 1, whatever η ≤ 1/L and θ are",
        hypotheses={
            **RUN,
            "left": _left().conclusion,
            "any θ": _no_smoothing().conclusion,
        },
        conclusion=z3.Implies(VALUE <= eps2, T >= PLAIN),
        mutants={
            "twice as many": conclude(z3.Implies(VALUE <= eps2, T >= 2 * PLAIN)),
            "any cost": drop("any θ"),
        },
    )


def _floor() -> Obligation:
    """``z`` is what is left without smoothing as T grows, ``(2-x)z² = xσ²``; in units of σ."""
    z = z3.Real("z")
    smooths = rest * root * z < x * k
    return C18(
        name="exact, floor",
        statement="as T → ∞ at a fixed step size, θ > 0 is best iff x > 1 - √(1-δ)",
        hypotheses={**SCALE, **{name: CIRCLE[name] for name in ("√δ", "√(1-δ)")}, "z": z3.And(z >= 0, keep * z * z == x)},
        conclusion=smooths == (x > 1 - k),
        mutants={
            "iff δ < 1": conclude(smooths == (k > 0)),
            "iff x > δ": conclude(smooths == (x > delta)),
        },
    )
