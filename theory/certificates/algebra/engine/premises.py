"""What the claims assume, as formulas: a closed table, from which alone a manifest takes its premises.

``NUMBERS`` are about what a function of ``theory`` is given, so that it can refuse what does not meet them. ``ASSUMPTIONS`` say what
A1-A4 mean at a step of a run; no function can see whether they hold. ``AXIOMS`` hold always, and are what the proofs stand on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import z3

from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.obligation import Formula
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    LONG,
    NOISE,
    NOISY,
    ORACLE,
    PL,
    SMOOTHING,
    START,
    STEP,
    STRENGTH,
    TARGET,
    F,
    F_next,
    L,
    Premises,
    T,
    c,
    delta,
    eps2,
    eta,
    gap,
    grad2,
    mu,
    s2,
    shat2,
    sigma2,
    start,
    theta,
)

WORLD = (L, mu, sigma2, delta, F0, eps2)
"""The constants of a claim: they are the same everywhere in it."""
slope, length2, error2 = z3.Reals("slope length2 error2")
"""⟨∇F, E d⟩, E‖d‖² and E‖d - ∇F‖² of a direction d."""
inner, first2, second2, x = z3.Reals("inner first2 second2 x")
"""An inner product and the squared lengths of its two vectors; a number from 0 to 1."""

NUMBERS: Premises = {
    **STEP,
    **PL,
    **NOISE,
    **NOISY,
    **ORACLE,
    **SMOOTHING,
    **STRENGTH,
    **START,
    **LONG,
    **TARGET,
    "T >= 1": T >= 1,
    "theta > 0": theta > 0,
    "V <= eps2/2": formulas.paper_floor(sigma2, delta) <= eps2 / 2,
    "V < eps2": formulas.paper_floor(sigma2, delta) < eps2,
    "delta <= eps2/(4 sigma2)": delta <= eps2 / (4 * sigma2),
    "V(theta) < eps2": formulas.lemma(sigma2, delta, theta) < eps2,
    "eps2 <= 2 sigma2": eps2 <= 2 * sigma2,
}
ASSUMPTIONS: Premises = {
    "A1: Lipschitz gradient": second2 <= L * L * x * x * first2,
    "A1: quadratic bound": F_next <= F - eta * slope + L / 2 * eta * eta * length2,
    "A2: E g = ∇F": slope == grad2,
    "A2: variance": s2 <= sigma2,
    "A3": shat2 <= delta * sigma2,
    "A4": 2 * mu * gap <= grad2,
}
AXIOMS: Premises = {
    "‖∇F‖² >= 0": grad2 >= 0,
    "E‖d‖² >= 0": length2 >= 0,
    "first square >= 0": first2 >= 0,
    "second square >= 0": second2 >= 0,
    "Cauchy-Schwarz": inner * inner <= first2 * second2,
    "x >= 0": x >= 0,
    "square of a difference": error2 == length2 - 2 * slope + grad2,
    "second moment of g_LS": error2 == formulas.second_moment(s2, shat2, c, theta),
    "F >= F*": gap >= 0,
    "F(w_0) - F* <= F0": start <= F0,
}
FOR_EVERY = {"A1: quadratic bound": eta, "second moment of g_LS": theta}
"""A1 is used along steps of every size, and C11 at every strength."""
TABLE: Premises = NUMBERS | ASSUMPTIONS | AXIOMS


@dataclass(frozen=True, eq=False)
class Premise:
    """An entry of the table by its name, ``at`` other symbols than its own: A1 along g in place of d.

    Raises ValueError for a name that is not in the table, and where ``at`` puts something in the place of a constant of the claim, or a
    constant or a term in the place of a symbol: with that a premise could say anything.
    """

    name: str
    at: Mapping[Formula, Formula] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in TABLE:
            raise ValueError(f"premise = {self.name!r} must be one of {', '.join(TABLE)}")
        for old, new in self.at.items():
            if _is_constant(old) or _is_constant(new) or new.num_args() or z3.is_rational_value(new):
                raise ValueError(f"premise {self.name!r}: {old} = {new} must put a symbol in the place of a symbol; {WORLD} stay")

    @property
    def formula(self) -> Formula:
        """What it says."""
        return z3.substitute(TABLE[self.name], *self.at.items())

    def __str__(self) -> str:
        return f"{self.name}{' at ' if self.at else ''}{', '.join(f'{old} = {new}' for old, new in self.at.items())}"

    def moved(self, at: Mapping[Formula, Formula]) -> Premise:
        """The same of other symbols."""
        return Premise(self.name, {**at, **{old: at.get(new, new) for old, new in self.at.items()}})

    def for_every(self, symbol: Formula) -> bool:
        """Whether it holds whatever number the symbol stands for, so that a manifest may set it."""
        return self.name in FOR_EVERY and symbol.eq(FOR_EVERY[self.name])

    @property
    def seen(self) -> bool:
        """Whether a function of ``theory`` can refuse what does not meet it."""
        return self.name in NUMBERS


def premises(*names: str) -> tuple[Premise, ...]:
    """Several entries of the table, as they stand there."""
    return tuple(map(Premise, names))


def descent(direction: Formula, square: Formula) -> tuple[Premise, ...]:
    """A1 along a direction d, ``direction = ⟨∇F, E d⟩`` and ``square = E‖d‖²``, with a step size up to 1/L."""
    return (*premises("L > 0", "eta > 0", "eta <= 1/L"), Premise("A1: quadratic bound", {slope: direction, length2: square}))


def unbiased(direction: Formula, square: Formula) -> tuple[Premise, ...]:
    """A2 for g, ``direction = ⟨∇F, E g⟩`` and ``square = E‖g‖²``, and what squares are."""
    return (
        *premises("sigma2 >= 0", "A2: variance", "‖∇F‖² >= 0"),
        Premise("A2: E g = ∇F", {slope: direction}),
        Premise("square of a difference", {slope: direction, length2: square, error2: s2}),
    )


def _is_constant(term: Formula) -> bool:
    return any(term.eq(constant) for constant in WORLD)
