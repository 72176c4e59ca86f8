"""Two recursions that the claims share: sums that telescope, and gaps that contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import z3

from tsla.theory.certificates.algebra.engine import axioms
from tsla.theory.certificates.algebra.engine.manifest import Cited, Function, Manifest
from tsla.theory.certificates.algebra.engine.obligation import Formula, Mutant, Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import Premise
from tsla.theory.certificates.algebra.engine.premises import premises as from_table
from tsla.theory.certificates.algebra.engine.steps import Induction, State
from tsla.theory.certificates.algebra.engine.symbols import F0, F, F_next, Premises, T, eta, gap, gap_next, grad2, mu, start, t
from tsla.theory.certificates.algebra.engine.table import contraction, power

S, left = z3.Reals("S left")
"""Σ‖∇F(w_i)‖² over the steps so far, and F(w_T) - F*."""
CONTRACTED = {power: (1 - eta * mu) * power, gap: gap_next}
"""After a step."""
LESS_F_STAR = {F: gap, F_next: gap_next}
"""A1 speaks of differences of F, and so holds of F - F* as well."""


@dataclass(frozen=True, eq=False)
class Telescoping:
    """From ``F(w⁺) <= F(w) - gain ‖∇F(w)‖² + lift`` to ``gain Σ‖∇F(w_i)‖² <= F(w_0) - F(w_t) + t lift``.

    F* is taken off on both sides, for what follows speaks of the gap.

    premises:   what its obligations assume besides
    formula:    what it says at t, as a sentence
    part:       what the names of its obligations begin with
    potential:  what falls from step to step: the gap, or what is no smaller. Its symbols are, by name of a field, those at the ``begin``,
                ``after`` a step and at the ``end``
    """

    claim: str
    gain: Formula
    lift: Formula
    premises: Premises
    formula: str
    part: str = ""
    potential: Formula = gap
    begin: State = field(default_factory=lambda: {gap: start})
    after: State = field(default_factory=lambda: {gap: gap_next})
    end: State = field(default_factory=lambda: {gap: left})

    def _summed(self, squares: Formula, potential: Formula, steps: Formula) -> Formula:
        return self.gain * squares <= start - potential + steps * self.lift

    @property
    def _next(self) -> State:
        return {S: S + grad2, t: t + 1, **self.after}

    @cached_property
    def obligations(self) -> tuple[Obligation, Obligation]:
        """At the start, and from one step to the next."""
        invariant, following = self._summed(S, self.potential, t), z3.substitute(self.potential, *self.after.items())
        starts = [symbol == value for symbol, value in self.begin.items()]
        return (
            Obligation(
                claim=self.claim,
                name=f"{self.part}sum, start",
                statement=f"{self.formula} at t = 0",
                hypotheses={**self.premises, "no steps": z3.And(S == 0, t == 0), "F(w_0)": z3.And(starts) if starts[1:] else starts[0]},
                conclusion=invariant,
                mutants={"t-1 for t": conclude(self._summed(S, self.potential, t - 1)), "not from F(w_0)": drop("F(w_0)")},
            ),
            Obligation(
                claim=self.claim,
                name=f"{self.part}sum, next step",
                statement=f"{self.formula}: if at t, then at t+1",
                hypotheses={
                    **self.premises,
                    "at t": invariant,
                    "one step": following <= self.potential - self.gain * grad2 + self.lift,
                    "grad2 >= 0": grad2 >= 0,
                },
                conclusion=z3.substitute(invariant, *self._next.items()),
                mutants={
                    "lift not counted": conclude(self._summed(S + grad2, following, t)),
                    "F(w_t) for F(w_(t+1))": conclude(self._summed(S + grad2, self.potential, t + 1)),
                    "twice the gain": conclude(2 * self.gain * (S + grad2) <= start - following + (t + 1) * self.lift),
                    "no step": drop("one step"),
                },
                axiom=axioms.TELESCOPING,
            ),
        )

    def over(self, step: Manifest, *names: str) -> Manifest:
        """The sum for all T, from a manifest of the step; ``names`` are of premises that the sum needs and the step does not."""
        first, following = self.obligations
        run = Induction(
            name="sum",
            first=first,
            next_step=following,
            invariant=first.conclusion,
            start={S: z3.RealVal(0), t: z3.RealVal(0), **self.begin},
            next=self._next,
            end={t: T, **self.end},
        )
        return Manifest(
            claim=step.claim,
            name=f"{self.part}sum",
            statement=f"{self.formula}, for every t",
            premises=(*(premise.moved(LESS_F_STAR) for premise in step.premises), *from_table(*names)),
            definitions=step.definitions,
            steps=(Cited(step, LESS_F_STAR), run),
        )

    def mean(
        self, bound: Formula, statement: str, known: Premises | None = None, mutants: Mapping[str, Mutant] | None = None
    ) -> Obligation:
        """The mean over ``T`` steps, with ``F >= F*`` at the end and ``F(w_0) - F* <= F0``, from what is ``known`` besides.

        ``bound`` is the right-hand side; its mutants are half of it, one more of its steps where there are no other ``mutants``, an F that
        is not bounded below, and a start that is worse than F0.
        """
        end = z3.substitute(self.potential, *self.end.items())
        return Obligation(
            claim=self.claim,
            name=f"{self.part}bound",
            statement=statement,
            hypotheses={
                **self.premises,
                "T > 0": T > 0,
                **(known or {}),
                "sum": self._summed(S, end, T),
                "F >= F*": end >= 0,
                "F(w_0) - F* <= F0": start <= F0,
            },
            conclusion=S / T <= bound,
            mutants={
                "half of it": conclude(S / T <= bound / 2),
                **(mutants or {"T+1 for T": conclude(S / T <= z3.substitute(bound, (T, T + 1)))}),
                "F not bounded below": drop("F >= F*"),
                "F0 too small": drop("F(w_0) - F* <= F0"),
            },
            axiom=axioms.INFIMUM,
        )


def averaged(total: Manifest, mean: Obligation, function: Function | None = None) -> Manifest:
    """The bound that a ``mean`` makes of a telescoped sum, which ``function`` computes."""
    return Manifest(
        claim=total.claim,
        name=mean.name,
        premises=(*total.premises, *from_table("T > 0", "F(w_0) - F* <= F0"), Premise("F >= F*", {gap: left})),
        definitions=total.definitions,
        steps=(Cited(total), mean),
        function=function,
        asks=from_table("F0 > 0"),
    )


@dataclass(frozen=True, eq=False)
class Contraction:
    """From ``gap⁺ <= (1-ημ) gap + lift`` to ``gap_t <= (1-ημ)^t F0 + floor``, ``floor = lift/(ημ)``; the fields of :class:`Telescoping`."""

    claim: str
    lift: Formula
    floor: Formula
    premises: Premises
    formula: str
    part: str = ""

    def step(self, name: str, statement: str, mutants: Mapping[str, Mutant]) -> Obligation:
        """What A4 makes of a step along which F falls by ``(η/2)‖∇F‖²``, but for the lift. Each has two ``mutants`` of its own or more."""
        return Obligation(
            claim=self.claim,
            name=name,
            statement=statement,
            hypotheses={"eta > 0": eta > 0, "one step": gap_next <= gap - eta / 2 * grad2 + self.lift, "A4": 2 * mu * gap <= grad2},
            conclusion=gap_next <= (1 - eta * mu) * gap + self.lift,
            mutants={"twice the rate": conclude(gap_next <= (1 - 2 * eta * mu) * gap + self.lift), "no A4": drop("A4"), **mutants},
        )

    @property
    def half_the_lift(self) -> Mutant:
        """Of a step."""
        return conclude(gap_next <= (1 - eta * mu) * gap + self.lift / 2)

    @cached_property
    def obligations(self) -> tuple[Obligation, Obligation]:
        """At the start, and from one step to the next."""
        kept, one_step = 1 - eta * mu, gap_next <= (1 - eta * mu) * gap + self.lift
        invariant = gap <= power * F0 + self.floor
        return (
            Obligation(
                claim=self.claim,
                name=f"{self.part}contraction, start",
                statement=f"{self.formula} at t = 0",
                hypotheses={**self.premises, "no steps": power == 1, "F(w_0) - F* <= F0": gap <= F0},
                conclusion=invariant,
                mutants={"minus the floor": conclude(gap <= power * F0 - self.floor), "F0 too small": drop("F(w_0) - F* <= F0")},
            ),
            Obligation(
                claim=self.claim,
                name=f"{self.part}contraction, next step",
                statement=f"{self.formula}: if at t, then at t+1",
                hypotheses={**self.premises, "(1-rate)^t >= 0": power >= 0, "F0 > 0": F0 > 0, "at t": invariant, "one step": one_step},
                conclusion=z3.substitute(invariant, *CONTRACTED.items()),
                mutants={
                    "half the floor": Mutant(gap_next <= kept * power * F0 + self.floor / 2, {"at t": gap <= power * F0 + self.floor / 2}),
                    "a step too many": conclude(gap_next <= kept * kept * power * F0 + self.floor),
                    "twice the lift": suppose("one step", gap_next <= kept * gap + 2 * self.lift),
                    "mu > L": drop("mu <= L"),
                },
                axiom=f"{axioms.INDUCTION}; {axioms.HISTORY}",
            ),
        )

    def over(self, step: Manifest, name: str = "bound", function: Function | None = None) -> Manifest:
        """``left <= (1-ημ)^T F0 + floor`` for all T, from a manifest of the step with A4."""
        first, following = self.obligations
        run = Induction(
            name="contraction",
            first=first,
            next_step=following,
            invariant=first.conclusion,
            start={power: z3.RealVal(1), gap: start},
            next=CONTRACTED,
            end={power: contraction, gap: left},
        )
        return Manifest(
            claim=step.claim,
            name=name,
            statement=f"{self.formula}, for every t",
            premises=(*step.premises, *from_table("F0 > 0", "T >= 0", "F(w_0) - F* <= F0", "(1-ημ)^t >= 0")),
            definitions=step.definitions,
            steps=(Cited(step), run),
            function=function,
        )


def under_pl(step: Manifest, with_pl: Obligation, claim: str) -> Manifest:
    """A step with A4, from a manifest of the step without it."""
    return Manifest(
        claim=claim,
        name="one step",
        premises=(*(premise.moved(LESS_F_STAR) for premise in step.premises), *from_table("mu > 0", "mu <= L", "A4")),
        definitions=step.definitions,
        steps=(Cited(step, LESS_F_STAR), with_pl),
    )
