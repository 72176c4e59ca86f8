"""The engine: an obligation holds if z3 refutes its negation, its premises can be met, and wrong versions of it get counterexamples.

A formula that z3 can't decide within its budget does not hold, and a mutant that it can't refute is not rejected. The certificate says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, ClassVar, TypeVar

import sympy
import z3

from tsla.theory.certificates import Certificate, because, outcome_of

Formula = Any
"""A formula or a term of z3, which has no types."""

Result = TypeVar("Result")
BUDGET = 10_000_000
"""Steps of z3's own counter for one question, some seconds: unlike a time limit it decides the same on every machine."""


def once(function: Callable[[Formula], Result]) -> Callable[[Formula], Result]:
    """Remember what was found of a formula. Equal formulas have one id as long as one of them is kept, and are slow to compare."""
    found: dict[int, tuple[Formula, Result]] = {}

    def remembered(formula: Formula) -> Result:
        if formula.get_id() not in found:
            found[formula.get_id()] = formula, function(formula)
        return found[formula.get_id()][1]

    return remembered


def is_symbol(term: Formula) -> bool:
    """Whether it is a name: no number, and nothing that is made of others."""
    return bool(z3.is_const(term) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED)


def symbols_of(term: Formula) -> Iterator[Formula]:
    """The symbols in it, as often as they occur."""
    if is_symbol(term):
        yield term
    for child in term.children():
        yield from symbols_of(child)


class UndecidedError(Exception):
    """z3 gave no answer, for the reason that it states."""


@dataclass(frozen=True, eq=False)
class Mutant:
    """A wrong version of an obligation: another conclusion, or hypotheses by name that are put in the place of its own; None drops one."""

    conclusion: Formula | None = None
    hypotheses: Mapping[str, Formula | None] = field(default_factory=dict)


def conclude(conclusion: Formula) -> Mutant:
    """The mutant that concludes something else."""
    return Mutant(conclusion)


def drop(*names: str) -> Mutant:
    """The mutant that does without some hypotheses."""
    return Mutant(hypotheses=dict.fromkeys(names))


def suppose(name: str, hypothesis: Formula) -> Mutant:
    """The mutant with one hypothesis changed."""
    return Mutant(hypotheses={name: hypothesis})


@dataclass(frozen=True, kw_only=True, eq=False)
class Provable(ABC):
    """A step of a proof, which its wrong versions tell from what is no step.

    claim, name, statement, guarantee, axiom:  as in :class:`tsla.theory.certificates.Certificate`
    mutants:  name -> wrong version, which must be rejected
    """

    claim: str
    name: str
    statement: str
    mutants: Mapping[str, Any]
    guarantee: str
    axiom: str = ""
    final: ClassVar = False

    def certificate(self) -> Certificate:
        """Prove it, and reject its mutants."""
        survivors = self.survivors()
        return Certificate(
            claim=self.claim,
            kind="algebra",
            name=self.name,
            statement=self.statement,
            guarantee=self.guarantee,
            holds=not self.flaw,
            rejected=len(self.mutants) - len(survivors),
            planted=len(self.mutants),
            axiom=self.axiom,
            reason=because(self.flaw, f"wrong versions that are not rejected: {', '.join(survivors)}" if survivors else ""),
        )

    def survivors(self) -> list[str]:
        """Names of the mutants that are not rejected."""
        return [name for name in self.mutants if not self.rejects(name)]

    @property
    @abstractmethod
    def flaw(self) -> str:
        """Why it is not proved; empty if it is."""

    @abstractmethod
    def rejects(self, mutant: str) -> bool:
        """Whether the mutant of this name is found to be wrong."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Obligation(Provable):
    """A step over the reals. Hypotheses that nothing meets prove everything, so that a proof from them does not count.

    hypotheses:  name -> formula; the name is how a mutant changes it
    conclusion:  the formula that follows
    budget:      steps of z3 for each question
    """

    hypotheses: Mapping[str, Formula]
    conclusion: Formula
    mutants: Mapping[str, Mutant]
    guarantee: str = "inequality"
    budget: int = BUDGET

    def rejects(self, mutant: str) -> bool:
        """Whether the mutant has a counterexample."""
        return self.counterexample(mutant) is not None

    def counterexample(self, mutant: str) -> z3.ModelRef | None:
        """Numbers that meet the mutant's hypotheses and not its conclusion, with no division by 0; None where z3 found none."""
        wrong = self.mutants[mutant]
        unknown = wrong.hypotheses.keys() - self.hypotheses.keys()
        if unknown:
            raise ValueError(f"{self.claim} {self.name}: mutant {mutant!r} changes {sorted(unknown)}, which are no hypotheses")
        hypotheses = (formula for formula in {**self.hypotheses, **wrong.hypotheses}.values() if formula is not None)
        conclusion = self.conclusion if wrong.conclusion is None else wrong.conclusion
        try:
            return _example((*hypotheses, z3.Not(conclusion)), self.budget)
        except UndecidedError:
            return None

    @property
    def flaw(self) -> str:
        """Why it is not proved; empty if it is."""
        hypotheses = tuple(self.hypotheses.values())
        try:
            if _example(hypotheses, self.budget) is None:
                return "z3 finds nothing that meets the hypotheses"
            model = _model((*hypotheses, z3.Not(self.conclusion)), self.budget)
        except UndecidedError as undecided:
            return f"z3 does not decide it within {self.budget:,} steps: {undecided}"
        return "" if model is None else f"it is false at {' '.join(str(model).split())}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Identity(Provable):
    """Two expressions that sympy finds equal; of a mutant, a wrong right-hand side, it finds a value that differs at ``point``."""

    left: Any
    right: Any
    point: Mapping[Any, Any]
    guarantee: str = "identity"

    @property
    def conclusion(self) -> Formula:
        """What it says, as a formula that z3 can pass on and not look into."""
        return z3.Bool(f"{self.claim}, {self.name}")

    @cached_property
    def flaw(self) -> str:
        """Why it does not hold; empty if it does."""
        difference = sympy.simplify(self.left - self.right)
        return "" if difference == 0 else f"the sides differ by {difference}"

    def rejects(self, mutant: str) -> bool:
        """Whether the mutant differs from the left-hand side at ``point``, beyond rounding."""
        difference = (self.left - self.mutants[mutant]).subs(self.point)
        return bool(abs(difference.evalf()) > 1e-9)


def follows(hypotheses: tuple[Formula, ...], conclusion: Formula) -> bool:
    """Whether z3 derives ``conclusion``, within a small budget: this is for what anybody would see."""
    try:
        return _model((*hypotheses, z3.Not(conclusion)), BUDGET // 10) is None
    except UndecidedError:
        return False


def can_be_met(formulas: tuple[Formula, ...]) -> bool:
    """Whether z3 finds numbers that make all of ``formulas`` true."""
    try:
        return _example(formulas, BUDGET) is not None
    except UndecidedError:
        return False


@cache
def _example(formulas: tuple[Formula, ...], budget: int) -> z3.ModelRef | None:
    """Numbers by z3 that make all of ``formulas`` true, evaluated once more in them; None where it finds none. Raises UndecidedError.

    z3 gives x/0 any value it likes, so a counterexample could hide there: every divisor is asked to differ from 0.
    """
    asked = (*formulas, *(divisor != 0 for formula in formulas for divisor in _divisors(formula)))
    model = _model(asked, budget)
    return model if model is not None and all(z3.is_true(model.eval(formula, model_completion=True)) for formula in asked) else None


@cache
def _model(formulas: tuple[Formula, ...], budget: int) -> z3.ModelRef | None:
    """What z3 finds to make all of ``formulas`` true; None where it proves that nothing does. Raises UndecidedError."""
    solver = z3.SolverFor("QF_NRA")
    solver.set("rlimit", budget)
    solver.add(*formulas)
    try:
        answer = solver.check()
    except z3.Z3Exception as error:
        raise UndecidedError(outcome_of(error)) from error
    if answer == z3.unknown:
        raise UndecidedError(solver.reason_unknown())
    return solver.model() if answer == z3.sat else None


@once
def _divisors(term: Formula) -> tuple[Formula, ...]:
    own = (term.arg(1),) if z3.is_div(term) and not z3.is_rational_value(term.arg(1)) else ()
    return (*own, *(divisor for child in term.children() for divisor in _divisors(child)))
