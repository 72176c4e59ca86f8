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

``premises`` come from the closed table of ``table.py``. ``settings`` are what the claim sets: a step size, a length, as
``symbol == term`` or ``symbol >= term``. ``definitions`` give a name to a term. Neither can say anything of the claim's constants.
Steps are obligations and identities, and what puts them together (``steps.py``): ``Induction`` for all steps of a run, ``Inference`` for
what a named axiom gives, and :class:`Cited` for another manifest's conclusion. :func:`alone` makes a manifest of a single obligation, and
:func:`planned` that of a bound whose run is set as planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from types import ModuleType
from typing import Any, TypeAlias

import z3

from tsla.theory.certificates import Certificate, because
from tsla.theory.certificates.algebra.engine.known import Gap, Known, line_of, names_of
from tsla.theory.certificates.algebra.engine.obligation import Formula, Identity, Obligation, can_be_met, is_symbol, symbols_of
from tsla.theory.certificates.algebra.engine.premises import Premise, is_one_of
from tsla.theory.certificates.algebra.engine.steps import Induction, Inference, State, wrong_versions
from tsla.theory.certificates.algebra.engine.symbols import F0, L, Premises, eps2, mu
from tsla.theory.certificates.algebra.engine.table import WORLD
from tsla.theory.claims import CLAIMS

Function: TypeAlias = Callable[..., Any]
"""A bound or a plan, called with numbers by the names of their symbols; it raises ValueError for those that it does not allow."""
WHOLE = {part.id: claim.id for claim in CLAIMS for part in (claim, *claim.parts)}
"""The claim that a claim or a part of one belongs to."""


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


Step: TypeAlias = Obligation | Identity | Induction | Cited | Inference


@dataclass(frozen=True, kw_only=True, eq=False)
class Manifest:
    """A claim, or one thing that it says, and the steps that make it up.

    claim:        id of the claim or of its part, as in ``tsla.theory.claims``
    name:         what of the claim this is: "bound", "plan"
    statement:    the same as a sentence; that of the last step if it is not given
    premises:     what it assumes, from the closed table
    settings:     what it sets: name -> ``symbol == term`` or ``symbol >= term``; the symbol is none of the claim's constants
    definitions:  name -> ``symbol == term``, likewise
    steps:        in the order of the proof
    conclusion:   what is claimed; what the last step concludes if it is not given
    function:     of a bound or a plan, called with numbers by the names of their symbols; it refuses what its premises do not allow
    asks:         what the function asks for besides, and the proof does not need

    Raises ValueError for a setting or a definition whose symbol occurs in a premise, has another one, or is named by way of itself: it
    would say something of what is there already.
    """

    claim: str
    name: str
    premises: tuple[Premise, ...]
    steps: tuple[Step, ...]
    statement: str = ""
    conclusion: Formula = None
    settings: Premises = field(default_factory=dict)
    definitions: Premises = field(default_factory=dict)
    function: Function | None = None
    asks: tuple[Premise, ...] = ()

    def __post_init__(self) -> None:
        last = self.steps[-1]
        object.__setattr__(self, "statement", self.statement or getattr(last, "statement", ""))
        object.__setattr__(self, "conclusion", last.conclusion if self.conclusion is None else self.conclusion)
        spoken_of = [s for premise in self.premises for s in symbols_of(premise.formula) if not premise.for_every(s)] if self.named else []
        counted = [symbol for step in self.steps if isinstance(step, Induction) for symbol in step.start]
        terms: dict[str, set[str]] = {}
        for name, formula in self.named.items():
            symbol, term = sides(formula)
            names = z3.is_eq(formula) or (z3.is_ge(formula) and name in self.settings)
            if not names or not is_symbol(symbol) or is_one_of(symbol, [*WORLD, *spoken_of, *counted]) or str(symbol) in terms:
                raise ValueError(
                    f"{self.claim}, {self.name}: {name!r}, {line_of(formula)}, must name a term by a symbol that has no other meaning"
                )
            terms[str(symbol)] = set(map(str, symbols_of(term)))
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

    def obligations(self) -> Iterator[Obligation | Identity]:
        """Those of its own steps; what it cites has its own."""
        for step in self.steps:
            if isinstance(step, Induction):
                yield from (step.first, step.next_step)
            elif isinstance(step, Obligation | Identity):
                yield step

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
            if place >= start and not isinstance(step, Identity):
                yield from known.gaps(step) if isinstance(step, Obligation) else step.gaps(known)
            known = known.plus(step.conclusion, final=step.final)
        if not all(map(known.chains_to, self.conclusion.children() if z3.is_and(self.conclusion) else [self.conclusion])):
            yield Gap(self.name, "the steps do not give", self.conclusion)

    def planted(self) -> Iterator[tuple[str, list[Step], int]]:
        """Wrong versions of the steps, by name: one is missing, assumes what the claim does not, or concludes less; and which one it is."""
        with_mu = any(mu.get_id() in names_of(formula) for formula in self.given.values())
        return wrong_versions(self.steps, 2 * mu <= L if with_mu else F0 >= 1)

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


def steps_of(module: ModuleType) -> list[Obligation | Identity]:
    """What a module of algebra proves, each step once: its ``obligations()``, or the steps of its manifests where it has none."""
    if hasattr(module, "obligations"):
        return [*module.obligations()]
    steps = (step for manifest in module.manifests() for step in manifest.obligations())
    return [*{step.name: step for step in steps}.values()]


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
        premises=(*map(Premise, names), *premises),
        settings=settings or {},
        definitions=definitions or {},
        steps=(obligation,),
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
    definitions = {name: formula for name, formula in bound.definitions.items() if str(sides(formula)[0]) not in replaced}
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


def sides(formula: Formula) -> tuple[Formula, Formula]:
    """The symbol that a setting or a definition names, and its term: z3 writes ``x == RealVal(1)`` as ``1 == x``."""
    first, second = formula.children()
    return (second, first) if z3.is_eq(formula) and not is_symbol(first) else (first, second)


def without(premises: Iterable[Premise], settings: Premises) -> tuple[Premise, ...]:
    """The premises but for those on what is set."""
    chosen = [sides(formula)[0] for formula in settings.values()]
    return tuple(p for p in premises if not p.seen or not any(is_one_of(symbol, chosen) for symbol in symbols_of(p.formula)))
