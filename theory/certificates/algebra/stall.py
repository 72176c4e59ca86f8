"""C13, a stall that is real: one step of LSR on ``F = (L/2)w²`` with ``g = Lw ± σ``, ``ĝ = Lw - sign(w)√δσ``, worked out."""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import NOISE, NOISY, ORACLE, SMOOTHING, STRENGTH, delta, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import bias, scale, sigma, slope

C13 = partial(Obligation, claim="C13")

"""``slope`` is ``Lw``, which is ``∇F``, and ``bias`` is ``√δσ``."""

ROOTS = {"sigma": z3.And(sigma >= 0, sigma * sigma == sigma2), "bias": z3.And(bias >= 0, bias * bias == delta * sigma2)}
PREMISES = {**NOISE, **ORACLE, **STRENGTH, **ROOTS}
RIGHT = {"w > 0": slope > 0}
"""On the other side of the minimum everything is mirrored."""


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    instance = ("sigma2 >= 0", "delta >= 0", "theta >= 0", "theta <= 1", "σ", "√δσ", "w > 0")
    return (
        *(alone(obligation, *instance) for obligation in (_oracle(), _largest_step(), _drift())),
        alone(_half(), "sigma2 >= 0", "delta >= 0"),
        alone(_small_steps(), "sigma2 > 0", "delta > 0"),
    )


def _next(scale: Formula, sign: int) -> Formula:
    """``∇F(w⁺)`` on the right of the minimum, where the coin of g shows ``sign``."""
    g, g_hat = slope + sign * sigma, slope - bias
    return slope - scale * formulas.mix(g, g_hat, theta)


def _mean_square(scale: Formula) -> Formula:
    return (_next(scale, 1) * _next(scale, 1) + _next(scale, -1) * _next(scale, -1)) / 2


def _oracle() -> Obligation:
    error = (slope - bias) - slope
    return C13(
        name="A3",
        statement="‖ĝ - ∇F‖² = δσ²: the instance meets A3, with equality",
        hypotheses={**PREMISES, **RIGHT},
        conclusion=error * error == delta * sigma2,
        mutants={"half of it": conclude(error * error == delta * sigma2 / 2), "bias δσ": suppose("bias", bias == delta * sigma)},
    )


def _largest_step() -> Obligation:
    settled = theta * theta * delta * sigma2 + (1 - theta) * (1 - theta) * sigma2
    return C13(
        name="at η = 1/L",
        statement="E‖∇F(w⁺)‖² = θ²δσ² + (1-θ)²σ² at η = 1/L, from any w: one step forgets where it came from",
        hypotheses={**PREMISES, **RIGHT},
        conclusion=_mean_square(z3.RealVal(1)) == settled,
        mutants={
            "without the noise": conclude(_mean_square(z3.RealVal(1)) == theta * theta * delta * sigma2),
            "θδσ²": conclude(_mean_square(z3.RealVal(1)) == theta * delta * sigma2 + (1 - theta) * (1 - theta) * sigma2),
            "ηL = 1/2": conclude(_mean_square(z3.Q(1, 2)) == settled),
        },
    )


def _drift() -> Obligation:
    mean = (_next(scale, 1) + _next(scale, -1)) / 2
    return C13(
        name="drift",
        statement="E∇F(w⁺) - θ√δσ = (1-ηL)(∇F(w) - θ√δσ) for w > 0: the mean is drawn to θ√δσ, and not to 0",
        hypotheses={**PREMISES, **RIGHT},
        conclusion=mean - theta * bias == (1 - scale) * (slope - theta * bias),
        mutants={
            "drawn to 0": conclude(mean == (1 - scale) * slope),
            "drawn to √δσ": conclude(mean - bias == (1 - scale) * (slope - bias)),
            "twice as fast": conclude(mean - theta * bias == (1 - 2 * scale) * (slope - theta * bias)),
        },
    )


def _half() -> Obligation:
    paper = 1 / (1 + delta)
    settled = paper * paper * delta * sigma2 + (1 - paper) * (1 - paper) * sigma2
    floor = formulas.paper_floor(sigma2, delta)
    return C13(
        name="half of the floor",
        statement="θ²δσ² + (1-θ)²σ² = V(θ)/2 at θ = 1/(1+δ): at η = 1/L the stall is half of C5's floor",
        hypotheses={**NOISE, **ORACLE},
        conclusion=settled == floor / 2,
        mutants={
            "the floor": conclude(settled == floor),
            "without the noise": conclude(paper * paper * delta * sigma2 == floor / 2),
            "less than half": conclude(settled < floor / 2),
        },
    )


def _small_steps() -> Obligation:
    paper = 1 / (1 + delta)
    floor = formulas.paper_floor(sigma2, delta)
    return C13(
        name="as η → 0",
        statement="θ²δσ² = V(θ)/(2(1+δ)) > 0 at θ = 1/(1+δ): where the mean is drawn to, within a factor 2(1+δ) of C5's floor",
        hypotheses={**NOISY, **SMOOTHING},
        conclusion=z3.And(paper * paper * delta * sigma2 == floor / (2 * (1 + delta)), floor > 0),
        mutants={
            "a factor 2": conclude(paper * paper * delta * sigma2 == floor / 2),
            "δ² for δ": conclude(paper * paper * delta * delta * sigma2 == floor / (2 * (1 + delta))),
            "no smoothing error": suppose("delta > 0", delta >= 0),
            "no noise": drop("sigma2 > 0"),
        },
    )
