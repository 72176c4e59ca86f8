"""Two recursions that the claims share: sums that telescope, and gaps that contract; and the exponential bound on how fast."""

from __future__ import annotations

import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.manifest import Cited, Function, Manifest, planned, without
from tsla.theory.certificates.algebra.engine.obligation import Formula, Mutant, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise
from tsla.theory.certificates.algebra.engine.premises import premises as from_table
from tsla.theory.certificates.algebra.engine.steps import Induction, State
from tsla.theory.certificates.algebra.engine.symbols import F0, F, F_next, Premises, T, eta, gap, gap_next, grad2, mu, start, t
from tsla.theory.certificates.algebra.engine.table import argument, contraction, exponential, logarithm, power

S, left = z3.Reals("S left")
"""Σ‖∇F(w_i)‖² over the steps so far, and F(w_T) - F*."""
AFTER = {S: S + grad2, t: t + 1, gap: gap_next}


def _summed(gain: Formula, lift: Formula) -> Formula:
    return gain * S <= start - gap + t * lift


def telescoping(
    claim: str, gain: Formula, lift: Formula, premises: Premises, formula: str, part: str = ""
) -> tuple[Obligation, Obligation]:
    """From ``F(w⁺) <= F(w) - gain ‖∇F(w)‖² + lift`` to ``gain Σ‖∇F(w_i)‖² <= F(w_0) - F(w_t) + t lift``: the first step and the next.

    F* is taken off on both sides, for what follows speaks of the gap.
    """
    invariant = _summed(gain, lift)
    return (
        Obligation(
            claim=claim,
            name=f"{part}sum, start",
            statement=f"{formula} at t = 0",
            hypotheses={**premises, "no steps": z3.And(S == 0, t == 0), "F(w_0)": gap == start},
            conclusion=invariant,
            mutants={
                "t-1 for t": conclude(gain * S <= start - gap + (t - 1) * lift),
                "not from F(w_0)": drop("F(w_0)"),
            },
        ),
        Obligation(
            claim=claim,
            name=f"{part}sum, next step",
            statement=f"{formula}: if at t, then at t+1",
            hypotheses={
                **premises,
                "at t": invariant,
                "one step": gap_next <= gap - gain * grad2 + lift,
                "grad2 >= 0": grad2 >= 0,
            },
            conclusion=z3.substitute(invariant, *AFTER.items()),
            mutants={
                "lift not counted": conclude(gain * (S + grad2) <= start - gap_next + t * lift),
                "F(w_t) for F(w_(t+1))": conclude(gain * (S + grad2) <= start - gap + (t + 1) * lift),
                "twice the gain": conclude(2 * gain * (S + grad2) <= start - gap_next + (t + 1) * lift),
                "no step": drop("one step"),
            },
            axiom=axioms.TELESCOPING,
        ),
    )


def telescoped(
    step: Manifest, gain: Formula, lift: Formula, obligations: tuple[Obligation, Obligation], formula: str, *names: str, part: str = ""
) -> Manifest:
    """What :func:`telescoping` gives for all T, from a manifest of the step: ``gain Σ‖∇F(w_i)‖² <= F(w_0) - F(w_T) + T lift``.

    ``names`` are of premises that the sum needs and the step does not.
    """
    invariant = _summed(gain, lift)
    run = Induction(
        name="sum",
        first=obligations[0],
        next_step=obligations[1],
        invariant=invariant,
        start={S: z3.RealVal(0), t: z3.RealVal(0), gap: start},
        next=AFTER,
        end={t: T, gap: left},
    )
    return Manifest(
        claim=step.claim,
        name=f"{part}sum",
        statement=f"{formula}, for every t",
        premises=(*(premise.moved(LESS_F_STAR) for premise in step.premises), *from_table(*names)),
        definitions=step.definitions,
        steps=(Cited(step, LESS_F_STAR), run),
        conclusion=run.conclusion,
    )


def averaged(total: Manifest, mean: Obligation, function: Function | None = None) -> Manifest:
    """The bound that a ``mean`` makes of a telescoped sum, which ``function`` computes; :func:`mean` for one."""
    return Manifest(
        claim=total.claim,
        name=mean.name,
        statement=mean.statement,
        premises=(*total.premises, *from_table("T > 0", "F(w_0) - F* <= F0"), Premise("F >= F*", {gap: left})),
        definitions=total.definitions,
        steps=(Cited(total), mean),
        conclusion=mean.conclusion,
        function=function,
        asks=from_table("F0 > 0"),
    )


LESS_F_STAR = {F: gap, F_next: gap_next}
"""A1 speaks of differences of F, and so holds of F - F* as well."""


def mean(claim: str, gain: Formula, lift: Formula, premises: Premises, bound: Formula, statement: str) -> Obligation:
    """From the telescoped sum to the mean over ``T`` steps, with ``F >= F*`` at the end and ``F(w_0) - F* <= F0``.

    ``bound`` is the right-hand side; its mutants are half of it, twice its number of steps, and a start that is worse than F0.
    """
    longer = z3.substitute(bound, (T, T + 1))
    return Obligation(
        claim=claim,
        name="bound",
        statement=statement,
        hypotheses={
            **premises,
            "T > 0": T > 0,
            "sum": gain * S <= start - left + T * lift,
            "F >= F*": left >= 0,
            "F(w_0) - F* <= F0": start <= F0,
        },
        conclusion=S / T <= bound,
        mutants={
            "half of it": conclude(S / T <= bound / 2),
            "T+1 for T": conclude(S / T <= longer),
            "F not bounded below": drop("F >= F*"),
            "F0 too small": drop("F(w_0) - F* <= F0"),
        },
        axiom=axioms.INFIMUM,
    )


def contracting(
    claim: str, rate: Formula, lift: Formula, floor: Formula, premises: Premises, formula: str, part: str = ""
) -> tuple[Obligation, Obligation]:
    """From ``gap⁺ <= (1-rate) gap + lift`` to ``gap_t <= (1-rate)^t F0 + floor``, ``floor = lift/rate``: the start and the next step."""
    invariant = _contracted(floor)
    return (
        Obligation(
            claim=claim,
            name=f"{part}contraction, start",
            statement=f"{formula} at t = 0",
            hypotheses={**premises, "no steps": power == 1, "F(w_0) - F* <= F0": gap <= F0},
            conclusion=invariant,
            mutants={
                "minus the floor": conclude(gap <= power * F0 - floor),
                "F0 too small": drop("F(w_0) - F* <= F0"),
            },
        ),
        Obligation(
            claim=claim,
            name=f"{part}contraction, next step",
            statement=f"{formula}: if at t, then at t+1",
            hypotheses={
                **premises,
                "(1-rate)^t >= 0": power >= 0,
                "F0 > 0": F0 > 0,
                "at t": invariant,
                "one step": gap_next <= (1 - rate) * gap + lift,
            },
            conclusion=z3.substitute(invariant, *_contraction(rate).items()),
            mutants={
                "half the floor": Mutant(
                    gap_next <= (1 - rate) * power * F0 + floor / 2,
                    {"at t": gap <= power * F0 + floor / 2},
                ),
                "a step too many": conclude(gap_next <= (1 - rate) * (1 - rate) * power * F0 + floor),
                "twice the lift": suppose("one step", gap_next <= (1 - rate) * gap + 2 * lift),
                "mu > L": drop("mu <= L"),
            },
            axiom=f"{axioms.INDUCTION}; {axioms.HISTORY}",
        ),
    )


def under_pl(step: Manifest, with_pl: Obligation, claim: str) -> Manifest:
    """A step with A4, from a manifest of the step without it."""
    return Manifest(
        claim=claim,
        name="one step",
        statement=with_pl.statement,
        premises=(*(premise.moved(LESS_F_STAR) for premise in step.premises), *from_table("mu > 0", "mu <= L", "A4")),
        definitions=step.definitions,
        steps=(Cited(step, LESS_F_STAR), with_pl),
        conclusion=with_pl.conclusion,
    )


def contracted(
    step: Manifest,
    floor: Formula,
    obligations: tuple[Obligation, Obligation],
    name: str = "bound",
    function: Function | None = None,
) -> Manifest:
    """What :func:`contracting` gives at ``rate = ημ`` for all T, from a manifest of the step with A4: ``left <= (1-ημ)^T F0 + floor``."""
    first, next_step = obligations
    run = Induction(
        name="contraction",
        first=first,
        next_step=next_step,
        invariant=_contracted(floor),
        start={power: z3.RealVal(1), gap: start},
        next=_contraction(eta * mu),
        end={power: contraction, gap: left},
    )
    return Manifest(
        claim=step.claim,
        name=name,
        statement=f"{next_step.statement.partition(':')[0]}, for every t",
        premises=(*step.premises, *from_table("F0 > 0", "T >= 0", "F(w_0) - F* <= F0", "(1-ημ)^t >= 0")),
        definitions=step.definitions,
        steps=(Cited(step), run),
        conclusion=run.conclusion,
        function=function,
    )


def _contracted(floor: Formula) -> Formula:
    return gap <= power * F0 + floor


def _contraction(rate: Formula) -> dict[Formula, Formula]:
    return {power: (1 - rate) * power, gap: gap_next}


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
    """What :func:`contracted` leaves after ``log⁺(of)/(ημ)`` steps."""
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


eta0, T0, eta1, T1 = z3.Reals("eta0 T0 eta1 T1")
"""Step size and length of the stage before the last, and of the one before that."""
EARLIER = {eta: eta1, T: T1, eta1: eta0, T1: T0}


def burn_in(contraction: Formula, rate: Formula, steps: Formula, argument: Formula) -> Premises:
    """``T >= log(argument)/rate`` steps, at least 0, and what the exponential says of ``contraction = (1-rate)^T``."""
    return {
        "argument > 0": argument > 0,
        "T >= 0": steps >= 0,
        LENGTH: rate * steps >= logarithm,
        "(1-x)^T >= 0": contraction >= 0,
        "(1-x)^T <= e^-xT": z3.Implies(steps >= 0, contraction <= exponential),
        "e^-x falls from 1": z3.Implies(rate * steps >= 0, exponential <= 1),
        "e^-x <= 1/A from x = log A on": z3.Implies(rate * steps >= logarithm, exponential * argument <= 1),
    }


LENGTH = "T >= log(A)/x"


def half_as_long(rate: Formula, steps: Formula) -> Mutant:
    """A burn-in of half the steps."""
    return suppose(LENGTH, 2 * rate * steps >= logarithm)
