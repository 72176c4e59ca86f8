"""C22, clipping: its bias and error under A2, the descent with them, where it stands still, and what it does without noise."""

from __future__ import annotations

from functools import cache, partial

import z3

from tsla.theory import clipping as theory
from tsla.theory.certificates.algebra.descent import quadratic_upper_bound
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import of_constants
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, descent, premises
from tsla.theory.certificates.algebra.engine.steps import Inference
from tsla.theory.certificates.algebra.engine.symbols import F0, NOISE, STEP, F, F_next, L, Premises, T, eta, grad2, s2, sigma2
from tsla.theory.certificates.algebra.engine.table import (
    NO_FARTHER,
    SHORT_EXCESS,
    clipped2,
    distance,
    excess,
    length,
    length2,
    mean2,
    mean_excess,
    norm,
    off,
    slope,
    steepest,
    tau,
    unit_along,
)

C22 = partial(Obligation, claim="C22")
Gm, mm, dd = z3.Reals("Gm mm dd")
"""⟨∇F, m⟩, ‖m‖² and E‖clip(g)‖² for m = E clip(g)."""
h, step_size = z3.Reals("h step_size")
"""``min(1, τ/‖∇F‖)``, and that times η."""
CLIPPED: Premises = {"clipped": excess == z3.If(length > tau, length - tau, z3.RealVal(0))}
WITHOUT_NOISE: Premises = {"h": h == z3.If(norm <= tau, z3.RealVal(1), tau / norm), "step": step_size == eta * h}
ROOM: Premises = {"0 <= ‖∇F‖": norm >= 0, "‖∇F‖ <= S": norm <= steepest, "S < τ": steepest < tau}
KNOWN: Premises = {**STEP, **NOISE, "S < τ": steepest < tau}
BIAS2 = formulas.clipping_bias2(sigma2, tau, steepest)
GAIN, LIFT = eta / 2, eta / 2 * BIAS2 + L * eta * eta * sigma2 / 2
RUN = recursions.Telescoping("C22", GAIN, LIFT, KNOWN, "(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t(ησ⁴/(16(τ-S)²) + Lη²σ²)/2")


def obligations() -> tuple[Obligation, ...]:
    """The steps of C22."""
    return (_excess(), _bias(), _error(), _one_step(), *RUN.obligations, _mean(), _standstill(), _without_noise())


def manifests() -> tuple[Manifest, ...]:
    """One step, the sum of many, C22; where clipping stands still, and what it does without noise."""
    along = {slope: grad2, length2: grad2, eta: step_size}
    return (
        step(),
        total(),
        recursions.averaged(total(), _mean(), of_constants("", theory.bound, eta="eta", T="T", clip="tau", steepest="steepest")),
        alone(_standstill(), "τ > 0", "sigma2 > 0", "σ <= 2τ"),
        alone(
            _without_noise(),
            *("L > 0", "eta > 0", "eta <= 1/L", "τ > 0", "‖∇F‖"),
            premises=(Premise("A1: quadratic bound", along),),
            definitions=WITHOUT_NOISE,
        ),
    )


@cache
def step() -> Manifest:
    """One step of clipped SGD: what clipping does to each sample, its bias, and A1."""
    direction = {slope: Gm, mean2: mm, length2: dd}
    return Manifest(
        claim="C22",
        name="one step",
        premises=(
            *descent(Gm, dd),
            *premises("sigma2 >= 0", "S >= 0", "S < τ", "‖∇F‖ <= S", "‖∇F‖", "A2: variance", "A2: norm of a mean"),
            *premises("‖g - ∇F‖ >= 0", "triangle inequality", "Cauchy-Schwarz along g", "‖∇F‖² >= 0"),
            Premise("E‖d‖² >= 0", {length2: mm}),
            *(Premise(name, direction) for name in ("‖E d - ∇F‖", "about the mean")),
        ),
        definitions=CLIPPED,
        steps=(_excess(), _error(), Inference(axioms.EACH_SAMPLE), _bias(), _one_step()),
    )


@cache
def total() -> Manifest:
    """C22 before it is divided by T."""
    return RUN.over(step())


def _mean() -> Obligation:
    bound = formulas.clipped_bound(F0, eta, T, L, sigma2, tau, steepest)
    return RUN.mean(bound, "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + σ⁴/(16(τ-S)²) + ηLσ²")


def _excess() -> Obligation:
    """‖clip(g) - g‖ is 0, or ``‖g‖ - τ``, and ``‖g‖ <= ‖∇F‖ + ‖g-∇F‖``."""
    return C22(
        name="excess",
        statement="‖clip(g) - g‖ = max(‖g‖-τ, 0) ≤ ‖g-∇F‖²/(4(τ-S))",
        hypotheses={
            **ROOM,
            "triangle": length <= norm + distance,
            "distance >= 0": distance >= 0,
            **CLIPPED,
        },
        conclusion=SHORT_EXCESS,
        mutants={
            "8 for 4": conclude(8 * (tau - steepest) * excess <= distance * distance),
            "τ for τ-S": conclude(4 * tau * excess <= distance * distance),
            "steeper than S": drop("‖∇F‖ <= S"),
        },
        axiom="‖a+b‖ ≤ ‖a‖ + ‖b‖",
    )


def _bias() -> Obligation:
    """The mean of the excess is at most that of its bound, and ``‖E clip(g) - ∇F‖ <= E‖clip(g) - g‖``, as ``E g = ∇F``."""
    return C22(
        name="bias",
        statement="‖E clip(g) - ∇F‖² ≤ σ⁴/(16(τ-S)²)",
        hypotheses={
            **ROOM,
            "bias >= 0": off >= 0,
            "triangle": off <= mean_excess,
            "excess": 4 * (tau - steepest) * mean_excess <= s2,
            "A2": s2 <= sigma2,
        },
        conclusion=off * off <= BIAS2,
        mutants={
            "half of it": conclude(2 * off * off <= BIAS2),
            "no A2": drop("A2"),
            "S > τ": drop("S < τ"),
        },
        axiom=f"{axioms.EXPECTATION}; the norm of a mean is at most the mean of the norms",
    )


def _error() -> Obligation:
    """Where g is longer than τ, clip(g) is ``(τ/‖g‖) g``; ``unit_along`` is ⟨g, ∇F⟩/‖g‖, at most ‖∇F‖."""
    clipped, apart = NO_FARTHER.children()
    return C22(
        name="error",
        statement="‖clip(g) - ∇F‖² ≤ ‖g - ∇F‖² where ‖∇F‖ ≤ τ",
        hypotheses={**ROOM, "Cauchy-Schwarz": unit_along <= norm},
        conclusion=NO_FARTHER,
        mutants={
            "half of it": conclude(2 * clipped <= apart),
            "steeper than τ": drop("S < τ"),
            "no Cauchy-Schwarz": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _one_step() -> Obligation:
    """With m = E clip(g): ``E‖clip(g)‖² - ‖m‖² = E‖clip(g) - m‖²`` is at most ``E‖clip(g) - ∇F‖²``."""
    return C22(
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + (η/2)σ⁴/(16(τ-S)²) + Lη²σ²/2",
        hypotheses={
            **STEP,
            "‖m‖² >= 0": mm >= 0,
            "A1'": quadratic_upper_bound(Gm, dd),
            "second moment": dd - mm <= clipped2,
            "error": clipped2 <= s2,
            "A2": s2 <= sigma2,
            "bias": mm - 2 * Gm + grad2 <= BIAS2,
        },
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half the bias": conclude(F_next <= F - GAIN * grad2 + LIFT - eta / 4 * BIAS2),
            "half the noise": conclude(F_next <= F - GAIN * grad2 + LIFT - L * eta * eta * sigma2 / 4),
            "no bias": conclude(F_next <= F - GAIN * grad2 + L * eta * eta * sigma2 / 2),
            "eta > 1/L": drop("eta <= 1/L"),
        },
        axiom=axioms.EXPECTATION,
    )


def _standstill() -> Obligation:
    """In one dimension: g is ``∇F + 2τ``, which is clipped to τ, with probability p, and ``∇F - σ²/(2τ) = -∇F`` otherwise."""
    p = sigma2 / (4 * tau * tau + sigma2)
    here = sigma2 / (4 * tau)
    up, down = 2 * tau, -sigma2 / (2 * tau)
    return C22(
        name="standstill",
        statement="E g = ∇F, E‖g-∇F‖² = σ² and E clip(g) = 0 at ‖∇F‖ = σ²/(4τ), for σ ≤ 2τ",
        hypotheses={"τ > 0": tau > 0, "σ² > 0": sigma2 > 0, "σ <= 2τ": sigma2 <= 4 * tau * tau},
        conclusion=z3.And(
            p * up + (1 - p) * down == 0,
            p * up * up + (1 - p) * down * down == sigma2,
            here + up > tau,
            z3.And(here + down >= -tau, here + down <= tau),
            p * tau + (1 - p) * (here + down) == 0,
            here * here == formulas.clipping_bias2(sigma2, tau, z3.RealVal(0)),
        ),
        mutants={
            "where ‖∇F‖ is half of it": conclude(p * tau + (1 - p) * (here / 2 + down) == 0),
            "half the variance": conclude(2 * (p * up * up + (1 - p) * down * down) == sigma2),
            "any noise": drop("σ <= 2τ"),
        },
        guarantee="tight",
    )


def _without_noise() -> Obligation:
    return C22(
        name="without noise",
        statement="F(w⁺) ≤ F(w) - (η/2)‖∇F‖ min(‖∇F‖, τ) for w⁺ = w - η min(1, τ/‖∇F‖) ∇F, however steep F is",
        hypotheses={
            **STEP,
            "τ > 0": tau > 0,
            "‖∇F‖": z3.And(norm >= 0, norm * norm == grad2),
            **WITHOUT_NOISE,
            "A1'": z3.substitute(quadratic_upper_bound(grad2, grad2), (eta, step_size)),
        },
        conclusion=F_next <= F - eta / 2 * norm * z3.If(norm <= tau, norm, tau),
        mutants={
            "twice the descent": conclude(F_next <= F - eta * norm * z3.If(norm <= tau, norm, tau)),
            "as without clipping": conclude(F_next <= F - eta / 2 * norm * norm),
            "eta > 1/L": suppose("eta <= 1/L", eta * L <= 3),
        },
    )
