"""C18, the exact form: a descent that drops nothing, its worst split, a line above what that costs, and what attains it."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import sharp_exact as theory
from tsla.theory.certificates.algebra import biased, sharp
from tsla.theory.certificates.algebra.biased import Gm, bias2, dd, mm, noise
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import of_constants
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.symbols import F0, NOISE, START, STEP, F, F_next, L, Premises, T, eta, grad2, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import error2, first2, inner, length2, radical, radicand, second2, slope
from tsla.theory.certificates.algebra.sharp import PARTS, SCALE, SHARES, SHARES_OF, SPLIT, a, m, q, x
from tsla.theory.certificates.algebra.sharp_lemma import ROOTS_OF_BOUNDS

C18 = partial(Obligation, claim="C18")
e2, Ge = z3.Reals("e2 Ge")
"""``‖E d - ∇F‖²`` and ``⟨E d - ∇F, ∇F⟩`` of the direction d."""
D, most, tilt, worst = z3.Reals("D most tilt worst")
"""``2F0/(ηT)``; what the worst split costs at the bound, how it grows with ``‖∇F‖²`` there, and the bound itself."""
keep, rest = 2 - x, 1 - x
w, z, beta = z3.Reals("w z beta")
"""A point of one dimension, its slope, and the size of a bias."""
ENDS = [w - eta * (L * w - beta + sign * (a + m)) for sign in (1, -1)]
FALL = L / 2 * w * w - z3.Sum([L / 2 * end * end for end in ENDS]) / 2
"""By how much one step on ``(L/2)w²`` lowers F in the mean."""
R, C = radical, D + x * (a * a + q * q)
RADICAND = keep * C * rest * rest + q * q * rest * rest * rest * rest + keep * keep * x * x * a * a
ROOT: Premises = {"R": z3.And(R >= 0, R * R == RADICAND)}
COST = (2 * q * q * rest * rest + 2 * q * R) / keep
VALUE = (keep * C + 2 * q * q * rest * rest + 2 * q * R) / (keep * keep)
"""``sharp_exact.bound``: A."""
SPLITS = 2 * x * a * m - 2 * rest * Ge
"""What the split decides of the cost of a step."""
TILT = 2 * q * q * rest * rest / z3.If(most > 0, most, 1)
"""0 where ``most`` is."""
PLACE: Premises = {
    "radicand": radicand == RADICAND,
    "D": D == 2 * F0 / (eta * T),
    "most": most == COST,
    "tilt": tilt == TILT,
    "A": worst == VALUE,
}
"""The point at which the line touches."""
LINE: Premises = {
    "most": z3.And(most >= 0, most * most == 4 * q * q * (rest * rest * worst + x * x * a * a)),
    "tilt": z3.And(tilt >= 0, tilt * most == 2 * q * q * rest * rest, z3.Implies(most == 0, tilt == 0)),
}
GAIN, LIFT = eta / 2 * (keep - tilt), eta / 2 * (x * (a * a + q * q) + most - tilt * worst)
RUN = recursions.Telescoping(
    "C18", GAIN, LIFT, STEP, "(η/2)(2-x-τ) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t(η/2)(x(a² + q²) + Y - τA)", "exact, "
)


def obligations() -> tuple[Obligation, ...]:
    """The steps of the exact form."""
    return (
        _direction(),
        _worst_split(),
        _touches(),
        _line(),
        _one_step(),
        *RUN.obligations,
        _mean(),
        _beside_sgd(),
        _at_largest_step(),
        _attained(),
    )


def manifests() -> tuple[Manifest, ...]:
    """One step, the sum of many, the bound; what it is without smoothing and at the largest step, and that it is attained."""
    strengths, lengths = ("theta >= 0", "theta <= 1"), ("L > 0", "eta > 0", "eta <= 1/L", "T > 0", "F0 > 0", *ROOTS_OF_BOUNDS, "√")
    largest = [name for name in lengths if not name.startswith("eta")]
    root = {name: PLACE[name] for name in ("radicand", "D")}
    touching = {**SHARES_OF, **root, **{name: PLACE[name] for name in ("most", "A")}}
    return (
        step(),
        total(),
        bound(),
        alone(_touches(), *lengths, *strengths, definitions=touching),
        alone(_beside_sgd(), *lengths, settings={"θ = 0": theta == 0}, definitions={**SHARES_OF, **root}),
        alone(_at_largest_step(), *largest, *strengths, settings={"eta": eta == 1 / L}, definitions={**SHARES_OF, **root}),
        alone(_attained(), "eta > 0", definitions={"x = ηL": x == eta * L, "z = Lw": z == L * w, "D": D == 2 * FALL / eta}),
    )


@cache
def step() -> Manifest:
    """One step, at any split, below a line in ``‖∇F‖²``."""
    direction = {length2: mm, slope: Gm}
    return Manifest(
        claim="C18",
        name="exact, one step",
        premises=(
            *sharp.premises_of_a_step(),
            *premises("F0 > 0", "T > 0", "√"),
            Premise("first square >= 0", {first2: e2}),
            Premise("square of a difference", {error2: e2, **direction}),
            Premise("square of a sum", {error2: mm, first2: e2, inner: Ge, second2: grad2}),
            Premise("Cauchy-Schwarz", {inner: Ge, first2: e2, second2: grad2}),
        ),
        definitions={**biased.step().definitions, **PARTS, **PLACE},
        steps=(Cited(sharp.parts()), _direction(), _worst_split(), _line(), _one_step()),
    )


@cache
def total() -> Manifest:
    """The exact form before it is divided by T."""
    return RUN.over(step())


@cache
def bound() -> Manifest:
    """The exact form."""
    return recursions.averaged(total(), _mean(), of_constants("delta", theory.bound, eta="eta", T="T", theta="theta"))


def _direction() -> Obligation:
    """With E d = ∇F + e: ``‖E d‖² = ‖e‖² + 2⟨e, ∇F⟩ + ‖∇F‖²``."""
    fall = keep * grad2 + 2 * rest * Ge - x * (e2 + noise)
    return C18(
        name="exact, descent",
        statement="E F(w⁺) ≤ F(w) - (η/2)[(2-x)‖∇F‖² + 2(1-x)⟨e, ∇F⟩ - x(‖e‖² + N)], e = E d - ∇F",
        hypotheses={
            **STEP,
            "x = ηL": x == eta * L,
            "A1'": quadratic_upper_bound(Gm, dd),
            "second moment": dd - mm <= noise,
            "e": e2 == mm - 2 * Gm + grad2,
            "E d": mm == e2 + 2 * Ge + grad2,
        },
        conclusion=F_next <= F - eta / 2 * fall,
        mutants={
            "no bias along ∇F": conclude(F_next <= F - eta / 2 * (keep * grad2 - x * (e2 + noise))),
            "half the noise": conclude(F_next <= F - eta / 2 * (fall + x * noise / 2)),
            "any second moment": drop("second moment"),
        },
        axiom=axioms.EXPECTATION,
    )


def _worst_split() -> Obligation:
    """An inner product of (‖e‖, m) and ((1-x)‖∇F‖, xa)."""
    longest = rest * rest * grad2 + x * x * a * a
    return C18(
        name="exact, worst split",
        statement="(2xam - 2(1-x)⟨e, ∇F⟩)² ≤ 4q²((1-x)²‖∇F‖² + x²a²) for ‖e‖² + m² ≤ q²",
        hypotheses={
            **SCALE,
            **SHARES,
            **SPLIT,
            "bias": z3.And(e2 >= 0, e2 <= bias2),
            "Cauchy-Schwarz": z3.And(grad2 >= 0, Ge * Ge <= e2 * grad2),
        },
        conclusion=SPLITS * SPLITS <= 4 * q * q * longest,
        mutants={
            "half of q": conclude(SPLITS * SPLITS <= q * q * longest),
            "any split": drop("A3"),
            "any bias": suppose("bias", e2 >= 0),
            "any angle": suppose("Cauchy-Schwarz", grad2 >= 0),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _touches() -> Obligation:
    return C18(
        name="exact, touches",
        statement="Y = [2q²(1-x)² + 2qR]/(2-x) has Y² = 4q²((1-x)²A + x²a²) at A = (C + Y)/(2-x)",
        hypotheses={**SCALE, **SHARES, **ROOT, "most": most == COST, "A": worst == VALUE},
        conclusion=z3.And(LINE["most"], worst * keep == C + most),
        mutants={
            "half of R": suppose("most", most == COST - q * R / keep),
            "the smaller root": suppose("most", most == (2 * q * q * rest * rest - 2 * q * R) / keep),
            "any root": drop("R"),
        },
        guarantee="tight",
    )


def _line() -> Obligation:
    """Squared: ``Y² + 2τY(‖∇F‖² - A)`` is what the root is of, and the square of the line is more by ``τ²(‖∇F‖² - A)²``."""
    line = most + tilt * (grad2 - worst)
    return C18(
        name="exact, below a line",
        statement="2xam - 2(1-x)⟨e, ∇F⟩ ≤ Y + τ(‖∇F‖² - A)",
        hypotheses={**LINE, "worst split": SPLITS * SPLITS <= 4 * q * q * (rest * rest * grad2 + x * x * a * a), "grad2 >= 0": grad2 >= 0},
        conclusion=SPLITS <= line,
        mutants={
            "half of Y": conclude(SPLITS <= line - most / 2),
            "flat": conclude(SPLITS <= most),
            "any split": drop("worst split"),
        },
    )


def _one_step() -> Obligation:
    return C18(
        name="exact, one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)[(2-x-τ)‖∇F‖² - x(a² + q²) - Y + τA]",
        hypotheses={
            **STEP,
            **SCALE,
            **SPLIT,
            "descent": _direction().conclusion,
            "noise": noise <= (a + m) * (a + m),
            "bias": e2 <= bias2,
            "line": _line().conclusion,
        },
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half the shares": conclude(F_next <= F - GAIN * grad2 + LIFT - eta / 4 * x * (a * a + q * q)),
            "any noise": drop("noise"),
            "any split": drop("A3"),
            "any angle": drop("line"),
        },
        axiom=axioms.HISTORY,
    )


def _mean() -> Obligation:
    known: Premises = {"D": D == 2 * F0 / (eta * T), "slope": tilt < keep, "touches": worst * keep == C + most, "A": worst == VALUE}
    wrong = {"half of D": suppose("D", D == F0 / (eta * T)), "any slope": drop("slope")}
    statement = "E‖∇F(w_R)‖² ≤ A = [(2-x)C + 2q²(1-x)² + 2qR]/(2-x)², C = 2F0/(ηT) + x(a² + q²)"
    return RUN.mean(VALUE, statement, known, wrong)


def _beside_sgd() -> Obligation:
    return C18(
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
    return C18(
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
    mean = D + 2 * rest * beta * z + x * (beta * beta + (a + m) * (a + m))
    return C18(
        name="exact, attained",
        statement="(2-x)z² = D + 2(1-x)βz + x(β² + (a + m)²) in one step on (L/2)w² for every split: g = Lw ± σ, ĝ = Lw - b ± n",
        hypotheses={"x = ηL": x == eta * L, "eta > 0": eta > 0, "z = Lw": z == L * w, "D": D == 2 * FALL / eta},
        conclusion=keep * z * z == mean,
        mutants={
            "b away from 0": conclude(keep * z * z == mean - 4 * rest * beta * z),
            "half the fall": suppose("D", D == FALL / eta),
            "C12": conclude(z * z == D + beta * beta + x * (a + m) * (a + m)),
        },
        guarantee="tight",
    )
