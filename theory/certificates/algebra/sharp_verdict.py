"""C18, what it decides: whether TSLA with W for V is ever ahead, and whether mixing is ever needed.

In units of ε², σ² and κ: ``r = σ²/ε²``, ``e = 1/(2r)``, ``x = η1 L``, and ``w = W/ε²`` at ``θ°(η1)``. Second stages: 8κr for the phases 2
and 3 of C15b; ``8κσ3²/ε²`` for these phases smoothed throughout, ``σ3² = σ²(1 - e(1/δ-1))``; ``2κw/(x(1-w))`` for smoothing that goes on at
TSLA's own first step size; 8κwr for TSLA. All lengths are those before rounding up, and ``δ < 1``.
"""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import L, Premises, delta, eps2, mu, sigma2

C18 = partial(Obligation, claim="C18")
kappa, r, e, w, x, W = z3.Reals("kappa r e w x W")

PLAIN = 8 * kappa * r
PHASES = 8 * kappa * r - 4 * kappa * (1 / delta - 1)
ALONE = 2 * kappa * w / (x * (1 - w))
TSLA = 8 * kappa * w * r
NOISE = 2 * r * delta - (1 - delta)
"""``2δσ3²/ε²``."""
SPARE = 8 * w * r * delta - 4 * NOISE
"""δ/κ times what TSLA's second stage takes beyond the smoothed phases."""

HELPS: Premises = {"0 < δ < 1": z3.And(delta > 0, delta < 1), "0 < x <= 1": z3.And(x > 0, x <= 1)}
KNOWN: Premises = {**HELPS, "κ > 0": kappa > 0, "r > 0": r > 0}
BEST: Premises = {"w at θ°": w * (delta * (1 - x) + x) == r * delta * x}
AHEAD: Premises = {"w < 1": w < 1, "4rx(1-w) < 1": 4 * r * x * (1 - w) < 1}
LONGER: Premises = {"η1/η2 >= (3+√3)/2": z3.And(2 * r * x >= 1, 2 * (2 * r * x) * (2 * r * x) - 6 * (2 * r * x) + 3 >= 0)}
"""``2rx = η1/η2`` where ``r >= 1/2``."""
NOISY: Premises = {"δ > e": 2 * delta * r > 1}
FLOOR: Premises = {"W at θ°": W * (delta * (1 - x) + x) == delta * x}
"""In units of σ²."""


def obligations() -> tuple[Obligation, ...]:
    """The verdict on TSLA; then mixing against the better one of the two labels alone."""
    return (_units(), _plain(), _alone(), _phases(), _small(), _burn_ins(), _largest_step(), _floor(), _mixing())


def _units() -> Obligation:
    """The lengths as they stand in the plans."""
    step = formulas.noise_step_size(L, sigma2, eps2)
    noise = sigma2 * (1 - eps2 / (2 * sigma2) * (1 / delta - 1))
    return C18(
        name="verdict, units",
        statement="4W/(μη2ε²) = 8κwr, 4κσ3²/ε² is half of 8κr - 4κ(1/δ-1), 2W/(μη1(ε²-W)) = 2κw/(x(1-w))",
        hypotheses={
            "positive": z3.And(L > 0, mu > 0, sigma2 > 0, delta > 0, eps2 > 0, x > 0),
            "units": z3.And(kappa == L / mu, r == sigma2 / eps2, w == W / eps2),
            "ε² <= 2σ²": eps2 <= 2 * sigma2,
            "W ≠ ε²": eps2 != W,
        },
        conclusion=z3.And(
            4 * W / (mu * step * eps2) == TSLA,
            4 * L / mu * noise / eps2 == PHASES / 2,
            2 * W / (mu * (x / L) * (eps2 - W)) == ALONE,
            delta * (TSLA - PHASES) == kappa * SPARE,
        ),
        mutants={
            "4κwr": conclude(4 * W / (mu * step * eps2) == TSLA / 2),
            "σ² for σ3²": conclude(4 * L / mu * noise / eps2 == PLAIN / 2),
            "κw/(x(1-w))": conclude(2 * W / (mu * (x / L) * (eps2 - W)) == ALONE / 2),
            "any ε": drop("ε² <= 2σ²"),
        },
        guarantee="identity",
    )


def _plain() -> Obligation:
    return C18(
        name="verdict, W ≥ ε²",
        statement="8κr ≤ 8κwr iff W ≥ ε²: from there on three-phase SGD takes no more than TSLA's second stage",
        hypotheses={**KNOWN, **BEST},
        conclusion=(PLAIN <= TSLA) == (w >= 1),
        mutants={
            "W ≥ 2ε²": conclude((PLAIN <= TSLA) == (w >= 2)),
            "strict": conclude((PLAIN <= TSLA) == (w > 1)),
            "always": conclude(PLAIN <= TSLA),
        },
    )


def _alone() -> Obligation:
    return C18(
        name="verdict, smoothing goes on",
        statement="for W < ε²: 2κw/(x(1-w)) ≤ 8κwr iff 4rx(1-w) ≥ 1",
        hypotheses={**KNOWN, **BEST, "w < 1": w < 1},
        conclusion=(ALONE <= TSLA) == (4 * r * x * (1 - w) >= 1),
        mutants={
            "2rx(1-w) ≥ 1": conclude((ALONE <= TSLA) == (2 * r * x * (1 - w) >= 1)),
            "always": conclude(ALONE <= TSLA),
            "W > ε² too": suppose("w < 1", w != 1),
        },
    )


def _phases() -> Obligation:
    return C18(
        name="verdict, smoothed phases",
        statement="elsewhere, and for δ > e, 8κσ3²/ε² ≤ 8κwr if η1/η2 ≥ (3+√3)/2",
        hypotheses={**HELPS, **NOISY, **BEST, **LONGER, **AHEAD},
        conclusion=SPARE >= 0,
        mutants={
            "unsmoothed": conclude(w >= 1),
            "η1/η2 ≥ 7/3": suppose("η1/η2 >= (3+√3)/2", 6 * r * x >= 7),
            "any W": drop("w at θ°"),
            "by a quarter": conclude(SPARE >= NOISE),
        },
    )


def _small() -> Obligation:
    return C18(
        name="verdict, small δ",
        statement="for δ ≤ e and η1 ≥ η2: W < ε² and 4rx(1-w) ≥ 1, so that smoothing at TSLA's own step size takes no more",
        hypotheses={**KNOWN, **BEST, "δ <= e": 2 * delta * r <= 1, "η1 >= η2": 2 * r * x >= 1},
        conclusion=z3.And(w < 1, 4 * r * x * (1 - w) >= 1),
        mutants={
            "δ ≤ 2e": suppose("δ <= e", delta * r <= 1),
            "any η1": drop("η1 >= η2"),
            "3rx(1-w) ≥ 1": conclude(3 * r * x * (1 - w) >= 1),
        },
    )


def _burn_ins() -> Obligation:
    """The smoothed phases burn in to ``σ3²/μ``, which is no less than the ``W/μ`` that TSLA burns in to."""
    return C18(
        name="verdict, burn-ins",
        statement="there, for η1 ≥ η2: W ≤ σ3², so that κ log⁺(2μF0/σ3²) is at most T1",
        hypotheses={**HELPS, **BEST, **AHEAD, "η1 >= η2": 2 * r * x >= 1},
        conclusion=2 * delta * w <= NOISE,
        mutants={
            "W ≤ σ3²/2": conclude(4 * delta * w <= NOISE),
            "any W": drop("4rx(1-w) < 1"),
            "any η1": drop("η1 >= η2"),
        },
    )


def _largest_step() -> Obligation:
    """At ``η1 = 1/L``, where ``w = δr``, for every ``ε² <= 2σ²``."""
    rivals = (PLAIN, z3.If(2 * delta * r > 1, PHASES, PLAIN), ALONE)
    return C18(
        name="verdict, by how much at η1 = 1/L",
        statement="at η1 = 1/L one of the three takes at most 4/3 of TSLA's second stage",
        hypotheses={**KNOWN, **BEST, **AHEAD, "x = 1": x == 1, "r >= 1/2": 2 * r >= 1},
        conclusion=z3.Or(*(3 * rival <= 4 * TSLA for rival in rivals)),
        mutants={
            "at most 5/4": conclude(z3.Or(*(4 * rival <= 5 * TSLA for rival in rivals))),
            "no more": conclude(z3.Or(*(rival <= TSLA for rival in rivals))),
            "any W": drop("w at θ°"),
        },
    )


def _floor() -> Obligation:
    smaller, larger = z3.If(x <= delta, x, delta), z3.If(x <= delta, delta, x)
    return C18(
        name="mixing, floor",
        statement="min(x, δ)σ² = W°(1 + min(x,δ)/max(x,δ) - min(x,δ)) ≤ 2W°: at one step size mixing at most halves the floor",
        hypotheses={**HELPS, **FLOOR},
        conclusion=z3.And(smaller * larger == W * (larger + smaller - smaller * larger), W <= smaller, smaller <= 2 * W),
        mutants={
            "by at most 1.9": conclude(10 * smaller <= 19 * W),
            "for nothing": conclude(smaller <= W),
            "any W": drop("W at θ°"),
        },
    )


def _mixing() -> Obligation:
    """``T = 2LF0/(ε² x(1-W/ε²))``, and ``W/ε² = W/(2e)`` in units of σ²; without smoothing W is x, and the best x is e."""
    left = x * (2 * e - W)
    return C18(
        name="mixing, samples",
        statement="for ε² ≤ 2σ² no θ and η ask for less than a quarter of what the better of θ = 0 and θ = 1 asks for at its own best η",
        hypotheses={**HELPS, **FLOOR, "0 < e <= 1": z3.And(e > 0, e <= 1)},
        conclusion=z3.And(x * (2 * e - x) <= e * e, z3.Or(left <= 4 * e * e, left <= 4 * (2 * e - delta))),
        mutants={
            "than 1/3.9": conclude(z3.Or(10 * left <= 39 * e * e, 10 * left <= 39 * (2 * e - delta))),
            "than plain SGD": conclude(left <= 4 * e * e),
            "than θ = 1": conclude(left <= 4 * (2 * e - delta)),
            "any W": drop("W at θ°"),
        },
    )
