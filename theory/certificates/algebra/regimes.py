"""C9, the regimes: at ``δ = ε^q`` the steps of the plans are a constant times the power of ε in the table, exactly or in the limit.

They are the lengths of plans. For ``2 < q < 4`` TSLA itself is there before its plan ends: its first stage alone leaves ``‖∇F‖² <= ε²``.
"""

from __future__ import annotations

from functools import partial

import sympy

from tsla.theory.certificates.algebra import stage_one
from tsla.theory.certificates.algebra.engine import formulas, symbols
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Identity, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.recursions import left
from tsla.theory.certificates.algebra.engine.symbols import NOISY, PL, SMOOTH, SMOOTHING, TARGET, delta, eps2, sigma2
from tsla.theory.certificates.algebra.last_iterate import at_the_end, last2

C9 = partial(Obligation, claim="C9")
L, mu, s2, F0, eps, q = sympy.symbols("L mu sigma2 F0 eps q", positive=True)
POINT = {L: 3, mu: 2, s2: sympy.Rational(7, 5), F0: 5, eps: sympy.Rational(1, 3), q: sympy.Rational(3, 2)}
LAST_STEP = eps**2 / (2 * L * s2)
"""``η2``, for ``ε² <= 2σ²``."""


def obligations() -> tuple[Obligation | Identity, ...]:
    """The columns of C9."""
    return (_sgd(), _plain_stage(), *(_burn_in(power) for power in (3, 4, 6)), _stage_one_alone(), _lsr(), _lsr_reaches(), _lsr_does_not())


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    known = ("sigma2 > 0", "delta > 0", "eps > 0")
    return (
        *(alone(column) for column in (_sgd(), _plain_stage(), _burn_in(3), _burn_in(4), _burn_in(6), _lsr())),
        _reached_by_stage_one(),
        alone(_lsr_reaches(), *known, "delta <= eps2/(4 sigma2)"),
        alone(_lsr_does_not(), *known, "delta sigma2 >= eps2", "delta < 1"),
    )


def _reached_by_stage_one() -> Manifest:
    """C7 after its burn-in, and what A1 says of the gradient there."""
    small = ("eps > 0", "delta <= mu eps2/(4 L sigma2)")
    return at_the_end("C9", "TSLA, stage 1 alone", stage_one.reached(), _stage_one_alone(), *small)


def _sgd() -> Identity:
    steps = 4 * F0 / (LAST_STEP * eps**2)
    return Identity(
        claim="C9",
        name="SGD",
        statement="T ε⁴ = 8LF0σ²: SGD takes 1/ε⁴",
        left=sympy.simplify(steps * eps**4),
        right=8 * L * F0 * s2,
        point=POINT,
        mutants={"half": 4 * L * F0 * s2, "1/ε²": 8 * L * F0 * s2 * eps**2},
    )


def _plain_stage() -> Identity:
    steps = 8 * eps**q * s2 / (mu * LAST_STEP * eps**2)
    return Identity(
        claim="C9",
        name="TSLA, plain stage",
        statement="T2 ε^(4-q) = 16κσ⁴ at δ = ε^q: TSLA's plain stage takes 1/ε^(4-q)",
        left=sympy.powsimp(sympy.simplify(steps * eps ** (4 - q))),
        right=16 * L / mu * s2**2,
        point=POINT,
        mutants={"half": 8 * L / mu * s2**2, "1/ε⁴": 16 * L / mu * s2**2 * eps**q, "σ² for σ⁴": 16 * L / mu * s2},
    )


def _burn_in(power: int) -> Identity:
    steps = L / mu * sympy.log(mu * F0 * (1 + eps**power) / (eps**power * s2))
    who = "where the plain stage takes O(1), TSLA" if power >= 4 else "TSLA's first stage"
    return Identity(
        claim="C9",
        name=f"TSLA, burn-in at q = {power}",
        statement=f"T1/log(1/ε) → {power}κ as ε → 0, at δ = ε^{power}: {who} takes log(1/ε)",
        left=sympy.limit(steps / sympy.log(1 / eps), eps, 0, "+"),
        right=power * L / mu,
        point=POINT,
        mutants={"half": power * L / (2 * mu), "no κ": sympy.Integer(power)},
    )


def _stage_one_alone() -> Obligation:
    """C7's burn-in leaves a gap of V/μ."""
    floor, smoothness, pl = formulas.paper_floor(sigma2, delta), symbols.L, symbols.mu
    return C9(
        name="TSLA, stage 1 alone",
        statement="δ ≤ ε²/(4κσ²) is enough for E‖∇F(w_T1)‖² ≤ ε²: for q > 2 TSLA is there after its first stage, and the plan goes on",
        hypotheses={
            **SMOOTH,
            **PL,
            **NOISY,
            **SMOOTHING,
            **TARGET,
            "C7's plan": left <= floor / pl,
            "gradient and gap": last2 <= 2 * smoothness * left,
            "small": 4 * smoothness * delta * sigma2 <= pl * eps2,
        },
        conclusion=last2 <= eps2,
        mutants={
            "half as large": conclude(2 * last2 <= eps2),
            "half as small": suppose("small", 2 * smoothness * delta * sigma2 <= pl * eps2),
            "any delta": drop("small"),
            "without κ": suppose("small", 4 * delta * sigma2 <= eps2),
        },
    )


def _lsr() -> Identity:
    steps = 4 * F0 / (1 / L * eps**2)
    return Identity(
        claim="C9",
        name="LSR",
        statement="T ε² = 4LF0: where LSR gets there it takes 1/ε²",
        left=sympy.simplify(steps * eps**2),
        right=4 * L * F0,
        point=POINT,
        mutants={"half": 2 * L * F0, "1/ε": 4 * L * F0 / eps},
    )


def _lsr_reaches() -> Obligation:
    floor = formulas.paper_floor(sigma2, delta)
    return C9(
        name="LSR reaches it",
        statement="δ ≤ ε²/(4σ²) is enough for V(1/(1+δ)) ≤ ε²/2: from q = 2 on, up to a constant",
        hypotheses={**NOISY, **SMOOTHING, **TARGET, "small": 4 * sigma2 * delta <= eps2},
        conclusion=2 * floor <= eps2,
        mutants={
            "half as large": conclude(4 * floor <= eps2),
            "any delta": drop("small"),
        },
    )


def _lsr_does_not() -> Obligation:
    floor = formulas.paper_floor(sigma2, delta)
    return C9(
        name="LSR does not reach it",
        statement="V(1/(1+δ)) ≥ ε² for ε²/σ² ≤ δ < 1: below q = 2 the floor is above ε², whatever T",
        hypotheses={**NOISY, **SMOOTHING, **TARGET, "large": delta * sigma2 >= eps2, "delta < 1": delta < 1},
        conclusion=floor >= eps2,
        mutants={
            "twice": conclude(floor >= 2 * eps2),
            "any delta": drop("large"),
            "delta > 1": drop("delta < 1"),
        },
    )
