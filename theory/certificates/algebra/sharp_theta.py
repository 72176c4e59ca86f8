"""C18: the θ that is best against the worst split, and what smoothing gains there."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import NOISE, NOISY, STRENGTH, delta, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import root, sigma
from tsla.theory.certificates.algebra.sharp import PARTS, SCALE, SHARES, SHARES_OF, SHORT, WORST, W, a, q, x
from tsla.theory.certificates.algebra.sharp_lemma import ROOTS_OF_BOUNDS, SIZES, smoothing, true

C18 = partial(Obligation, claim="C18")
y = x / (1 - x)
BEST_THETA, LEAST = y / (delta + y), sigma2 * delta * y / (delta + y)
"""θ° and W°."""
ANNEALED, ANNEALED_FLOOR = x / (delta * (1 - x) + x), sigma2 * delta * x / (delta * (1 - x) + x)
"""θ° and W° again, at ``x = 1`` too."""


def manifests() -> tuple[Manifest, ...]:
    """Each stands alone: none is a step of another."""
    shorter, strengths = ("L > 0", "eta > 0", "eta < 1/L"), ("theta >= 0", "theta <= 1")
    scale, root_of_delta = {"x = ηL": PARTS["x = ηL"]}, ("delta > 0", "√δ")
    annealed = ("L > 0", "eta > 0", "eta <= 1/L", "delta > 0", "delta <= 1", "sigma2 >= 0", "σ = √σ²", "√δ")
    return (
        alone(_at_best_theta(), *annealed, settings={"theta": theta == ANNEALED}, definitions={**SHARES_OF, "W": W == WORST}),
        alone(_best_theta(), *shorter, *root_of_delta, definitions=scale),
        alone(_best_theta_where_all_is_noise(), *shorter, *strengths, *root_of_delta, "sigma2 >= 0", "delta <= 1", definitions=scale),
        alone(_no_smoothing(), *shorter, *strengths, *ROOTS_OF_BOUNDS, "delta >= 1", definitions=SHARES_OF),
        alone(_gain(), *shorter, "sigma2 > 0", "delta > 0", definitions=scale),
    )


def _at_best_theta() -> Obligation:
    return C18(
        name="W at θ°",
        statement="W(θ°, x) = σ²δx/(δ(1-x)+x) at θ° = x/(δ(1-x)+x) for δ ≤ 1, which is σ²δy/(δ+y) at y/(δ+y), y = x/(1-x)",
        hypotheses={
            **SCALE,
            **SIZES,
            "0 < δ ≤ 1": z3.And(delta > 0, delta <= 1),
            "θ°": theta == ANNEALED,
            "a": a == true,
            "q": q == smoothing,
            "W": W == WORST,
        },
        conclusion=W == ANNEALED_FLOOR,
        mutants={
            "half of it": conclude(2 * W == ANNEALED_FLOOR),
            "x for y": suppose("θ°", theta == x / (delta + x)),
            "δ > 1": suppose("0 < δ ≤ 1", delta > 1),
        },
    )


def _best_theta() -> Obligation:
    value = theta * theta * delta * sigma2 + (1 - theta) * (1 - theta) * sigma2 * y
    square = (delta + y) * (theta - BEST_THETA) * (theta - BEST_THETA) * sigma2
    return C18(
        name="θ°, completed square",
        statement="σ²(θ²δ + (1-θ)²y) = σ²δy/(δ+y) + (δ+y)(θ-θ°)²σ², θ° = y/(δ+y), y = x/(1-x); x(1-θ°) ≤ (1-x)θ°√δ iff δ ≤ 1",
        hypotheses={**SHORT, "√δ > 0": root > 0, "δ": delta == root * root},
        conclusion=z3.And(value == LEAST + square, (x * (1 - BEST_THETA) <= (1 - x) * BEST_THETA * root) == (delta <= 1)),
        mutants={
            "half the square": conclude(value == LEAST + square / 2),
            "iff δ ≤ 2": conclude((x * (1 - BEST_THETA) <= (1 - x) * BEST_THETA * root) == (delta <= 2)),
            "x for y": conclude(z3.substitute(value, (theta, x / (delta + x))) == LEAST),
        },
    )


def _best_theta_where_all_is_noise() -> Obligation:
    """Where the other case of W holds, ``θ ≤ y/(√δ+y)``: U falls with θ, and so it is least at that end."""
    all_noise = x * (1 - theta) >= (1 - x) * theta * root
    floor = x * (1 - theta + theta * root) * (1 - theta + theta * root) * sigma2
    return C18(
        name="θ°, where all is noise",
        statement="x U(θ) ≥ σ²δy/(δ+y) for δ ≤ 1",
        hypotheses={
            **SHORT,
            **STRENGTH,
            **NOISE,
            "√δ > 0": root > 0,
            "δ": delta == root * root,
            "δ ≤ 1": root <= 1,
        },
        conclusion=z3.Implies(all_noise, floor >= LEAST),
        mutants={
            "twice of it": conclude(z3.Implies(all_noise, floor >= 2 * LEAST)),
            "no more than it": conclude(z3.Implies(all_noise, floor <= LEAST)),
            "xσ²": conclude(z3.Implies(all_noise, floor >= x * sigma2)),
        },
    )


def _no_smoothing() -> Obligation:
    """``a + q = σ((1-θ) + θ√δ)`` is at least σ."""
    return C18(
        name="no smoothing from δ = 1 on",
        statement="W(θ, x) ≥ xσ² for δ ≥ 1: θ = 0 is best",
        hypotheses={**SHORT, **SHARES, "δ ≥ 1": a + q >= sigma, "σ ≥ 0": sigma >= 0},
        conclusion=WORST >= x * sigma * sigma,
        mutants={
            "any δ": drop("δ ≥ 1"),
            "half": suppose("δ ≥ 1", 2 * (a + q) >= sigma),
            "σ²": conclude(WORST >= sigma * sigma),
        },
    )


def _gain() -> Obligation:
    return C18(
        name="gain",
        statement="W° = σ²δy/(δ+y) < xσ² iff δ < 1",
        hypotheses={**SHORT, **NOISY, "delta > 0": delta > 0},
        conclusion=(LEAST < x * sigma2) == (delta < 1),
        mutants={
            "iff δ < 2": conclude((LEAST < x * sigma2) == (delta < 2)),
            "iff δ ≤ 1": conclude((LEAST < x * sigma2) == (delta <= 1)),
            "no noise": suppose("sigma2 > 0", sigma2 >= 0),
        },
    )
