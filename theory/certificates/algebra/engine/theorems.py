"""A theorem read as formulas: whether its premises can be met, whether its proof is one, and the wrong versions that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import sympy
import z3

from tsla.theory.certificates import because
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, sides
from tsla.theory.certificates.algebra.engine.obligation import BUDGET, Formula, follows, symbols_of
from tsla.theory.certificates.algebra.engine.premises import is_one_of
from tsla.theory.certificates.algebra.engine.recursions import LESS_F_STAR, S, left
from tsla.theory.certificates.algebra.engine.steps import Induction
from tsla.theory.certificates.algebra.engine.symbols import F, F_next, eta, gap, gap_next, grad2, mu, s2, start, t
from tsla.theory.certificates.algebra.engine.symbols import T as LENGTH
from tsla.theory.certificates.algebra.engine.table import AXIOMS, LAWS, TABLE, contraction, error2, power
from tsla.theory.testing.theorem import WITH_MU, Functions, Given, Theorem, alike, asked, of_variance

FACTORS = (1.25, 0.8, 2.0, 0.5, 4.0, 0.25)
"""By which a constant is changed to break a premise, the smallest changes first."""

MEASURED = {"random iterate": S / LENGTH, "gap": left}
"""What the left side of a proof's conclusion is called in ``recursions``."""

RUN = {
    S: (z3.RealVal(0), S + grad2, S),
    t: (z3.RealVal(0), t + 1, LENGTH),
    gap: (start, gap_next, left),
    power: (z3.RealVal(1), (1 - eta * mu) * power, contraction),
}
"""The symbols that an induction over the steps is about: before the first one, after another one, and what they are called at the end."""
ENDS = tuple(end for _, _, end in RUN.values())
MEANT = (*RUN, *ENDS, start, gap_next, grad2, F, F_next)
"""These and what a step is about. No constant of a theorem is called so, and no definition is of them."""
SAME = {F: gap, F_next: gap_next, error2: s2}
"""Symbols of the table that may be one: F is taken less F*, and the error of a direction is that of g."""
OF_OTHERS = ("independent", "second moment is σ²")
"""Axioms of an instance, or of draws, of which a theorem says nothing."""


def exclude_each_other(theorem: Theorem) -> tuple[str, ...]:
    """Names of premises that no real constants meet together; none where z3 finds constants, or can't read the premises."""
    solver = z3.Solver()
    solver.set("rlimit", BUDGET)
    try:
        premises = theorem.required(_terms(theorem))
        for name, formula in premises.items():
            solver.assert_and_track(z3.BoolVal(formula) if isinstance(formula, bool) else formula, name)
    except (TypeError, ValueError, AttributeError, z3.Z3Exception):  # such as the exponential of a constant
        return ()
    if solver.check() != z3.unsat:
        return ()
    together = set(map(str, solver.unsat_core()))
    return tuple(name for name in premises if name in together)


def flaw_of_proof(theorem: Theorem, proof: Manifest) -> str:
    """Why a manifest is no proof of the theorem; empty if it is one.

    Its steps must be proved and compose. Its premises must be those of the theorem, or follow from them, and its conclusion the bound. A
    proof can be read of SGD with one step size η and unbiased noise of variance σ², for the mean of ``‖∇F‖²`` over all iterates or the gap.
    """
    k = _terms(theorem)
    required = [formula for formula in theorem.required(k).values() if not isinstance(formula, bool)]
    numbers = (*required, LENGTH >= 1)
    allowed = {"A1: Lipschitz gradient", "A1: quadratic bound"} | ({"A4"} if theorem.functions in WITH_MU else set())
    if theorem.variance is of_variance and not theorem.biased:
        allowed |= {"A2: E g = ∇F", "A2: variance"}
    foreign = [
        f"it assumes {premise.name!r}, which the theorem does not"
        for premise in proof.premises
        if not (follows(numbers, premise.formula) if premise.seen else premise.name in {*allowed, *AXIOMS, *LAWS} - {*OF_OTHERS})
    ]
    set_here = [f"it sets {name}, which the theorem does not" for name in proof.settings]
    set_here += [f"its constant {name} has another meaning in a proof" for name in theorem.constants[0] if name in set(map(str, MEANT))]
    taken = {*map(str, MEANT), *theorem.constants[0]}
    named = (sides(formula)[0] for formula in proof.definitions.values())
    set_here += [f"it defines {symbol}, which has another meaning" for symbol in named if str(symbol) in taken]
    other_step = "" if _is_sgd(theorem, k) else "it is about w - ηg, which the step of the theorem is not"
    return because(
        proof.flaw,
        *foreign,
        *set_here,
        *_other_meanings(proof),
        *_other_runs(proof),
        other_step,
        _other_conclusion(theorem, proof, (*numbers, *proof.definitions.values()), k),
    )


def wrong_proofs(proof: Manifest) -> Iterator[tuple[str, str]]:
    """The proof without a step, with more assumed in one or with less concluded; and the first gap that this leaves."""
    for name, steps, place in proof.planted():
        yield name, str(next(proof.gaps(steps, place), ""))


def _other_meanings(proof: Manifest) -> Iterator[str]:
    """Symbols of the run or of its step in whose place a premise has others, and those that stand for two things."""
    meanings: dict[Formula, Formula] = {}
    for premise in (premise for premise in proof.premises if not premise.seen):
        for own in dict.fromkeys(symbols_of(TABLE[premise.name])):
            said = premise.at.get(own, own)
            kept = said.eq(own) or said.eq(LESS_F_STAR.get(own, own)) or (premise.name == "F >= F*" and said.eq(left))
            if not kept and (is_one_of(own, (eta, *MEANT)) or is_one_of(said, ENDS)):
                yield f"it assumes {str(premise)!r}, of another run"
            meaning = SAME.get(own, own)
            if not meanings.setdefault(said, meaning).eq(meaning) and not (kept and said.eq(left)):
                yield f"{said} stands for {meanings[said]} in it, and for {meaning}"


def _other_runs(proof: Manifest) -> Iterator[str]:
    """What the proof says of the symbols of a run that is not so of them."""
    for step in proof.steps:
        if isinstance(step, Cited):
            moved = [pair for pair in step.at.items() if not (pair[0] in LESS_F_STAR and pair[1].eq(LESS_F_STAR[pair[0]]))]
            if any(is_one_of(symbol, MEANT) for pair in moved for term in pair for symbol in symbols_of(term)):
                yield f"it cites {step.name!r} of another run"
            yield from _other_runs(step.manifest)
        elif isinstance(step, Induction):
            yield from (f"{step.name!r} is of another run: {symbol}" for symbol in step.start if not _is_of_the_run(step, symbol))


def _is_of_the_run(induction: Induction, symbol: Formula) -> bool:
    end = induction.end.get(symbol, symbol)
    if symbol not in RUN:
        return not is_one_of(end, MEANT)
    first, following, last = RUN[symbol]
    return bool(induction.start[symbol].eq(first) and induction.next[symbol].eq(following) and is_one_of(end, (symbol, last)))


def _is_sgd(theorem: Theorem, k: Given) -> bool:
    w, g, t = z3.Reals("w g t")
    try:
        moved, state = theorem.step(k, w, g, None, t)
        return state is None and follows((), moved == w - eta * g)
    except Exception:  # of any kind: what asks for more than arithmetic is not SGD
        return False


def _other_conclusion(theorem: Theorem, proof: Manifest, numbers: tuple[Formula, ...], k: Given) -> str:
    wanted = MEASURED.get(theorem.measure) if theorem.weights is alike else None
    said = proof.conclusion
    if wanted is None:
        return f"a proof about {theorem.measure!r}{'' if theorem.weights is alike else ' with weights'} can't be read"
    with asked("bound"):
        bound = theorem.bound(k, LENGTH)
    limit = z3.substitute(said.arg(1), (contraction, (1 - eta * mu) ** LENGTH)) if z3.is_le(said) else said
    if not z3.is_le(said) or not said.arg(0).eq(wanted) or not follows(numbers, limit <= bound):
        return f"it concludes {' '.join(str(said).split())}, and not that {wanted} <= the bound"
    return ""


def _terms(theorem: Theorem) -> Given:
    return Given(**{name: z3.Real(name) for name in theorem.constants[0]})


def beyond(theorem: Theorem) -> Iterator[tuple[str, Given]]:
    """Each premise, and constants that break it and no other, as near to the given ones as a few factors find them."""
    for name in theorem.required(theorem.settings[0]):
        for k in theorem.met[:1]:
            changed = (Given(**{**vars(k), which: factor * vars(k)[which]}) for factor in FACTORS for which in vars(k))
            yield from ((name, wrong) for wrong in changed if theorem.broken(wrong) == [name])


def weaker(theorem: Theorem) -> Iterator[tuple[str, Theorem]]:
    """The theorem without an assumption that is no inequality of constants: of unbiased noise, and of what F is beyond smooth."""
    if not theorem.biased and not all(map(theorem.noiseless, theorem.met)):
        yield "E g = ∇F", replace(theorem, biased=True)
    wider: dict[Functions, Functions] = {"strongly convex": "convex"}
    if "D2" not in theorem.constants[0]:  # of which smooth functions know nothing
        wider |= {"convex": "smooth", "PL": "smooth"}
    if theorem.functions in wider:
        yield f"F {theorem.functions}", replace(theorem, functions=wider[theorem.functions])


@dataclass(frozen=True)
class Wrong:
    """A wrong version of a bound, as it is written, and its values."""

    name: str
    bound: Callable[[Given, int], float]


def mutants(theorem: Theorem) -> list[Wrong]:
    """The bound with a factor, an exponent or an index changed, wherever there is one in it, but for what is nowhere less than the bound.

    What is larger follows from it. A bound that can't be read with symbols has the two that need none: half of it, and a step more.
    """
    found = [Wrong("half of it", lambda k, T: theorem.value(k, T) / 2), Wrong("T + 1 for T", lambda k, T: theorem.value(k, T + 1))]
    read = traced(theorem)
    if read is not None:
        known = (read, read / 2, read.subs(_symbol("T"), _symbol("T") + 1))
        formulas = [formula for formula in dict.fromkeys(_versions(read)) if formula not in known]
        found += [Wrong(str(formula), _called(theorem, formula)) for formula in formulas]
    places = [(at, T) for k in theorem.met for at, _ in theorem.scales(k) for T in sorted({*theorem.short, *theorem.lengths})]
    return [wrong for wrong in found if any(_less(wrong, k, T, theorem.value(k, T)) for k, T in places)]


def traced(theorem: Theorem) -> sympy.Expr | None:
    """The bound as a formula of its constants and T; None where it asks for more than arithmetic, or is another one at other numbers."""
    k, T = Given(**{name: _symbol(name) for name in theorem.constants[0]}), _symbol("T")
    try:
        with asked("bound"):
            read = sympy.sympify(theorem.bound(k, T))
            called = _called(theorem, read)
            same = all(
                abs(called(at, n) - theorem.value(at, n)) <= 1e-9 * abs(theorem.value(at, n)) for at in theorem.met for n in theorem.short
            )
    except ValueError:
        return None
    return read if same else None


def _symbol(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, positive=True, integer=True if name == "T" else None)


def _called(theorem: Theorem, formula: sympy.Expr) -> Callable[[Given, int], float]:
    function = sympy.lambdify((*theorem.constants[0], "T"), formula, "math")
    return lambda k, T: float(function(**vars(k), T=T))


def _less(wrong: Wrong, k: Given, T: int, right: float) -> bool:
    try:
        return wrong.bound(k, T) < right * (1 - 1e-9)
    except (ValueError, ArithmeticError, TypeError):  # a root of what is negative now, or nothing to divide by
        return False


def _versions(node: sympy.Expr) -> Iterator[sympy.Expr]:
    """A formula with one place in it changed: a factor 2 or 1/2 of a summand, an exponent by 1, the first term of a sum left out."""
    if node.is_Symbol:
        yield from (node**2, sympy.Integer(1))
    elif node.is_Pow:
        base, exponent = node.args
        yield from (base ** (exponent + 1), base ** (exponent - 1))
        if not base.is_Symbol:
            yield from (changed**exponent for changed in _versions(base))
    elif isinstance(node, sympy.Sum):
        term, (index, first, last) = node.args
        yield sympy.Sum(term, (index, first + 1, last))
        yield from (sympy.Sum(changed, (index, first, last)) for changed in _versions(term))
    elif node.is_Add or node.is_Mul:
        for place, part in enumerate(node.args):
            others = [*node.args[:place], *node.args[place + 1 :]]
            scaled = (part / 2, 2 * part) if node.is_Add else ()
            yield from (node.func(changed, *others) for changed in (*scaled, *_versions(part)))
