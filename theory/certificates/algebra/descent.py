"""C3, one step: from the Lipschitz gradient A1 to the quadratic upper bound A1', and from there to the descent along any direction."""

from __future__ import annotations

from functools import cache, partial

import sympy
import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Formula, Identity, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, descent, premises
from tsla.theory.certificates.algebra.engine.steps import Inference
from tsla.theory.certificates.algebra.engine.symbols import SMOOTH, STEP, F, F_next, L, eta, grad2
from tsla.theory.certificates.algebra.engine.table import error2, first2, inner, length2, second2, slope, x

C3 = partial(Obligation, claim="C3")
Gd, dd = z3.Reals("Gd dd")
"""⟨∇F, d⟩ and ‖d‖² for the direction d."""


def manifests() -> tuple[Manifest, ...]:
    """A1 as it is assumed and as it is used; C3; and that it is attained."""
    return (
        Manifest(
            claim="C3",
            name="A1'",
            statement="A1 gives F(w-ηd) ≤ F(w) - η⟨∇F, d⟩ + (L/2)η²‖d‖²",
            premises=premises("L > 0", "x >= 0", "A1: Lipschitz gradient", "first square >= 0", "second square >= 0", "Cauchy-Schwarz"),
            steps=(_integrand(), _integral(), Inference(axioms.LIPSCHITZ_INTEGRAL)),
            conclusion=quadratic_upper_bound(slope, length2),
        ),
        one_step(),
        alone(_attained(), "L > 0", settings={"eta": eta == 1 / L}),
    )


@cache
def one_step() -> Manifest:
    """C3 along any direction."""
    return alone(
        _one_step(),
        premises=(
            *descent(Gd, dd),
            Premise("E‖d‖² >= 0", {length2: dd}),
            Premise("square of a difference", {slope: Gd, length2: dd}),
        ),
    )


def quadratic_upper_bound(slope: Formula, length2: Formula) -> Formula:
    """A1' at ``w⁺ = w - ηd``: ``F(w⁺) <= F(w) - η⟨∇F, d⟩ + (L/2)η²‖d‖²``; ``slope = ⟨∇F, d⟩``, ``length2 = ‖d‖²``, both expected values."""
    return F_next <= F - eta * slope + L / 2 * eta * eta * length2


def _integrand() -> Obligation:
    """``second2 = ‖h‖²``, ``inner = ⟨h, v-u⟩`` and ``first2 = ‖v-u‖²`` for h = ∇F(u + x(v-u)) - ∇F(u)."""
    return C3(
        name="integrand",
        statement="⟨∇F(u+x(v-u)) - ∇F(u), v-u⟩ ≤ x L‖v-u‖²",
        hypotheses={
            **SMOOTH,
            "x >= 0": x >= 0,
            "squares": z3.And(second2 >= 0, first2 >= 0),
            "A1": second2 <= L * L * x * x * first2,
            "Cauchy-Schwarz": inner * inner <= first2 * second2,
        },
        conclusion=inner <= x * L * first2,
        mutants={
            "half of it": conclude(inner <= x * L * first2 / 2),
            "x²": conclude(inner <= x * x * L * first2),
            "not Lipschitz": drop("A1"),
            "any inner product": drop("Cauchy-Schwarz"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _integral() -> Identity:
    """The right-hand side of the integrand, over the segment: A1'."""
    x, smoothness, length2 = sympy.symbols("x L ‖v-u‖²", positive=True)
    return Identity(
        claim="C3",
        name="integral",
        statement="A1': F(v) ≤ F(u) + ⟨∇F(u), v-u⟩ + (L/2)‖v-u‖², as ∫₀¹ xL‖v-u‖² dx = (L/2)‖v-u‖²",
        left=sympy.integrate(x * smoothness * length2, (x, 0, 1)),
        right=smoothness * length2 / 2,
        point={smoothness: 3, length2: 2},
        mutants={"L": smoothness * length2, "L/3": smoothness * length2 / 3},
        axiom=axioms.LIPSCHITZ_INTEGRAL,
    )


def _one_step() -> Obligation:
    return C3(
        name="one step",
        statement="F(w-ηd) ≤ F(w) - (η/2)‖∇F‖² + (η/2)‖d-∇F‖² for η ≤ 1/L",
        hypotheses={
            **STEP,
            "‖d‖² >= 0": dd >= 0,
            "A1'": quadratic_upper_bound(Gd, dd),
            "‖d-∇F‖²": error2 == dd - 2 * Gd + grad2,
        },
        conclusion=F_next <= formulas.descent(F, grad2, error2, eta),
        mutants={
            "twice the descent": conclude(F_next <= F - eta * grad2 + eta / 2 * error2),
            "half the error": conclude(F_next <= F - eta / 2 * grad2 + eta / 4 * error2),
            "sign of the error": conclude(F_next <= F - eta / 2 * grad2 - eta / 2 * error2),
            "eta > 1/L": drop("eta <= 1/L"),
            "eta <= 2/L": suppose("eta <= 1/L", eta * L <= 2),
            "not smooth": drop("A1'"),
        },
    )


def _attained() -> Obligation:
    """F = (L/2)w² in one dimension, where F(w-ηd) is known."""
    w, d = z3.Reals("w d")
    after = w - eta * d
    descended = formulas.descent(L / 2 * w * w, L * w * L * w, (d - L * w) * (d - L * w), eta)
    return C3(
        name="attained",
        statement="an equality at η = 1/L for F = (L/2)w², whatever d",
        hypotheses={**SMOOTH, "eta = 1/L": eta * L == 1},
        conclusion=L / 2 * after * after == descended,
        mutants={
            "any step size": drop("eta = 1/L"),
            "eta = 1/(2L)": suppose("eta = 1/L", eta * L == z3.Q(1, 2)),
        },
        guarantee="tight",
    )
