"""C18: the bound with the floor W(θ, ηL), which is that of the worst split of A3 into bias and noise."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import sharp as theory
from tsla.theory.certificates.algebra import biased
from tsla.theory.certificates.algebra.biased import bias2, noise
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import of_constants
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    STEP,
    STRENGTH,
    F,
    F_next,
    L,
    Premises,
    T,
    beta2,
    c,
    delta,
    eta,
    grad2,
    nu2,
    s2,
    shat2,
    sigma2,
    theta,
)
from tsla.theory.certificates.algebra.engine.table import first2, inner, nu, second2, sigma
from tsla.theory.certificates.algebra.sharp_lemma import ROOTS_OF_BOUNDS, SIZES, smoothing, true

C18 = partial(Obligation, claim="C18")
x, W = z3.Reals("x W")
"""ηL, and a bound on the floor."""
a, q, m = z3.Reals("a q m")
"""(1-θ)σ and θ√δσ, what g and ĝ may contribute; m = θn of a split of δσ² into b² and n², and ``bias2`` is θ²b²."""
SHORT: Premises = {"0 < ηL < 1": z3.And(x > 0, x < 1)}
SCALE: Premises = {"0 < ηL ≤ 1": z3.And(x > 0, x <= 1)}
SHARES: Premises = {"shares": z3.And(a >= 0, q >= 0)}
SPLIT: Premises = {"A3": z3.And(bias2 >= 0, m >= 0, bias2 + m * m <= q * q)}
OF_SPLIT = bias2 + x * (a + m) * (a + m)
OF_BIAS, ALL_NOISE = formulas.floors_of_splits(x, a, q)
WORST = formulas.worst_floor(x, a, q)
"""W; where ``xa = (1-x)q`` the two are the same."""
PARTS: Premises = {"x = ηL": x == eta * L, "a": a == true, "q": q == smoothing, "m": m == theta * nu}
SHARES_OF: Premises = {name: PARTS[name] for name in ("x = ηL", "a", "q")}
GAIN, LIFT = eta / 2, eta / 2 * W
RUN = recursions.Telescoping("C18", GAIN, LIFT, STEP, "(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t ηW/2")


def obligations() -> tuple[Obligation, ...]:
    """The steps of the bound; the exact form is in ``sharp_exact``."""
    return (
        _covariance(),
        _split(),
        _noise(),
        _worst_split(),
        _worst_noise(),
        _worst(),
        _worst_split_attained(),
        _beside_lsr(),
        _one_step(),
        *RUN.obligations,
        _mean(),
    )


def manifests() -> tuple[Manifest, ...]:
    """What A3 leaves, one step at the worst split, the sum of many, the bound, and how it lies to C5's."""
    shorter = ("L > 0", "eta > 0", "eta < 1/L", "theta >= 0", "theta <= 1")
    split = {"m": m == x * a / (1 - x), "bias2": bias2 == q * q - m * m}
    return (
        parts(),
        step(),
        total(),
        bound(),
        alone(_worst_split_attained(), *shorter, *ROOTS_OF_BOUNDS, definitions={**SHARES_OF, **split}),
        alone(_beside_lsr(), *shorter, *ROOTS_OF_BOUNDS, definitions=SHARES_OF),
    )


@cache
def parts() -> Manifest:
    """What A2 and A3 leave to bias and noise."""
    return Manifest(
        claim="C18",
        name="parts",
        statement="θ²b² + (θn)² ≤ θ²δσ² and N(θ) ≤ ((1-θ)σ + θn)²",
        premises=(
            *biased.split().premises,
            *premises("A2: variance", "A3", "ν", "theta >= 0", "theta <= 1", *ROOTS_OF_BOUNDS),
            Premise("first square >= 0", {first2: beta2}),
            Premise("Cauchy-Schwarz", {inner: c, first2: s2, second2: nu2}),
        ),
        definitions={**biased.PARTS, **{name: PARTS[name] for name in ("a", "q", "m")}},
        steps=(_covariance(), Cited(biased.split()), _split(), _noise()),
        conclusion=z3.And(_covariance().conclusion, SPLIT["A3"], _noise().conclusion),
    )


def premises_of_a_step() -> tuple[Premise, ...]:
    """Those of a step of C12, with A2 and A3 in the place of its moments."""
    own = ("beta2 >= 0", "nu2 >= 0", "c² <= σ²ν²", *STRENGTH)
    return (*(premise for premise in biased.step().premises if premise.name not in own), *parts().premises)


@cache
def step() -> Manifest:
    """One step of C12 where nothing is known of bias and noise but A3."""
    general = biased.step()
    return Manifest(
        claim="C18",
        name="one step",
        premises=premises_of_a_step(),
        definitions={**general.definitions, **PARTS, "W": W == WORST},
        steps=(Cited(parts()), Cited(general), _worst_split(), _worst_noise(), _worst(), _one_step()),
    )


@cache
def total() -> Manifest:
    """C18 before it is divided by T."""
    return RUN.over(step())


def bound() -> Manifest:
    """C18."""
    return recursions.averaged(total(), _mean(), of_constants("delta", theory.bound, eta="eta", T="T", theta="theta"))


def _mean() -> Obligation:
    return RUN.mean(formulas.lsr_bound(F0, eta, T, W), "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + W(θ, ηL)")


def _covariance() -> Obligation:
    return C18(
        name="W, covariance",
        statement="c² ≤ σ²n², n² = E‖ĝ-Eĝ‖²",
        hypotheses={"Cauchy-Schwarz": c * c <= s2 * nu2, "A2": s2 <= sigma2, "n² ≥ 0": nu2 >= 0},
        conclusion=c * c <= sigma2 * nu2,
        mutants={"half of it": conclude(2 * c * c <= sigma2 * nu2), "no A2": drop("A2")},
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _split() -> Obligation:
    return C18(
        name="W, what A3 leaves",
        statement="θ²b² + (θn)² ≤ q², q = θ√δσ",
        hypotheses={
            **STRENGTH,
            **SIZES,
            "b² ≥ 0": beta2 >= 0,
            "n": z3.And(nu >= 0, nu * nu == nu2),
            "split": shat2 == beta2 + nu2,
            "A3": shat2 <= delta * sigma2,
            "parts": z3.And(bias2 == theta * theta * beta2, m == theta * nu, q == smoothing),
        },
        conclusion=SPLIT["A3"],
        mutants={
            "half of it": conclude(2 * (bias2 + m * m) <= q * q),
            "no A3": drop("A3"),
            "n not counted": drop("split"),
        },
    )


def _noise() -> Obligation:
    return C18(
        name="W, noise",
        statement="N(θ) ≤ (a + θn)², a = (1-θ)σ",
        hypotheses={
            **STRENGTH,
            "σ": z3.And(sigma >= 0, sigma * sigma == sigma2),
            "n": z3.And(nu >= 0, nu * nu == nu2),
            "covariance": c * c <= sigma2 * nu2,
            "parts": z3.And(noise == formulas.second_moment(sigma2, nu2, c, theta), m == theta * nu, a == true),
        },
        conclusion=noise <= (a + m) * (a + m),
        mutants={
            "without the covariance": conclude(noise <= a * a + m * m),
            "any covariance": drop("covariance"),
            "theta > 1": drop("theta <= 1"),
        },
    )


def _worst_split() -> Obligation:
    return C18(
        name="W, bias and noise",
        statement="β² + x(a + m)² ≤ q² + a²x/(1-x) for β² + m² ≤ q², x < 1",
        hypotheses={**SCALE, **SHARES, **SPLIT},
        conclusion=z3.Implies(x < 1, OF_SPLIT <= OF_BIAS),
        mutants={
            "x for x/(1-x)": conclude(z3.Implies(x < 1, OF_SPLIT <= q * q + a * a * x)),
            "half the bias": conclude(z3.Implies(x < 1, OF_SPLIT <= OF_BIAS - q * q / 2)),
            "any split": drop("A3"),
        },
    )


def _worst_noise() -> Obligation:
    return C18(
        name="W, all noise",
        statement="β² + x(a + m)² ≤ x(a + q)² for β² + m² ≤ q² where xa ≥ (1-x)q; a + q = √U",
        hypotheses={**SCALE, **SHARES, **SPLIT},
        conclusion=z3.Implies(x * a >= (1 - x) * q, OF_SPLIT <= ALL_NOISE),
        mutants={
            "half of it": conclude(z3.Implies(x * a >= (1 - x) * q, OF_SPLIT <= ALL_NOISE / 2)),
            "for all θ": conclude(OF_SPLIT <= ALL_NOISE),
            "any split": drop("A3"),
        },
    )


def _worst() -> Obligation:
    return C18(
        name="W",
        statement="θ²b² + ηL N(θ) ≤ W(θ, ηL) for every split",
        hypotheses={
            **SCALE,
            **SHARES,
            "x = ηL": x == eta * L,
            "noise": noise <= (a + m) * (a + m),
            "bias and noise": _worst_split().conclusion,
            "all noise": _worst_noise().conclusion,
            "W": W == WORST,
        },
        conclusion=formulas.biased_floor(eta, L, bias2, noise) <= W,
        mutants={
            "half of it": conclude(2 * formulas.biased_floor(eta, L, bias2, noise) <= W),
            "all noise": suppose("W", W == ALL_NOISE),
            "any noise": drop("noise"),
            "any split": drop("bias and noise"),
        },
    )


def _worst_split_attained() -> Obligation:
    """The other case is attained by ``b = 0``, which makes it an identity."""
    attained = z3.And(OF_SPLIT == OF_BIAS, bias2 >= 0)
    return C18(
        name="W, attained by a split",
        statement="at m = xa/(1-x), β² = q² - m² it is q² + a²x/(1-x), and β² ≥ 0 where xa ≤ (1-x)q",
        hypotheses={**SHORT, **SHARES, "m": m == x * a / (1 - x), "bias2": bias2 == q * q - m * m},
        conclusion=z3.Implies(x * a <= (1 - x) * q, attained),
        mutants={
            "all noise": suppose("m", m == q),
            "beyond the case": conclude(attained),
            "x U": conclude(z3.Implies(x * a <= (1 - x) * q, OF_SPLIT == ALL_NOISE)),
        },
        guarantee="tight",
    )


def _beside_lsr() -> Obligation:
    """The rest of it, ``U <= V``, is in ``beside the lemma``."""
    return C18(
        name="beside C5",
        statement="θ²δσ² ≤ W(θ, x) ≤ U(θ)",
        hypotheses={**SHORT, **SHARES},
        conclusion=z3.And(q * q <= WORST, WORST <= (a + q) * (a + q)),
        mutants={
            "at most xU": conclude(WORST <= ALL_NOISE),
            "at most half of U": conclude(WORST <= (a + q) * (a + q) / 2),
            "ηL > 1": suppose("0 < ηL < 1", x > 1),
        },
    )


def _one_step() -> Obligation:
    """C12's step, whatever the split is at this point of this history."""
    return C18(
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + (η/2)W",
        hypotheses={**STEP, "C12": biased.step().conclusion, "W": formulas.biased_floor(eta, L, bias2, noise) <= W},
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half of W": conclude(F_next <= F - eta / 2 * grad2 + eta / 4 * W),
            "any split": drop("W"),
            "twice the gain": conclude(F_next <= F - eta * grad2 + eta / 2 * W),
        },
        axiom=axioms.HISTORY,
    )
