"""C21, heavy ball: the averaged sequence, the potential that falls in every step, its sum over the run, and what m = 0 makes of it."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import momentum as theory
from tsla.theory.certificates.algebra import sgd
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import of_constants
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.symbols import F0, NOISE, SMOOTH, F, F_next, L, Premises, T, eta, gap, grad2, s2, sigma2, start
from tsla.theory.certificates.algebra.engine.table import along, error2, first2, inner, length2, m, second2, slope, vv, vv_next, x

C21 = partial(Obligation, claim="C21")
h, shift = z3.Reals("h shift")
"""η/(1-m), the step size of the averaged sequence, and hm, by which times v it is away from w."""
apart_along, ee = z3.Reals("apart_along ee")
"""⟨∇F(z) - ∇F(w), ∇F(w)⟩ and ‖∇F(z) - ∇F(w)‖²."""
Gg, gg, Gz = z3.Reals("Gg gg Gz")
"""⟨∇F(w), E g⟩, E‖g‖² and ⟨∇F(z), E g⟩."""
at_z, at_z_next, at_z_end, vv_end = z3.Reals("at_z at_z_next at_z_end vv_end")
"""F(z) - F* now, after a step, and at the end; and ‖v‖² at the end. At the start z is w_0."""
LEFT = 2 - h * L * (1 + m) / (1 - m)
GAIN, LIFT = h / 2 * LEFT, h * h * L * (1 + m) * sigma2 / 2
WEIGHT = h * h * L * m / 2
"""Of ‖v‖² in the potential ``F(z) - F* + weight ‖v‖²``, which is what telescopes."""
POTENTIAL, POTENTIAL_NEXT, POTENTIAL_END = at_z + WEIGHT * vv, at_z_next + WEIGHT * vv_next, at_z_end + WEIGHT * vv_end
OF_STEP: Premises = {"h": h == eta / (1 - m)}
MOMENTUM: Premises = {**SMOOTH, "h > 0": h > 0, "m >= 0": m >= 0, "m < 1": m < 1}
LONG_STEP: Premises = {**MOMENTUM, "hL(1+m) < 2(1-m)": h * L * (1 + m) < 2 * (1 - m)}
RUN = recursions.Telescoping(
    "C21",
    GAIN,
    LIFT,
    {**LONG_STEP, **NOISE},
    "(h/2)(2 - hL(1+m)/(1-m)) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E potential_t + t h²L(1+m)σ²/2",
    potential=POTENTIAL,
    begin={at_z: start, vv: z3.RealVal(0)},
    after={at_z: at_z_next, vv: vv_next},
    end={at_z: at_z_end, vv: vv_end},
)
ALONG_VELOCITY = (1 - m) / 2 * vv + grad2 / (2 * (1 - m))
ALONG_GRADIENTS = h * L * m * ALONG_VELOCITY
SQUARES: Premises = {"squares": z3.And(vv >= 0, grad2 >= 0)}


def obligations() -> tuple[Obligation, ...]:
    """The steps of C21."""
    return (_averaged(), _gradients(), _velocity(), _one_step(), *RUN.obligations, _end(), _mean(), _without_momentum())


def manifests() -> tuple[Manifest, ...]:
    """The averaged sequence; one step, the sum of many, C21, and what it is without momentum."""
    short = ("L > 0", "eta > 0", "m >= 0", "m < 1", "eta < 2(1-m)²/(L(1+m))")
    return (
        alone(_averaged(), "m < 1", definitions=OF_STEP),
        step(),
        total(),
        bound(),
        alone(_without_momentum(), *short, "T > 0", "m = 0", definitions=OF_STEP),
    )


@cache
def step() -> Manifest:
    """One step: A1 along z, and what the velocity adds to it."""
    along_z = {F: at_z, F_next: at_z_next, eta: h, slope: Gz, length2: gg}
    return Manifest(
        claim="C21",
        name="one step",
        premises=(
            *premises("L > 0", "eta > 0", "m >= 0", "m < 1", "‖∇F‖² >= 0", "A2: variance", "A2: square of the velocity"),
            Premise("A1: quadratic bound", along_z),
            Premise("A1: Lipschitz gradient", {second2: ee, x: shift, first2: vv}),
            Premise("A2: E g = ∇F", {slope: Gg}),
            Premise("A2: E g = ∇F, along the gradient elsewhere", {slope: Gz, inner: apart_along}),
            Premise("square of a difference", {slope: Gg, length2: gg, error2: s2}),
            Premise("first square >= 0", {first2: vv}),
            Premise("Cauchy-Schwarz", {inner: apart_along, first2: ee, second2: grad2}),
            Premise("Cauchy-Schwarz", {inner: along, first2: vv, second2: grad2}),
        ),
        definitions={**OF_STEP, "w - z": shift == h * m},
        steps=(*sgd.second_moment().steps, _gradients(), _velocity(), _one_step()),
    )


@cache
def total() -> Manifest:
    """C21 before it is divided by T, from no velocity."""
    return RUN.over(step(), "sigma2 >= 0", "eta < 2(1-m)²/(L(1+m))")


def bound() -> Manifest:
    """C21: what is left of the potential at the end is not negative."""
    sums = total()
    return Manifest(
        claim="C21",
        name="bound",
        premises=(
            *sums.premises,
            *premises("T > 0", "eta < 2/L", "F(w_0) - F* <= F0"),
            Premise("F >= F*", {gap: at_z_end}),
            Premise("first square >= 0", {first2: vv_end}),
        ),
        definitions=sums.definitions,
        steps=(Cited(sums), _end(), _mean()),
        function=of_constants("", theory.bound, eta="eta", T="T", momentum="m"),
        asks=premises("F0 > 0"),
    )


def _mean() -> Obligation:
    bound = formulas.momentum_bound(F0, h, T, L, sigma2, m)
    statement = "E‖∇F(w_R)‖² ≤ [2F0/(hT) + hL(1+m)σ²]/(2 - hL(1+m)/(1-m))"
    return RUN.mean(bound, statement)


def _end() -> Obligation:
    return C21(
        name="end",
        statement="the potential is not negative",
        hypotheses={**MOMENTUM, "‖v‖² >= 0": vv_end >= 0, "F >= F*": at_z_end >= 0},
        conclusion=POTENTIAL_END >= 0,
        mutants={
            "F not bounded below": drop("F >= F*"),
            "F(z) less the velocity": conclude(at_z_end - WEIGHT * vv_end >= 0),
        },
        axiom=axioms.INFIMUM,
    )


def _averaged() -> Obligation:
    """Each coordinate."""
    w, v, g = z3.Reals("w v g")
    following = m * v + g
    shift = eta * m / (1 - m)
    return C21(
        name="averaged sequence",
        statement="z = w - ηm/(1-m) v has z⁺ = z - η/(1-m) g and w - z = hmv",
        hypotheses={"m < 1": m < 1, "h": h == eta / (1 - m)},
        conclusion=z3.And(w - eta * following - shift * following == w - shift * v - h * g, w - (w - shift * v) == h * m * v),
        mutants={
            "η for h": suppose("h", h == eta),
            "z = w": conclude(w - eta * following == w - h * g),
            "m for m/(1-m)": conclude(w - eta * following - eta * m * following == w - eta * m * v - h * g),
        },
        guarantee="identity",
    )


def _gradients() -> Obligation:
    return C21(
        name="gradients apart",
        statement="-⟨∇F(z)-∇F(w), ∇F(w)⟩ ≤ hLm[(1-m)/2 ‖v‖² + ‖∇F(w)‖²/(2(1-m))]",
        hypotheses={
            **MOMENTUM,
            **SQUARES,
            "w - z": shift == h * m,
            "A1": ee <= L * L * shift * shift * vv,
            "Cauchy-Schwarz": apart_along * apart_along <= ee * grad2,
        },
        conclusion=-apart_along <= ALONG_GRADIENTS,
        mutants={
            "half of it": conclude(-2 * apart_along <= ALONG_GRADIENTS),
            "not smooth": drop("A1"),
            "no Cauchy-Schwarz": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _velocity() -> Obligation:
    return C21(
        name="velocity",
        statement="⟨v, ∇F(w)⟩ ≤ (1-m)/2 ‖v‖² + ‖∇F(w)‖²/(2(1-m))",
        hypotheses={"m < 1": m < 1, **SQUARES, "Cauchy-Schwarz": along * along <= vv * grad2},
        conclusion=along <= ALONG_VELOCITY,
        mutants={
            "half of it": conclude(2 * along <= ALONG_VELOCITY),
            "m > 1": suppose("m < 1", m > 1),
            "no Cauchy-Schwarz": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _one_step() -> Obligation:
    step = POTENTIAL_NEXT <= POTENTIAL - GAIN * grad2 + LIFT
    half = at_z_next + WEIGHT / 2 * vv_next <= at_z + WEIGHT / 2 * vv - GAIN * grad2 + LIFT
    return C21(
        name="one step",
        statement="E potential⁺ ≤ potential - (h/2)(2 - hL(1+m)/(1-m))‖∇F(w)‖² + h²L(1+m)σ²/2, potential = F(z) + h²Lm/2 ‖v‖²",
        hypotheses={
            **MOMENTUM,
            **SQUARES,
            "A1' along z": z3.substitute(quadratic_upper_bound(Gz, gg), (F, at_z), (F_next, at_z_next), (eta, h)),
            "E g = ∇F": Gz == grad2 + apart_along,
            "second moment": gg == grad2 + s2,
            "v⁺ = mv + g": vv_next == m * m * vv + 2 * m * along + grad2 + s2,
            "A2": s2 <= sigma2,
            "gradients apart": -apart_along <= ALONG_GRADIENTS,
            "velocity": along <= ALONG_VELOCITY,
        },
        conclusion=step,
        mutants={
            "F(z) alone": conclude(at_z_next <= at_z - GAIN * grad2 + LIFT),
            "noise of SGD": conclude(POTENTIAL_NEXT <= POTENTIAL - GAIN * grad2 + h * h * L * sigma2 / 2),
            "descent of SGD": conclude(POTENTIAL_NEXT <= POTENTIAL - h / 2 * (2 - h * L) * grad2 + LIFT),
            "half of the weight": conclude(half),
            "no A2": drop("A2"),
        },
        axiom=axioms.EXPECTATION,
    )


def _without_momentum() -> Obligation:
    bound = formulas.momentum_bound(F0, h, T, L, sigma2, m)
    return C21(
        name="without momentum",
        statement="at m = 0, where h = η, it is C16",
        hypotheses={**LONG_STEP, "T > 0": T > 0, "m = 0": m == 0},
        conclusion=bound == formulas.worst_case_bound(F0, h, T, L, sigma2),
        mutants={
            "C4": conclude(bound == formulas.sgd_bound(F0, h, T, L, sigma2)),
            "with momentum": drop("m = 0"),
        },
        guarantee="identity",
    )
