"""How the steps of a claim make up the claim: a manifest, whose composite is proved from the conclusions of its steps.

An obligation proves a step from hypotheses. A manifest says where these come from, and that is checked. Each hypothesis of a step must be

- one of the manifest's premises, settings or definitions, or the conclusion of an earlier step, as it stands or by chaining such:
  ``a <= b`` and ``b <= c`` give ``a <= c``, where each side of a comparison is a name for itself and no algebra is done with it;
- or a consequence, by z3, of what the manifest says of its numbers, such as ``ημ <= 1`` of ``ηL <= 1`` and ``mu <= L``.

The claim's own ``conclusion`` must come from the steps by chaining alone. So a step that is taken away leaves a hole, a hypothesis that the
claim does not have is found, and so is a conclusion that is weaker than what the next step starts from.

A manifest for a claim of one's own::

    Manifest(
        claim="C4",
        name="sum",
        statement="(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_T) + T Lη²σ²/2",
        premises=(*premises("L > 0", "eta > 0", "eta <= 1/L", "sigma2 >= 0", "A2: variance"), Premise("A2: E g = ∇F", {slope: Gg}), ...),
        steps=(second_moment, one_step, Induction(name="sum", first=first, next_step=next_step, ...)),
        conclusion=GAIN * S <= start - gap + T * LIFT,
    )

``premises`` come from the closed table of ``premises.py``. ``settings`` are what the claim sets: a step size, a length, as
``symbol == term`` or ``symbol >= term``. ``definitions`` give a name to a term. Neither can say anything of the claim's constants.
Steps are obligations and identities, and what puts them together: :class:`Induction` for all steps of a run, :class:`Cited` for another
manifest's conclusion, :class:`Inference` for what a named axiom gives. :func:`alone` makes a manifest of a single obligation, and
:func:`planned` that of a bound whose run is set as planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any, ClassVar, TypeAlias

import z3

from tsla.theory.certificates import Certificate, because
from tsla.theory.certificates.algebra.engine.obligation import Formula, Identity, Obligation, can_be_met, follows, once
from tsla.theory.certificates.algebra.engine.premises import INFERENCES, TABLE, WORLD, Premise
from tsla.theory.certificates.algebra.engine.symbols import F0, L, Premises, eps2, mu
from tsla.theory.claims import CLAIMS

Function: TypeAlias = Callable[..., Any]
"""A bound or a plan, called with numbers by the names of their symbols; it raises ValueError for those that it does not allow."""
State: TypeAlias = Mapping[Formula, Formula]
"""Symbols, and what is put in their place."""
WHOLE = {part.id: claim.id for claim in CLAIMS for part in (claim, *claim.parts)}
"""The claim that a claim or a part of one belongs to."""


@dataclass(frozen=True, eq=False)
class Gap:
    """A formula that a step, or the claim, needs and nothing gives."""

    where: str
    what: str
    formula: Formula

    def __str__(self) -> str:
        return f"{self.where}: {self.what}, {_line(self.formula)}"


@dataclass(frozen=True, eq=False)
class Known:
    """What a step may start from.

    numbers:  what is said of numbers, from which z3 may draw conclusions
    facts:    what holds at every step of a run; facts may be chained
    final:    what holds at the end of a run, likewise
    """

    numbers: tuple[Formula, ...]
    facts: tuple[Formula, ...]
    final: tuple[Formula, ...] = ()

    def plus(self, step: Step) -> Known:
        """With the conclusion of a step."""
        field = "final" if step.final else "facts"
        return replace(self, **{field: (*getattr(self, field), step.conclusion)})

    def at_a_step(self, *facts: Formula) -> Known:
        """With facts about a step that is not the last one."""
        return replace(self, facts=(*self.facts, *facts), final=())

    @cached_property
    def _everything(self) -> tuple[Formula, ...]:
        return (*self.numbers, *self.facts, *self.final)

    @cached_property
    def _stated(self) -> set[int]:
        return {fact.get_id() for fact in self._everything}

    def chains_to(self, formula: Formula) -> bool:
        """Whether the facts give ``formula`` without algebra."""
        return formula.get_id() in self._stated or self._chains(_opaque(formula))

    @cached_property
    def _opaque(self) -> list[Formula]:
        return [*map(_opaque, self._everything)]

    @cached_property
    def _spoken_of(self) -> set[int]:
        return set().union(*map(_names, self._opaque))

    def _chains(self, asked: Formula) -> bool:
        if not _names(asked) <= self._spoken_of:
            return False
        solver = z3.SimpleSolver()
        solver.add(*self._opaque, z3.Not(asked))
        return bool(solver.check() == z3.unsat)

    def gives(self, formula: Formula) -> bool:
        """Whether ``formula`` may be a hypothesis."""
        if z3.is_and(formula):
            return all(map(self.gives, formula.children()))
        return self.chains_to(formula) or follows(self.numbers, formula)


@dataclass(frozen=True, kw_only=True, eq=False)
class Induction:
    """A formula that holds before the first step, and after a step if it did before: it holds after every step.

    name:       of the step
    first:      the obligation at t = 0
    next_step:  the obligation from t to t+1
    invariant:  the formula, at t
    start:      symbol -> its value at t = 0
    next:       symbol -> its value at t+1
    end:        symbol -> what it is called at the end, as T for t
    """

    name: str
    first: Obligation
    next_step: Obligation
    invariant: Formula
    start: State
    next: State
    end: State = field(default_factory=dict)
    final: ClassVar = True

    def __post_init__(self) -> None:
        if self.start.keys() != self.next.keys() or self.end.keys() - self.start.keys():
            raise ValueError(f"{self.name}: start and next must be of the same symbols, and end of some of them")
        if any(map(_is_constant, (*self.start, *self.end.values()))):
            raise ValueError(f"{self.name}: start, next and end must not be of {WORLD}")

    @property
    def conclusion(self) -> Formula:
        """The invariant at the end."""
        return z3.substitute(self.invariant, *self.end.items())

    @property
    def axiom(self) -> str:
        """What the two obligations stand on; that of the next step is the induction itself."""
        return because(self.first.axiom, self.next_step.axiom)

    @property
    def flaw(self) -> str:
        """Why one of the two is not proved."""
        return because(self.first.flaw, self.next_step.flaw)

    def gaps(self, known: Known) -> Iterator[Gap]:
        """Hypotheses that nothing gives, and where the two obligations are not about the one invariant."""
        yield from gaps(self.first, replace(known, facts=(*known.facts, *(symbol == value for symbol, value in self.start.items()))))
        yield from gaps(self.next_step, known.at_a_step(self.invariant))
        if not self.first.conclusion.eq(self.invariant):
            yield Gap(self.first.name, "does not conclude its invariant", self.invariant)
        wanted = z3.substitute(self.invariant, *self.next.items())
        if not self.next_step.conclusion.eq(wanted):
            yield Gap(self.next_step.name, "does not conclude its invariant", wanted)


@dataclass(frozen=True, eq=False)
class Cited:
    """The conclusion of another manifest, with other symbols in the place of its own: its premises must hold of them."""

    manifest: Manifest
    at: State = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As it is cited."""
        return f"{self.manifest.claim}, {self.manifest.name}"

    @property
    def conclusion(self) -> Formula:
        """With the symbols of where it is cited."""
        return z3.substitute(self.manifest.conclusion, *self.at.items())

    @property
    def final(self) -> bool:
        """Whether it is about the end of a run."""
        return any(step.final for step in self.manifest.steps)

    @property
    def axiom(self) -> str:
        """What the cited manifest stands on."""
        return self.manifest.axiom

    @property
    def flaw(self) -> str:
        """Why it does not compose itself."""
        return self.manifest.flaw

    def gaps(self, known: Known) -> Iterator[Gap]:
        """Premises of the cited manifest that nothing gives."""
        for name, formula in self.manifest.given.items():
            moved = z3.substitute(formula, *self.at.items())
            if not known.gives(moved):
                yield Gap(self.name, f"nothing gives its premise {name!r}", moved)


@dataclass(frozen=True)
class Inference:
    """What a named axiom gives from conclusions of earlier steps: one of the closed list in ``premises.py``."""

    axiom: str
    flaw: ClassVar = ""
    final: ClassVar = False

    @property
    def name(self) -> str:
        """As the axiom says it."""
        return self.axiom

    @property
    def conclusion(self) -> Formula:
        """What it gives."""
        _, gives = INFERENCES[self.axiom]
        return TABLE[gives]

    def gaps(self, known: Known) -> Iterator[Gap]:
        """What it uses, and no step concludes."""
        uses, _ = INFERENCES[self.axiom]
        yield from (Gap(self.name, "nothing gives", used) for used in uses if not known.chains_to(used))


Step: TypeAlias = Obligation | Identity | Induction | Cited | Inference


@dataclass(frozen=True, kw_only=True, eq=False)
class Manifest:
    """A claim, or one thing that it says, and the steps that make it up.

    claim:        id of the claim or of its part, as in ``tsla.theory.claims``
    name:         what of the claim this is: "bound", "plan"
    statement:    the same as a sentence
    premises:     what it assumes, from the closed table
    settings:     what it sets: name -> ``symbol == term`` or ``symbol >= term``; the symbol is none of the claim's constants
    definitions:  name -> ``symbol == term``, likewise
    steps:        in the order of the proof
    conclusion:   what is claimed
    function:     of a bound or a plan, called with numbers by the names of their symbols; it refuses what its premises do not allow
    asks:         what the function asks for besides, and the proof does not need

    Raises ValueError for a setting or a definition whose symbol occurs in a premise, has another one, or is named by way of itself: it
    would say something of what is there already.
    """

    claim: str
    name: str
    statement: str
    premises: tuple[Premise, ...]
    steps: tuple[Step, ...]
    conclusion: Formula
    settings: Premises = field(default_factory=dict)
    definitions: Premises = field(default_factory=dict)
    function: Function | None = None
    asks: tuple[Premise, ...] = ()

    def __post_init__(self) -> None:
        spoken_of = [s for premise in self.premises for s in _symbols(premise.formula) if not premise.for_every(s)] if self.named else []
        counted = [symbol for step in self.steps if isinstance(step, Induction) for symbol in step.start]
        terms: dict[str, set[str]] = {}
        for name, formula in self.named.items():
            symbol, term = formula.children()
            names = z3.is_eq(formula) or (z3.is_ge(formula) and name in self.settings)
            if not names or symbol.num_args() or any(map(symbol.eq, [*WORLD, *spoken_of, *counted])) or str(symbol) in terms:
                raise ValueError(
                    f"{self.claim}, {self.name}: {name!r}, {_line(formula)}, must name a term by a symbol that has no other meaning"
                )
            terms[str(symbol)] = set(map(str, _symbols(term)))
        TopologicalSorter(terms).prepare()

    @property
    def named(self) -> Premises:
        """Definitions, and then settings."""
        return {**self.definitions, **self.settings}

    @cached_property
    def given(self) -> Premises:
        """All that it assumes, by name."""
        return {str(premise): premise.formula for premise in self.premises} | self.named

    @property
    def axiom(self) -> str:
        """What its steps stand on, each axiom once."""
        named = (axiom for step in self.steps for axiom in step.axiom.split("; "))
        return because(*dict.fromkeys(named))

    @cached_property
    def flaw(self) -> str:
        """Why it does not compose; empty if it does. A step that is not proved makes no claim either."""
        unproved = (f"{step.name}: {step.flaw}" for step in self.steps if step.flaw)
        vacuous = "" if can_be_met(self._known().numbers) else "z3 finds nothing that meets its premises"
        return because(*unproved, *map(str, self.gaps()), vacuous)

    def _known(self) -> Known:
        return Known(
            tuple(p.formula for p in self.premises if p.about_numbers) + tuple(self.named.values()),
            tuple(p.formula for p in self.premises if not p.about_numbers),
        )

    def gaps(self, steps: Sequence[Step] | None = None, start: int = 0) -> Iterator[Gap]:
        """Hypotheses that nothing gives, from the step ``start`` on, and the conclusion where the steps don't give it.

        The steps are not proved for it. Others may be put in their place.
        """
        known = self._known()
        for place, step in enumerate(self.steps if steps is None else steps):
            if place >= start:
                yield from gaps(step, known)
            known = known.plus(step)
        if not all(map(known.chains_to, _conjuncts(self.conclusion))):
            yield Gap(self.name, "the steps do not give", self.conclusion)

    def planted(self) -> Iterator[tuple[str, list[Step], int]]:
        """Wrong versions of the steps, by name: one is missing, assumes what the claim does not, or concludes less; and which one it is."""
        with_mu = any(mu.get_id() in _names(formula) for formula in self.given.values())
        more = _assuming(2 * mu <= L if with_mu else F0 >= 1)
        for place, step in enumerate(self.steps):
            before, after = [*self.steps[:place]], self.steps[place + 1 :]
            yield f"without {step.name}", [*before, *after], place
            for what, change in (("with more assumed in", more), ("with less concluded in", _concluding_less)):
                for name, changed in _changed(step, change):
                    yield f"{what} {name}", [*before, changed, *after], place

    def survivors(self) -> list[str]:
        """Names of the wrong versions that compose all the same."""
        return [name for name, steps, place in self.planted() if not any(self.gaps(steps, place))]

    def certificate(self) -> Certificate:
        """Whether it composes, and how many of its wrong versions do not."""
        planted, survivors = len([*self.planted()]), self.survivors()
        return Certificate(
            claim=WHOLE[self.claim],
            kind="algebra",
            name=f"{self.claim}, {self.name}",
            statement=self.statement,
            guarantee="composite",
            holds=not self.flaw,
            rejected=planted - len(survivors),
            planted=planted,
            axiom=self.axiom,
            reason=because(self.flaw, f"it composes {', '.join(survivors)}" if survivors else ""),
        )


def alone(
    obligation: Obligation | Identity,
    *names: str,
    premises: tuple[Premise, ...] = (),
    settings: Premises | None = None,
    definitions: Premises | None = None,
    claim: str = "",
    function: Function | None = None,
) -> Manifest:
    """What a single obligation says by itself, from the premises of the given ``names`` and others."""
    return Manifest(
        claim=claim or obligation.claim,
        name=obligation.name,
        statement=obligation.statement,
        premises=(*map(Premise, names), *premises),
        settings=settings or {},
        definitions=definitions or {},
        steps=(obligation,),
        conclusion=obligation.conclusion,
        function=function,
    )


def planned(
    bound: Manifest,
    plan: Obligation,
    settings: Premises,
    *names: str,
    more: Premises | None = None,
    at: State | None = None,
    at_most: Formula = eps2,
    function: Function | None = None,
) -> Manifest:
    """What a bound gives where the run is set as planned: that its left-hand side is ``at_most`` so much.

    What the bound assumes of the step size and the length then follows from how they are set. ``names`` are of further premises,
    ``more`` has further definitions, and ``at`` puts terms in the place of the bound's symbols.
    """
    cited = Cited(bound, at or {})
    replaced = list(map(str, cited.at))
    definitions = {name: formula for name, formula in bound.definitions.items() if str(formula.arg(0)) not in replaced}
    return Manifest(
        claim=bound.claim if WHOLE[bound.claim] == plan.claim else plan.claim,
        name=plan.name,
        statement=plan.statement,
        premises=(*without(bound.premises, settings), *bound.asks, *map(Premise, names)),
        settings={**bound.settings, **settings},
        definitions=definitions | (more or {}),
        steps=(plan, cited),
        conclusion=cited.conclusion.arg(0) <= at_most,
        function=function,
    )


def borrowed(plan: Manifest, claim: str, name: str, *names: str, function: Function) -> Manifest:
    """The plan of another claim, which is this one's too where the premises of the given ``names`` hold."""
    return replace(plan, claim=claim, name=name, premises=(*plan.premises, *map(Premise, names)), steps=(Cited(plan),), function=function)


def without(premises: Iterable[Premise], settings: Premises) -> tuple[Premise, ...]:
    """The premises but for those on what is set."""
    chosen = [formula.arg(0) for formula in settings.values()]
    return tuple(p for p in premises if not p.seen or not any(symbol.eq(one) for symbol in _symbols(p.formula) for one in chosen))


def gaps(step: Step, known: Known) -> Iterator[Gap]:
    """The hypotheses of a step that nothing gives."""
    if isinstance(step, Obligation):
        for name, formula in step.hypotheses.items():
            if not known.gives(formula):
                yield Gap(step.name, f"nothing gives its hypothesis {name!r}", formula)
    elif not isinstance(step, Identity):
        yield from step.gaps(known)


def _assuming(extra: Formula) -> Callable[[Obligation], Obligation]:
    return lambda step: replace(step, hypotheses={**step.hypotheses, _line(extra): extra})


def _concluding_less(step: Obligation) -> Obligation:
    return replace(step, conclusion=_weaker(step.conclusion))


def _changed(step: Step, change: Callable[[Obligation], Obligation]) -> Iterator[tuple[str, Step]]:
    """The step with each of its obligations changed in turn."""
    if isinstance(step, Obligation):
        yield step.name, change(step)
    if isinstance(step, Induction):
        yield step.first.name, replace(step, first=change(step.first))
        yield step.next_step.name, replace(step, next_step=change(step.next_step))


def _weaker(formula: Formula) -> Formula:
    if z3.is_and(formula):
        return z3.And(*map(_weaker, formula.children()))
    if z3.is_le(formula) or z3.is_lt(formula):
        return formula.decl()(formula.arg(0), formula.arg(1) + 1)
    if z3.is_eq(formula) and z3.is_arith(formula.arg(0)):
        return formula.arg(0) <= formula.arg(1)
    return z3.Or(formula, z3.Bool("something else"))


@once
def _opaque(formula: Formula) -> Formula:
    """The formula with each side of a comparison as a name for itself."""
    if z3.is_arith(formula) and formula.num_args():
        return z3.Real(f"term {formula.get_id()}")
    if not formula.num_args():
        return formula
    connective = {z3.Z3_OP_AND: z3.And, z3.Z3_OP_OR: z3.Or}.get(formula.decl().kind(), formula.decl())
    return connective(*map(_opaque, formula.children()))


def _conjuncts(formula: Formula) -> list[Formula]:
    return formula.children() if z3.is_and(formula) else [formula]


def _is_constant(symbol: Formula) -> bool:
    return any(map(symbol.eq, WORLD))


def _symbols(term: Formula) -> Iterator[Formula]:
    if not term.num_args() and not z3.is_rational_value(term):
        yield term
    for child in term.children():
        yield from _symbols(child)


@once
def _names(formula: Formula) -> frozenset[int]:
    return frozenset(symbol.get_id() for symbol in _symbols(formula))


def _line(formula: Formula) -> str:
    return " ".join(str(formula).split())
