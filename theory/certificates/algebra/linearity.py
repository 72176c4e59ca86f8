"""C1, linearity: cross-entropy is linear in its label, and so are its gradient and every direction made from it."""

from __future__ import annotations

from functools import partial

import sympy
import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Identity, Obligation, conclude, drop
from tsla.theory.certificates.algebra.engine.symbols import STRENGTH, F, theta
from tsla.theory.certificates.algebra.engine.table import u, y, yhat

C1 = partial(Obligation, claim="C1")
CLASSES = 3
F_star = z3.Real("F_star")


def manifests() -> tuple[Manifest, ...]:
    """What the claim says, one obligation each."""
    return (
        alone(_loss()),
        alone(_gradient()),
        alone(_direction()),
        alone(_label(), "theta >= 0", "theta <= 1", "y is a distribution", "ŷ is a distribution"),
        alone(_not_negative(), "y is a distribution", "-log softmax >= 0", definitions={"F* is a loss": F_star == _cross_entropy(y)}),
    )


def _cross_entropy(label: list[z3.ArithRef]) -> z3.ArithRef:
    return z3.Sum([a * b for a, b in zip(label, u, strict=True)])


def _loss() -> Obligation:
    mixed = [formulas.mix(a, b, theta) for a, b in zip(y, yhat, strict=True)]
    true, smoothing = _cross_entropy(y), _cross_entropy(yhat)
    return C1(
        name="loss",
        statement="ℓ((1-θ)y + θŷ, z) = (1-θ) ℓ(y, z) + θ ℓ(ŷ, z), three classes",
        hypotheses={},
        conclusion=_cross_entropy(mixed) == formulas.mix(true, smoothing, theta),
        mutants={
            "θ and 1-θ exchanged": conclude(_cross_entropy(mixed) == formulas.mix(smoothing, true, theta)),
            "y at full strength": conclude(_cross_entropy(mixed) == true + theta * smoothing),
            "θ² for θ": conclude(_cross_entropy(mixed) == formulas.mix(true, smoothing, theta * theta)),
        },
        guarantee="identity",
        axiom=f"{axioms.FINITE_SUM}: more classes",
    )


def _gradient() -> Identity:
    """The derivative by a logit, through the softmax."""
    z = sympy.symbols(f"z1:{CLASSES + 1}", real=True)
    true, smoothing = sympy.symbols(f"y1:{CLASSES + 1}"), sympy.symbols(f"ŷ1:{CLASSES + 1}")
    strength = sympy.Symbol("θ")

    def slope(label: list[sympy.Expr]) -> sympy.Expr:
        log_sum = sympy.log(sum(sympy.exp(a) for a in z))
        return sympy.diff(sum(a * (log_sum - b) for a, b in zip(label, z, strict=True)), z[0])

    mixed = [(1 - strength) * a + strength * b for a, b in zip(true, smoothing, strict=True)]
    values = (*z, *true, *smoothing, strength)
    return Identity(
        claim="C1",
        name="gradient",
        statement="∂ℓ(y_LS, z)/∂z_1 = (1-θ) ∂ℓ(y, z)/∂z_1 + θ ∂ℓ(ŷ, z)/∂z_1, three classes",
        left=slope(mixed),
        right=(1 - strength) * slope(list(true)) + strength * slope(list(smoothing)),
        point={value: sympy.Rational(i + 1, 11) for i, value in enumerate(values)},
        mutants={
            "θ and 1-θ exchanged": strength * slope(list(true)) + (1 - strength) * slope(list(smoothing)),
            "ŷ left out": (1 - strength) * slope(list(true)),
        },
        axiom=f"{axioms.FINITE_SUM}: more classes, and from logits to weights by the chain rule",
    )


def _direction() -> Obligation:
    """A coordinate of g_LS - ∇F."""
    g, ghat, G = z3.Reals("g ghat G")
    return C1(
        name="direction",
        statement="g_LS - ∇F = (1-θ)(g - ∇F) + θ(ĝ - ∇F)",
        hypotheses={},
        conclusion=formulas.mix(g, ghat, theta) - G == formulas.mix(g - G, ghat - G, theta),
        mutants={
            "∇F taken off once": conclude(formulas.mix(g, ghat, theta) - G == formulas.mix(g - G, ghat, theta)),
            "sign": conclude(formulas.mix(g, ghat, theta) - G == formulas.mix(g - G, G - ghat, theta)),
        },
        guarantee="identity",
    )


def _label() -> Obligation:
    mixed = [formulas.mix(a, b, theta) for a, b in zip(y, yhat, strict=True)]
    return C1(
        name="label",
        statement="y_LS is a distribution if y and ŷ are, for θ in [0, 1]",
        hypotheses={
            **STRENGTH,
            "y is a distribution": z3.And(*(a >= 0 for a in y), z3.Sum(y) == 1),
            "ŷ is a distribution": z3.And(*(a >= 0 for a in yhat), z3.Sum(yhat) == 1),
        },
        conclusion=z3.And(*(a >= 0 for a in mixed), z3.Sum(mixed) == 1),
        mutants={
            "theta > 1": drop("theta <= 1"),
            "theta < 0": drop("theta >= 0"),
            "ŷ is no distribution": drop("ŷ is a distribution"),
        },
    )


def _not_negative() -> Obligation:
    """F0 = F(w_0) is then at least F(w_0) - F*, which is what the bounds need of it."""
    return C1(
        name="F0",
        statement="ℓ ≥ 0, so that F(w_0) - F* ≤ F(w_0)",
        hypotheses={
            "y >= 0": z3.And(*(a >= 0 for a in y)),
            "-log softmax >= 0": z3.And(*(a >= 0 for a in u)),
            "F* is a loss": F_star == _cross_entropy(y),
        },
        conclusion=F - F_star <= F,
        mutants={
            "negative labels": drop("y >= 0"),
            "softmax above 1": drop("-log softmax >= 0"),
            "strict": conclude(F - F_star < F),
        },
        axiom=axioms.INFIMUM,
    )
