"""A third recursion, of C20: gaps that may grow. Their sum telescopes with weights that fall."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import z3

from tsla.theory.certificates.algebra.engine import axioms
from tsla.theory.certificates.algebra.engine.manifest import Cited, Function, Manifest
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.recursions import S, left
from tsla.theory.certificates.algebra.engine.steps import Induction
from tsla.theory.certificates.algebra.engine.symbols import F0, Premises, T, gap, gap_next, grad2, start, t
from tsla.theory.certificates.algebra.engine.table import C, kept, kept_at_end
from tsla.theory.certificates.algebra.engine.table import growth as a

C20 = partial(Obligation, claim="C20")
gain, lift = z3.Reals("gain lift")
"""Of one step: ``gap⁺ <= (1+a) gap - gain ‖∇F‖² + lift``."""
weight = z3.Real("weight")
"""Σ(1+a)^-(i+1) over the steps so far; ``S`` is Σ(1+a)^-(i+1)‖∇F(w_i)‖², ``kept`` is (1+a)^-t."""
STEP_OF: Premises = {"a >= 0": a >= 0, "gain > 0": gain > 0, "lift >= 0": lift >= 0}
ONE_STEP = gap_next <= (1 + a) * gap - gain * grad2 + lift
FALLEN = kept / (1 + a)
UNWEIGHED, NEXT = {weight: z3.RealVal(0), kept: z3.RealVal(1)}, {weight: weight + FALLEN, kept: FALLEN}
"""The weights before the first step, and after another one."""
SUMMED = gain * S <= start - kept * gap + lift * weight
WEIGHED = z3.And(t >= 0, a * weight == 1 - kept, weight >= t * kept, z3.Implies(a == 0, weight == t))
SUM = "gain Σ(1+a)^-(i+1) E‖∇F(w_i)‖² ≤ F(w_0)-F* - (1+a)^-t E[F(w_t)-F*] + lift Σ(1+a)^-(i+1)"
ADD_UP = "a Σ(1+a)^-(i+1) = 1 - (1+a)^-t and Σ(1+a)^-(i+1) ≥ t(1+a)^-t"


def summing() -> tuple[Obligation, Obligation]:
    """The weighted sum at the start, and from one step to the next."""
    total = start - FALLEN * gap_next + lift * (weight + FALLEN)
    return (
        C20(
            name="weighted sum, start",
            statement=f"{SUM} at t = 0",
            hypotheses={"no steps": z3.And(S == 0, weight == 0, kept == 1), "F(w_0)": gap == start},
            conclusion=SUMMED,
            mutants={
                "a step counted": conclude(gain * S <= start - kept * gap + lift * (weight - 1)),
                "not from F(w_0)": drop("F(w_0)"),
            },
        ),
        C20(
            name="weighted sum, next step",
            statement=f"{SUM}: if at t, then at t+1",
            hypotheses={
                **STEP_OF,
                "(1+a)^-t > 0": kept > 0,
                "at t": SUMMED,
                "one step": ONE_STEP,
            },
            conclusion=gain * (S + FALLEN * grad2) <= total,
            mutants={
                "lift not counted": conclude(gain * (S + FALLEN * grad2) <= total - lift * FALLEN),
                "weights that don't fall": conclude(gain * (S + kept * grad2) <= start - kept * gap_next + lift * (weight + kept)),
                "twice the gain": conclude(2 * gain * (S + FALLEN * grad2) <= total),
                "no step": drop("one step"),
            },
            axiom=axioms.TELESCOPING,
        ),
    )


def weighing() -> tuple[Obligation, Obligation]:
    """What the weights add up to, likewise."""
    return (
        C20(
            name="weights, start",
            statement=f"{ADD_UP} at t = 0",
            hypotheses={"no steps": z3.And(weight == 0, kept == 1, t == 0)},
            conclusion=WEIGHED,
            mutants={
                "1 + for 1 -": conclude(a * weight == 1 + kept),
                "a step counted": suppose("no steps", z3.And(weight == 0, kept == 1, t == 1)),
            },
        ),
        C20(
            name="weights, next step",
            statement=f"{ADD_UP}: if at t, then at t+1",
            hypotheses={
                "a >= 0": a >= 0,
                "(1+a)^-t > 0": kept > 0,
                "at t": WEIGHED,
            },
            conclusion=z3.substitute(WEIGHED, (weight, weight + FALLEN), (kept, FALLEN), (t, t + 1)),
            mutants={
                "(1+a)^-t": conclude(a * (weight + kept) == 1 - kept),
                "t+2 for t+1": conclude(weight + FALLEN >= (t + 2) * FALLEN),
                "a < 0": suppose("a >= 0", z3.And(a > -1, a < 0)),
            },
            axiom=axioms.INDUCTION,
        ),
    )


def positive() -> Obligation:
    """That one may divide by it."""
    return C20(
        name="weights, positive",
        statement="Σ(1+a)^-(i+1) > 0 over T ≥ 1 steps",
        hypotheses={"T > 0": T > 0, "(1+a)^-T > 0": kept_at_end > 0, "T steps": weight >= T * kept_at_end},
        conclusion=weight > 0,
        mutants={"no steps": suppose("T > 0", T >= 0), "any weights": drop("T steps")},
    )


def mean(name: str, statement: str, premises: Premises, bound: Callable[..., Formula]) -> Obligation:
    """The weighted mean, with ``F >= F*`` at the end and ``F(w_0) - F* <= F0``; ``bound`` is made of the sum of the weights and of C."""
    right = bound(weight=weight, C=C)
    return C20(
        name=name,
        statement=statement,
        hypotheses={
            **premises,
            "W > 0": weight > 0,
            "(1+a)^-T > 0": kept_at_end > 0,
            "sum": gain * S <= start - kept_at_end * left + lift * weight,
            "F >= F*": left >= 0,
            "F(w_0) - F* <= F0": start <= F0,
        },
        conclusion=S / weight <= right,
        mutants={
            "half of it": conclude(S / weight <= right / 2),
            "half of C": conclude(S / weight <= bound(weight=weight, C=C / 2)),
            "twice the weights": conclude(S / weight <= bound(weight=2 * weight, C=C)),
            "F not bounded below": drop("F >= F*"),
            "F0 too small": drop("F(w_0) - F* <= F0"),
        },
        axiom=axioms.INFIMUM,
    )


def run() -> Induction:
    """What the weights add up to."""
    first, following = weighing()
    return Induction(
        name="weights",
        first=first,
        next_step=following,
        invariant=WEIGHED,
        start={**UNWEIGHED, t: z3.RealVal(0)},
        next={**NEXT, t: t + 1},
        end={t: T, kept: kept_at_end},
    )


def over(step: Manifest, bound: Obligation, function: Function, *names: str) -> Manifest:
    """The bound that weights make of a step: their sum is ``(1 - (1+a)^-T)/a``."""
    first, following = summing()
    total = Induction(
        name="weighted sum",
        first=first,
        next_step=following,
        invariant=SUMMED,
        start={**UNWEIGHED, S: z3.RealVal(0), gap: start},
        next={**NEXT, S: S + FALLEN * grad2, gap: gap_next},
        end={kept: kept_at_end, gap: left},
    )
    return Manifest(
        claim=step.claim,
        name="bound",
        premises=(
            *step.premises,
            *premises(*names, "T > 0", "(1+a)^-t > 0", "(1+a)^-T > 0", "F(w_0) - F* <= F0"),
            Premise("F >= F*", {gap: left}),
        ),
        definitions=step.definitions,
        steps=(Cited(step), run(), total, positive(), bound),
        conclusion=z3.And(bound.conclusion, a * weight == 1 - kept_at_end),
        function=function,
        asks=premises("F0 > 0"),
    )
