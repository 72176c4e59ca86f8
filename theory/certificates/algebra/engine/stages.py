"""Stages of a run under A4: how long a burn-in takes, what it leaves, and two stages together."""

from __future__ import annotations

import z3

from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.algebra.engine.manifest import Cited, Function, Manifest, planned, without
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, suppose
from tsla.theory.certificates.algebra.engine.premises import premises as from_table
from tsla.theory.certificates.algebra.engine.steps import State
from tsla.theory.certificates.algebra.engine.symbols import Premises, T, eta, mu
from tsla.theory.certificates.algebra.engine.table import argument, contraction, exponential, logarithm

eta0, T0, eta1, T1 = z3.Reals("eta0 T0 eta1 T1")
"""Step size and length of the stage before the last, and of the one before that."""
EARLIER = {eta: eta1, T: T1, eta1: eta0, T1: T0}
LENGTH = "T >= log(A)/x"
HALF_AS_LONG = suppose(LENGTH, 2 * (eta * mu) * T >= logarithm)
"""A burn-in of half the steps."""


def burn_in(of: Formula) -> Premises:
    """``T >= log(of)/(ημ)`` steps, at least 0, and what the exponential says of ``(1-ημ)^T``."""
    return {
        "argument > 0": of > 0,
        "T >= 0": T >= 0,
        LENGTH: eta * mu * T >= logarithm,
        "(1-x)^T >= 0": contraction >= 0,
        "(1-x)^T <= e^-xT": z3.Implies(T >= 0, contraction <= exponential),
        "e^-x falls from 1": z3.Implies(eta * mu * T >= 0, exponential <= 1),
        "e^-x <= 1/A from x = log A on": z3.Implies(eta * mu * T >= logarithm, exponential * of <= 1),
    }


def after_burn_in(
    bound: Manifest,
    plan: Obligation,
    of: Formula,
    *names: str,
    settings: Premises | None = None,
    at: State | None = None,
    at_most: Formula,
    function: Function | None = None,
) -> Manifest:
    """What a gap that contracts leaves after ``log⁺(of)/(ημ)`` steps."""
    length = T >= formulas.larger(z3.RealVal(0), logarithm / (eta * mu))
    return planned(
        bound,
        plan,
        {**(settings or {}), "T": length},
        *("(1-x)^T >= 0", "(1-x)^T <= e^-xT", "e^-x falls from 1", "e^-x <= 1/A from x = log A on"),
        *names,
        more={"A": argument == of},
        at=at,
        at_most=at_most,
        function=function,
    )


def joined(
    claim: str,
    first: Manifest,
    second: Manifest,
    last: Obligation,
    settings: Premises,
    *names: str,
    more: tuple[Cited, ...] = (),
    definitions: Premises | None = None,
    conclusion: Formula | None = None,
    function: Function | None = None,
) -> Manifest:
    """Two stages and what they give together: the symbols of the first's step size and length, and of a stage before it, are moved."""
    moved = {f"{name}1": z3.substitute(formula, *EARLIER.items()) for name, formula in first.settings.items()}
    earlier = {name: z3.substitute(formula, *EARLIER.items()) for name, formula in first.definitions.items()}
    chosen = {**moved, **second.settings, **settings}
    assumed = (*second.premises, *(premise.moved(EARLIER) for premise in first.premises), *from_table(*names))
    return Manifest(
        claim=claim,
        name=last.name,
        statement=last.statement,
        premises=without(assumed, chosen),
        settings=chosen,
        definitions={**earlier, **second.definitions, **(definitions or {})},
        steps=(Cited(first, EARLIER), *more, Cited(second), last),
        conclusion=last.conclusion if conclusion is None else conclusion,
        function=function,
        asks=first.asks,
    )
