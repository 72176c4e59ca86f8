"""Theorems as programs and formulas: worst cases that are known, proofs that are none, and wrong versions of a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import z3

from tsla.theory.certificates.algebra import last_iterate
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, Step
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.recursions import S, Telescoping, averaged
from tsla.theory.certificates.algebra.engine.steps import Induction
from tsla.theory.certificates.algebra.engine.symbols import F0, F, F_next, L, eta, grad2, sigma2, start
from tsla.theory.certificates.algebra.engine.symbols import T as LENGTH
from tsla.theory.certificates.algebra.engine.table import NUMBERS, length2, slope
from tsla.theory.certificates.algebra.engine.theorems import beyond, exclude_each_other, flaw_of_proof, mutants, traced, weaker
from tsla.theory.certificates.algebra.sgd import bound as sgd_bound
from tsla.theory.certificates.worst_case.engine.program import equals, within
from tsla.theory.certificates.worst_case.engine.theorems import worst
from tsla.theory.certificates.worst_case.scenario_tree import C4, C5, C16
from tsla.theory.testing import Given, Theorem, summed
from tsla.theory.testing.planted import Rejects

Limit = Callable[[Given, int], float]


def descent(**changes: Any) -> Theorem:
    """Gradient descent, with some fields changed."""
    fields: dict[str, Any] = {
        "id": "descent",
        "title": "gradient descent",
        "statement": "at η = 1/L",
        "source": "Drori and Teboulle 2014",
        "functions": "convex",
        "constants": [{"L": 3.0, "D2": 2.0, "eta": 1 / 3}],
        "variance": lambda k, gap, grad2: 0,
        "measure": "gap",
        "step": lambda k, w, g, state, t: (w - k.eta * g, state),
        "bound": lambda k, T: 1.0,
    }
    return Theorem(**(fields | changes))


def is_the_worst_case(limit: Limit) -> None:
    theorem = descent(bound=limit)
    for T in (1, 3):
        assert equals(worst(theorem, theorem.settings[0], T), theorem.value(theorem.settings[0], T))


@pytest.mark.parametrize("wrong", [lambda k, T: k.L * k.D2 / (4 * T + 4), lambda k, T: k.L * k.D2 / (2 * T + 2)])
def test_the_exact_rate_of_gradient_descent(wrong: Limit, rejects: Rejects) -> None:
    """``L‖w_0 - w*‖²/(4T+2)``, which is attained."""
    is_the_worst_case(right := lambda k, T: k.L * k.D2 / (4 * T + 2))
    rejects(is_the_worst_case, right=right, wrong=wrong)


def test_weights_averages_and_states_are_those_of_the_rule() -> None:
    """All weight on ``w_1`` makes the mean of the run its first step, and Polyak's rule without momentum is gradient descent."""
    late = descent(measure="gap of the average", weights=lambda k, t: float(t == 1))
    polyak = descent(step=lambda k, w, g, state, t: (w - k.eta * g + 0.0 * (w - (w if state is None else state)), w))
    k = late.settings[0]
    first, second = (worst(descent(), k, T) for T in (1, 2))
    assert equals(worst(late, k, 2), first.upper)
    assert equals(worst(polyak, k, 2), second.upper)


@pytest.mark.parametrize(
    "changed",
    [
        {"step": lambda k, w, g, state, t: (w - k.eta * g / np.linalg.norm(g, axis=-1, keepdims=True), state)},
        {"step": lambda k, w, g, state, t: (w - k.eta * g / (abs(g) + 1e-3), state)},
        {"step": lambda k, w, g, state, t: (w - k.eta * g**2, state)},
        {"variance": lambda k, gap, grad2: grad2**2},
    ],
)
def test_what_is_no_arithmetic_on_points_makes_no_program(changed: dict[str, Any]) -> None:
    theorem = descent(**changed)
    assert worst(theorem, theorem.settings[0], 1).reason.startswith("its steps make no program: ")


def test_lengths_before_the_first_weight_are_left_out() -> None:
    late = descent(measure="gap of the average", weights=lambda k, t: t)
    assert (late.short, late.lengths) == ((2, 3), (3, 10, 30, 100))


def test_a_relaxation_lies_above_an_instance() -> None:
    constants = [{"L": 2.0, "mu": 0.5, "F0": 3.0, "eta": 0.5}]
    theorem = descent(functions="PL", constants=constants, bound=lambda k, T: (1 - k.eta * k.mu) ** T * k.F0)
    found = worst(theorem, theorem.settings[0], 2)
    assert found.lower < found.upper
    assert within(found, theorem.value(theorem.settings[0], 2))


@pytest.mark.parametrize("theorem", [C4, C16], ids=lambda theorem: theorem.id)
def test_claims_that_are_declared_alike_are_proved(theorem: Theorem) -> None:
    assert theorem.proof is not None
    assert flaw_of_proof(theorem, theorem.proof()) == ""


Gg = z3.Real("Gg")


def with_more(premise: Premise) -> Theorem:
    return replace(C4, proof=lambda: replace(sgd_bound(), premises=(*sgd_bound().premises, premise)))


@pytest.mark.parametrize(
    ("theorem", "says"),
    [
        (replace(C4, proof=C16.proof), ""),  # it gives more
        (replace(C16, proof=C4.proof), "it assumes 'eta <= 1/L', which the theorem does not; it concludes S/T <="),
        (replace(C4, premises=lambda k: {}), "it assumes 'eta <= 1/L', which the theorem does not"),
        (replace(C4, bound=lambda k, T: C4.bound(k, T) / 2), "it concludes S/T <="),
        (
            replace(C4, step=lambda k, w, g, state, t: (w - k.eta * g / 2, state)),
            "it is about w - ηg, which the step of the theorem is not",
        ),
        (replace(C4, step=lambda k, w, g, state, t: (w - k.eta * g, t)), "it is about w - ηg"),
        (replace(C4, step=lambda k, w, g, state, t: (w - np.minimum(g, k.eta * g), state)), "it is about w - ηg"),
        (replace(C4, biased=True), "it assumes 'A2: variance', which the theorem does not; it assumes 'A2: E g = ∇F'"),
        (replace(C4, measure="last iterate"), "a proof about 'last iterate' can't be read"),
        (replace(C4, weights=lambda k, t: t + 1.0), "a proof about 'random iterate' with weights can't be read"),
        (replace(C4, measure="gap"), "it concludes S/T <="),
        (replace(C4, bound=lambda k, T: T / 2 * C4.bound(k, T)), "it concludes S/T <="),  # not so at T = 1
        (replace(C4, variance=lambda k, gap, grad2: k.sigma2 + gap), "it assumes 'A2: variance', which the theorem does not"),
        (with_more(Premise("A4")), "it assumes 'A4', which the theorem does not"),
        (with_more(Premise("second moment is σ²")), "it assumes 'second moment is σ²', which the theorem does not"),
        (with_more(Premise("A1: quadratic bound", {eta: Gg})), "it assumes 'A1: quadratic bound at eta = Gg', of another run"),
        (replace(C4, proof=lambda: replace(sgd_bound(), settings={"G": z3.Real("G") == sigma2})), "it sets G, which the theorem does not"),
    ],
)
def test_a_proof_of_something_else(theorem: Theorem, says: str) -> None:
    assert theorem.proof is not None
    flaw = flaw_of_proof(theorem, theorem.proof())
    assert flaw.startswith(says)
    assert bool(flaw) == bool(says)


SMALL = replace(C4, bound=lambda k, T: k.F0 / T)
QUIET = replace(C16, bound=lambda k, T: 2 * k.F0 / (k.eta * T * (2 - k.eta * k.L)))
"""Bounds that are too small, the second one as if there were no noise."""
LARGER = replace(C4, constants=[{**C4.constants[0], "G": 0.5}], bound=lambda k, T: k.G * C4.bound(k, T))
NAMED = replace(C4, constants=[{**C4.constants[0], "S": 0.5}], bound=lambda k, T: k.S / T)


def step(name: str, hypothesis: Formula, conclusion: Formula) -> Obligation:
    return Obligation(
        claim="C4",
        name=name,
        statement="",
        hypotheses={"T > 0": LENGTH > 0, "F0 > 0": F0 > 0, "h": hypothesis},
        conclusion=conclusion,
        mutants={},
    )


def small(hypothesis: Formula, *more: Premise, run: tuple[Step, ...] = (), end: Formula = F0, **changes: Any) -> Manifest:
    """``S/T <= end/T`` by what is said of S."""
    last = step("end", hypothesis, S / LENGTH <= end / LENGTH)
    return Manifest(claim="C4", name="bound", premises=(*premises("T > 0", "F0 > 0"), *more), steps=(*run, last), **changes)


def rests(sum_: Formula, called: Formula | None = None) -> Induction:
    """A sum to which nothing is added."""
    return Induction(
        name="sum",
        first=step("first", sum_ == 0, sum_ <= 0),
        next_step=step("next", sum_ <= 0, sum_ <= 0),
        invariant=sum_ <= 0,
        start={sum_: z3.RealVal(0)},
        next={sum_: sum_},
        end={} if called is None else {sum_: called},
    )


def noiseless(*of_step: Premise) -> Manifest:
    """The descent along ∇F itself, summed over a run."""
    gain, names = eta * (2 - eta * L) / 2, ("L > 0", "eta > 0", "eta < 2/L")
    one = Obligation(
        claim="C4",
        name="one step",
        statement="",
        hypotheses={"L > 0": L > 0, **{str(premise): premise.formula for premise in of_step}},
        conclusion=F_next <= F - gain * grad2 + z3.RealVal(0),
        mutants={},
    )
    of_run = Telescoping("C4", gain, z3.RealVal(0), {name: NUMBERS[name] for name in names}, "sum")
    moved = Manifest(claim="C4", name="one step", premises=(*premises("L > 0", "eta > 0", "‖∇F‖² >= 0"), *of_step), steps=(one,))
    return averaged(of_run.over(moved, "eta < 2/L"), of_run.mean(2 * F0 / (eta * LENGTH * (2 - eta * L)), ""))


def along(square: Formula, *more: Premise, **at: Formula) -> Manifest:
    return noiseless(Premise("A1: quadratic bound", {slope: at.get("inner", grad2), length2: square}), *more)


@pytest.mark.parametrize(
    ("theorem", "proof", "says"),
    [
        (LARGER, replace(sgd_bound(), definitions={"G": z3.Real("G") == z3.RealVal(1)}), "it defines G, which has another meaning"),
        (SMALL, small(S == F0 / 2, definitions={"S": S == F0 / 2}), "it defines S, which has another meaning"),
        (NAMED, small(LENGTH > 0, end=S), "its constant S has another meaning in a proof"),
        (SMALL, small(S <= F0, Premise("F(w_0) - F* <= F0", {start: S})), "it assumes 'F(w_0) - F* <= F0 at start = S', of another run"),
        (SMALL, small(S <= 0, run=(rests(S),)), "'sum' is of another run: S"),
        (SMALL, small(S <= 0, run=(rests(Gg, called=S),)), "'sum' is of another run: Gg"),
        (SMALL, replace(small(S <= 0), steps=(Cited(small(S <= 0, run=(rests(S),))),)), "'sum' is of another run: S"),
        (
            SMALL,
            small(S <= 0, run=(Cited(replace(small(S <= 0), steps=(rests(Gg),), conclusion=Gg <= 0), {Gg: S}),)),
            "it cites 'C4, bound' of",
        ),
        (QUIET, along(grad2), "grad2 stands for grad2 in it, and for length2"),
        (QUIET, along(grad2, Premise("A2: E g = ∇F", {slope: Gg}), inner=Gg), "grad2 stands for grad2 in it, and for length2"),
    ],
)
def test_a_proof_about_another_run(theorem: Theorem, proof: Manifest, says: str) -> None:
    """It composes, and the theorem is false."""
    assert proof.flaw == ""
    assert says in flaw_of_proof(theorem, proof)


def test_a_bound_is_read_and_changed_in_each_place() -> None:
    roots = replace(C4, bound=lambda k, T: k.sigma2 * summed(lambda t: 1 / (t + 1) ** 0.5, T) / T)
    assert str(traced(C5)) == "2*F0/(T*eta) + 2*delta*sigma2/(delta + 1)"
    assert str(traced(roots)) == "sigma2*Sum((t + 1)**(-0.5), (t, 0, T - 1))/T"
    assert {wrong.name for wrong in mutants(roots)} >= {"half of it", "sigma2*Sum((t + 1)**(-0.5), (t, 1, T - 1))/T"}
    for theorem in (C5, roots):
        places = [(k, T) for k in theorem.met for T in (1, 2, 3, 100)]
        for wrong in mutants(theorem):
            assert any(wrong.bound(k, T) < theorem.value(k, T) for k, T in places), wrong.name


def test_a_bound_that_is_more_than_arithmetic_has_two_wrong_versions() -> None:
    branching = replace(C4, bound=lambda k, T: 1.0 / T if k.L > 2 else 2.0 / T)
    assert traced(branching) is None
    assert [wrong.name for wrong in mutants(branching)] == ["half of it", "T + 1 for T"]


def test_assumptions_that_are_left_out() -> None:
    strongly = descent(functions="strongly convex", constants=[{"L": 3.0, "mu": 1.0, "D2": 2.0, "eta": 0.3}])
    assert [name for other in (C5, descent()) for name, _ in weaker(other)] == []
    assert [(name, other.biased) for name, other in weaker(C4)] == [("E g = ∇F", True)]
    assert [(name, other.functions) for name, other in weaker(strongly)] == [("F strongly convex", "convex")]


def test_a_proof_of_a_gap() -> None:
    """C15a's manifest is one of its gap for every T, where μ may be L; and of nothing that falls faster."""
    gap = replace(
        C4,
        constants=[{"L": 2.0, "mu": 2.0, "sigma2": 0.5, "F0": 3.0, "eta": 0.25}],
        functions="PL",
        measure="gap",
        bound=lambda k, T: (1 - k.eta * k.mu) ** T * k.F0 + k.eta * k.L * k.sigma2 / (2 * k.mu),
    )
    assert gap.met
    assert flaw_of_proof(gap, last_iterate.gap_bound()) == ""
    faster = replace(gap, bound=lambda k, T: (1 - k.eta * k.mu) ** T * k.F0 + k.eta * k.L * k.sigma2 / (4 * k.mu))
    assert flaw_of_proof(faster, last_iterate.gap_bound()).startswith("it concludes left <=")


def test_noise_that_grows_with_the_gap_may_be_that_of_a_parabola() -> None:
    """``‖∇F‖²`` is 6 at the start of (L/2)w², and ``(1-ηL)²·6 + η²L²·2A F0`` after a step."""
    growing = replace(
        C4,
        constants=[{"L": 2.0, "A": 4.0, "F0": 1.5, "eta": 0.3}],
        variance=lambda k, gap, grad2: 2 * k.A * gap,
        bound=lambda k, T: 1e3,
    )
    assert worst(growing, growing.settings[0], 2).upper >= (6 + 0.16 * 6 + 0.36 * 12) / 2 * (1 - 1e-6)


def test_constants_beyond_a_premise_break_no_other() -> None:
    nested = replace(C4, premises=lambda k: {"short": k.eta * k.L <= 1, "not long": k.eta * k.L <= 1.5})
    found = list(beyond(nested))
    assert {name for name, _ in found} == {"short"}
    assert all(nested.broken(k) == [name] for name, k in found)


def test_premises_that_exclude_each_other_are_named() -> None:
    assert exclude_each_other(C4) == ()
    never = replace(C4, premises=lambda k: {"small": k.eta * k.L <= 1, "large": k.eta > 2 / k.L, "other": k.F0 > 3})
    assert set(exclude_each_other(never)) >= {"small", "large"}
    assert "other" not in exclude_each_other(never)
    assert never.met == ()
