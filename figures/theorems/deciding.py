"""What is found of a theorem: whether it can be met, what its worst cases and runs say of it, and which wrong versions they refute.

The theorem's own bound and each wrong version of it go through the same check: that one passes it says something where these fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tsla.empirics.simulation import theorems as runs
from tsla.empirics.simulation.theorems import Measured
from tsla.empirics.statistics import betting
from tsla.theory.certificates.algebra.engine import theorems as formulas
from tsla.theory.certificates.worst_case.engine import theorems as programs
from tsla.theory.certificates.worst_case.engine.program import Worst, Wrong
from tsla.theory.constants import shown
from tsla.theory.testing.theorem import Given, Theorem, asked

Bound = Callable[[Given, int], float]
LARGEST = 1e300
"""In the place of a bound that is infinite."""
LAW_ERROR = 1e-5
"""Relative: what the exact law may be off."""
TRIED = 2
"""Constants that break a premise at which the bound is tried without it, and the lengths of the run there."""


@dataclass(frozen=True)
class Case:
    """The worst case at a setting after T steps."""

    k: Given
    T: int
    worst: Worst


@dataclass(frozen=True)
class Planted:
    """A wrong version, and what refuted it; nothing if it survived."""

    what: str
    by: str


@dataclass(frozen=True)
class Decision:
    """What is said of a theorem.

    word:      "proved", "supported", "refuted" or "says nothing"
    scope:     where that holds, or what refuted it
    flaw:      why its proof is none; empty if it is one, or it has none
    findings:  kind of evidence -> what it found
    """

    theorem: Theorem
    word: str
    scope: str
    findings: dict[str, str]
    planted: tuple[Planted, ...] = ()
    flaw: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was found against it, nor against its proof."""
        return self.word in ("proved", "supported") and not self.flaw


def decide(theorem: Theorem) -> Decision:
    """All of it, in less than a minute."""
    excluded = formulas.exclude_each_other(theorem)
    if excluded:
        return Decision(theorem, "says nothing", f"no constants meet {_quoted(excluded)} together, by z3", {})
    if not theorem.met:
        k = theorem.settings[0]
        return Decision(theorem, "says nothing", f"{k} do not meet {_quoted(theorem.broken(k))}", {})
    check = _Check(theorem)
    against = check.refuted_by(theorem.value)
    if against:  # and so is what claims more
        return Decision(theorem, "refuted", f"by {against}", dict(check.findings()))
    bounds = (Planted(wrong.name, check.refuted_by(wrong.bound)) for wrong in formulas.mutants(theorem))
    decision = Decision(theorem, "supported", check.scope(), dict(check.findings()), (*bounds, *_without_premises(theorem)))
    return decision if theorem.proof is None else _with_proof(decision, theorem.proof)


def _with_proof(decision: Decision, proof: Callable[[], Any]) -> Decision:
    with asked("proof"):
        manifest = proof()
        flaw = formulas.flaw_of_proof(decision.theorem, manifest)
        wrong = [Planted(f"proof {name}", gap) for name, gap in formulas.wrong_proofs(manifest)]
    if flaw:
        return replace(decision, scope=f"{decision.scope}; its proof fails: {flaw}", flaw=flaw)
    steps = f"{len(manifest.steps)} steps compose to it, on these axioms: {manifest.axiom}"
    scope = f"for every T and all constants that meet its premises; and {decision.word} {decision.scope}"
    return replace(
        decision, word="proved", scope=scope, findings={"algebra": steps, **decision.findings}, planted=(*decision.planted, *wrong)
    )


@dataclass(frozen=True)
class Limit:
    """What a bound says at some constants, where what is measured is ``factor`` times what it was."""

    bound: float
    k: Given
    factor: float

    @property
    def value(self) -> float:
        """On the scale of what was measured."""
        return self.bound / self.factor

    def exceeded_by(self, measured: float) -> str:
        """In words."""
        return f"{self.k}: {measured * self.factor:.6g} > {self.bound:.6g}"


class _Check:
    """The worst cases and the runs of a theorem, made once, beside which bounds are laid."""

    def __init__(self, theorem: Theorem) -> None:
        self.theorem = theorem
        self.cases = [Case(k, T, programs.worst(theorem, k, T)) for k in theorem.met for T in theorem.short]
        self.runs = [one for k in theorem.met for instance in runs.instances(theorem, k) for one in runs.measured(theorem, instance)]
        self.nearest = max(self.runs, key=self.share, default=None)
        self.law = [] if self.nearest is None else list(runs.by_law(theorem, self.nearest.instance))

    def share(self, run: Measured) -> float:
        """Of the bound, that a run has reached."""
        return run.mean / self.theorem.value(run.instance.k, run.T)

    def refuted_by(self, bound: Bound) -> str:
        """The first instance that exceeds a bound; empty if none does."""
        for case in self.cases:
            limit = self.limit(bound, case.k, case.T)
            if Wrong(case.worst, limit.value).rejected:
                return f"the worst case at T = {case.T}, {limit.exceeded_by(case.worst.lower)}"
        for one in self.law:
            limit = self.limit(bound, one.instance.k, one.T)
            if one.mean * (1 - LAW_ERROR) > limit.value:
                return f"the exact law of {one}, {limit.exceeded_by(one.mean)}"
        return self._refuted_by_runs(bound)

    def _refuted_by_runs(self, bound: Bound) -> str:
        if not self.runs:
            return ""
        found = [self.limit(bound, run.instance.k, run.T) for run in self.runs]
        limits = np.array([limit.value for limit in found])
        values = np.maximum([run.values for run in self.runs], 0)  # rounding may put a gap below 0
        smallest = 1e-9 * values.max() + np.finfo(float).tiny  # what is at most 0 is bounded by nothing positive
        refuted = np.flatnonzero(betting.refutes(values, np.maximum(np.minimum(limits, LARGEST), smallest)))
        if not refuted.size:
            return ""
        worst = max(refuted, key=lambda i: values[i].mean() / abs(limits[i]))
        return f"runs on {self.runs[worst]}, {found[worst].exceeded_by(values[worst].mean())} (p < {shown(betting.LEVEL)})"

    def limit(self, bound: Bound, k: Given, T: int) -> Limit:
        """The bound on the scale on which it says most."""
        scales = (Limit(_number(bound, at, T), at, factor) for at, factor in self.theorem.scales(k))
        return min(scales, key=lambda limit: limit.value)

    def scope(self) -> str:
        """Where nothing was found against the bound."""
        settings = f"at {len(self.theorem.met)} setting{'s' if len(self.theorem.met) > 1 else ''} of its constants"
        solved = sorted({case.T for case in self.cases if not case.worst.reason})
        problems = {run.instance.problem.name for run in self.runs}
        said = [f"in the worst case of {self._oracle()} at T = {', '.join(map(str, solved))}"] if solved else []
        said += [f"on {len(problems)} problems at T ≤ {max(run.T for run in self.runs)}"] if problems else []
        return f"{settings}: {' and '.join(said) or 'by nothing that could be run'}"

    def _oracle(self) -> str:
        theorem, k = self.theorem, self.theorem.met[0]
        if theorem.noiseless(k):
            return "all functions"
        return "all errors" if theorem.biased else "noise with two outcomes"

    def findings(self) -> Iterator[tuple[str, str]]:
        """What each kind of evidence has to say."""
        refused = [f"{k} left out: do not meet {_quoted(broken)}" for k in self.theorem.settings if (broken := self.theorem.broken(k))]
        yield "worst case", "; ".join([*refused, *self._tightness()])
        if self.nearest is not None:
            near = f"nearest: {self.share(self.nearest):.3f} of the bound, {self.nearest}, {self.nearest.instance.k}"
            yield "Monte Carlo", ", ".join([near, *(f"{self.share(one):.3f} by the exact law at T = {one.T}" for one in self.law[-1:])])

    def _tightness(self) -> list[str]:
        """The worst cases over the bound, a line a setting; and why others were not found."""
        lines: dict[str, list[str]] = {}
        for case in self.cases:
            if not case.worst.reason:
                share = case.worst.lower / self.theorem.value(case.k, case.T)
                lines.setdefault(f"worst case over bound at {case.k}", []).append(f"{share:.3f} at T = {case.T}")
        reasons = dict.fromkeys(case.worst.reason for case in self.cases if case.worst.reason)
        return [*(f"{what}: {', '.join(shares)}" for what, shares in lines.items()), *reasons]


def _without_premises(theorem: Theorem) -> Iterator[Planted]:
    """The bound where one premise or assumption fails: the first few constants at which that is so, until a worst case exceeds it."""
    broken: dict[str, list[Given]] = {}
    for name, k in formulas.beyond(theorem):
        broken.setdefault(name, []).append(k)
    for name, places in broken.items():
        yield Planted(f"without {name}", next(_exceeded(theorem, places[:TRIED]), ""))
    for name, other in formulas.weaker(theorem):
        yield Planted(f"without {name}", next(_exceeded(other, other.met), ""))


def _exceeded(theorem: Theorem, places: Sequence[Given]) -> Iterator[str]:
    for k in places:
        for T in theorem.short[:2]:
            worst, limit = programs.worst(theorem, k, T), Limit(_number(theorem.value, k, T), k, 1.0)
            if Wrong(worst, limit.value).rejected:
                yield f"the worst case at T = {T}, {limit.exceeded_by(worst.lower)}"


def _number(bound: Bound, k: Given, T: int) -> float:
    """A bound, or infinity where a wrong version has none, which nothing exceeds."""
    try:
        found = bound(k, T)
    except (ValueError, ArithmeticError, TypeError):
        return math.inf
    return math.inf if math.isnan(found) else found


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def evidence(decision: Decision) -> list[dict[str, Any]]:
    """Rows as the tests of the claims give them: what supports the verdict, and the wrong versions that were refuted."""
    verdict = f"{decision.word}: {decision.scope}"
    made = {"id": decision.theorem.id, "passed": True, "test": "tsla check"}
    direct = [
        {**made, "kind": kind, "planted": False, "finding": finding, "verdict": verdict} for kind, finding in decision.findings.items()
    ]
    said_nothing = [] if direct else [{**made, "kind": "algebra", "planted": False, "verdict": verdict}]
    return [*direct, *said_nothing, *({**made, "kind": "property", "planted": True} for wrong in decision.planted if wrong.by)]
