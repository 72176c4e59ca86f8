"""What every bound and every plan owes, whatever its formula. Each check takes a :class:`Method`, and fails by an assertion."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.refusals import unless_refused
from tests.theory.stated import problems, stated
from tsla import cli
from tsla.theory.bound import Bound
from tsla.theory.claims import BY_ID
from tsla.theory.commands.answer import SCHEMA
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.plan import Plan
from tsla.theory.testing import relations
from tsla.theory.testing.domain import FIELDS, between, constants, costly, positive_deltas, step_sizes, targets, thetas
from tsla.theory.testing.relations import call, given_to
from tsla.theory.text import Json, wrapped

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
NUMBERS = {
    "L": 10,
    "mu": 1,
    "sigma2": 1,
    "delta": 0.1,
    "F0": 1,
    "beta2": 0.05,
    "nu2": 0.05,
    "A": 10,
    "B": 0,
    "C": 1,
    "theta": 0.5,
    "c": -0.02,
    "eps": 0.5,
}
NUMBERS |= {"clip": 3, "steepest": 1, "momentum": 0.1, "eta": 0.05, "T": 100, "eta1": 0.1, "T1": 10, "eta2": 0.01, "T2": 1000}
OVERFLOWS = "overflows float64|is larger than 1/L|is not below|= inf must be"

# --- of bounds


def says_what_it_is(method: Method) -> None:
    found = call(method, K, 0.05, 10, None)
    assert (found.method, found.claim, found.assumes) == (method.within or method.name, method.claim, method.assumes)
    assert method.statement or method.claim.rstrip("abc") in BY_ID
    assert found.lowered_by.keys() == found.terms.keys()
    assert all(found.lowered_by.values())


CHANGE = re.compile(r"\b(more|longer|larger|smaller|another)\b[a-z ]*\b(T\d?|eta\d?|theta|delta|bias|batch|A|momentum|clip)\b")
NO_CHANGE = re.compile(r"neither (\w+) nor (\w+) lowers it")
CHANGED = {"bias": ("beta2",), "batch": ("sigma2", "nu2", "A", "B", "C")}
"""What changes of the problem where it is no argument that is named; with the batch size noise falls."""
BOTH = {"momentum": 0.2, "clip": 3.0, "steepest": 1.0}
"""Some momentum and some clipping."""


def changes(said: str) -> Iterator[tuple[tuple[str, ...], tuple[float, ...], bool]]:
    """Of a sentence of ``lowered_by``: arguments, factors one of which is meant, and whether that lowers the term or leaves it as it is."""
    for phrase in re.split(r"; |, or ", said):
        if kept := NO_CHANGE.match(phrase):
            yield from (((name,), (0.5, 2.0), False) for name in kept.groups())
            continue
        named = CHANGE.findall(phrase)
        assert named, f"{phrase!r} must name an argument, and say which way it goes"
        for how, what in named:
            up = (how != "smaller") == (what != "batch")
            yield CHANGED.get(what, (what,)), (0.5, 2.0) if how == "another" else (2.0 if up else 0.5,), True


def is_lowered_by_what_it_says(method: Method) -> None:
    """Each change of ``lowered_by``, on its own, lowers its term; what is said not to lower it leaves it as it is."""

    @costly(10)
    @given(constants(delta=st.floats(0.01, 0.9), noiseless=False, kappa=st.floats(2, 100)), st.integers(1, 25), st.floats(0.1, 0.5))
    def check(k: Constants, T: int, part: float) -> None:
        problem, run = given_to(method, k), relations.run_of(method, part / k.L, 2 * T, 0.4)
        run |= {name: value for name, value in BOTH.items() if name in run}
        start = {name: value for one in (*map(vars, problem), run) for name, value in one.items() if value is not None}

        def bound(**changed: Any) -> Bound:
            moved = (replace(one, **{name: changed[name] for name in changed if name in vars(one)}) for one in problem)
            return method.bound(*moved, **run | {name: changed[name] for name in changed if name in run})

        before = bound()
        for name, said in before.lowered_by.items():
            value = float(before.terms[name])
            for names, factors, falls in changes(said):
                after = [float(bound(**{n: start[n] * factor for n in names if n in start}).terms[name]) for factor in factors]
                assert value == 0 or min(after) < value * (1 - 1e-9) if falls else after == pytest.approx([value] * len(after), rel=1e-12)

    check()


def is_a_sum_of_terms_that_are_not_negative(method: Method) -> None:
    @given(st.data(), constants(), st.integers(1, 10**6), thetas)
    def check(data: st.DataObject, k: Constants, T: int, theta: float) -> None:
        found = call(method, k, data.draw(step_sizes(float(k.L))), T, theta)
        terms = [float(term) for term in found.terms.values()]
        assert min(terms) >= 0
        assert float(found.total) == pytest.approx(sum(terms), rel=1e-15)
        assert float(found.terms[found.dominant]) == max(terms)

    check()


def scales_with_the_objective(method: Method) -> None:
    relations.scales_with_the_objective(relations.of(method))


def is_monotone(method: Method) -> None:
    relations.is_monotone(relations.of(method))


def is_above_a_quadratic(method: Method) -> None:
    """After one step the random iterate is the start, where ``(L/2)w²`` has ``‖∇F‖² = 2LF0`` whatever the step size."""

    @given(st.data(), constants(), st.none() | thetas)
    def check(data: st.DataObject, k: Constants, theta: float | None) -> None:
        found = call(method, k, data.draw(step_sizes(float(k.L))), 1, theta)
        assert "w_R" not in found.quantity or method.run != "eta T" or found.total >= 2 * k.L * k.F0 * (1 - 1e-12)

    check()


PREMISES = [
    (
        {"eta": 0.21},
        r"eta\d? = 0.21 is (larger than 1/L = 0.1|not below 2\S+ = 0.2); C\d+a? needs 0 < eta\d? (<= 1|< 2)\S+( m the momentum)?",
    ),
    ({"eta": 0}, r"eta\d? = 0 must be a finite number above 0"),
    ({"eta": float("nan")}, r"eta\d? = nan must be a finite number above 0"),
    ({"eta": True}, r"eta\d? = True must be a finite number above 0"),
    ({"eta": "0.1"}, r"eta\d? = '0.1' must be a finite number above 0"),
    ({"T": 2.5}, r"T\d? = 2.5 must be a whole number, at least [01]"),
    ({"T": -1}, r"T\d? = -1 must be a whole number, at least [01]"),
    ({"T": float("inf")}, r"T\d? = inf must be a whole number, at least [01]"),
]


def refusal(what: Callable[[], object]) -> str:
    try:
        what()
    except ValueError as refused:
        return str(refused)
    return "nothing was refused"


def refuses_what_is_outside_its_premises(method: Method) -> None:
    for change, message in PREMISES:
        run: dict[str, Any] = {"eta": 0.1, "T": 5} | change
        assert re.fullmatch(message, refusal(lambda: call(method, K, run["eta"], run["T"], None)))  # noqa: B023


def needs_what_it_assumes(method: Method) -> None:
    asks_for_its_constants(method, partial(method.bound, **relations.run_of(method, 0.05, 10, None)))


def asks_for_its_constants(method: Method, call: Callable[..., object]) -> None:
    """A constant of A3 or A4 that it needs is asked for. Everywhere else it is called without those that it doesn't need."""
    known, *oracle = given_to(method, K)
    for name, assumption in (("delta", "A3"), ("mu", "A4")):
        if name in method.needs.split():
            bare = Constants(**{field: getattr(known, field) for field in FIELDS} | {name: None})
            asked = refusal(lambda: call(bare, *oracle))  # noqa: B023
            assert re.fullmatch(rf"{name} is missing; C\d+[abc]? needs it \(assumption {assumption}\)", asked)


def is_finite_or_refused(method: Method) -> None:
    for change in ({"F0": 1e300}, {"sigma2": 1e300}, {"delta": 1e300}):
        for other in ({}, {"F0": 1e300}, {"sigma2": 1e300}, {"L": 1e300}, {"mu": 1e-300}):
            k = Constants(**{"L": 10, "mu": 1, "sigma2": 1, "delta": 0.1, "F0": 1} | change | other)
            for eta, T in ((1e-301, 1), (1e-320, 1), (0.1, 1), (0.1, 1e300)):
                found = unless_refused(lambda: call(method, k, eta, T, 0.5), OVERFLOWS)  # noqa: B023
                assert found is None or 0 < found.total < np.inf


ARRAYS: dict[str, Any] = {
    "L": np.array([[10.0], [25.0], [2.0], [7.0]]),
    "mu": np.array([1.0, 0.5, 2.0]),
    "sigma2": np.array([[[1.0]], [[0.3]]]),
    "delta": np.array([0.1, 1e-4, 3.0]),
    "F0": np.array([[1.0], [5.0], [0.1], [2.0]]),
}
SHAPE = (2, 4, 3)


def elements(**arrays: Any) -> Iterator[tuple[tuple[int, ...], dict[str, float]]]:
    """Each index of the broadcast shape with the scalars that belong to it."""
    full = {name: np.broadcast_to(array, SHAPE) for name, array in arrays.items()}
    for index in np.ndindex(SHAPE):
        yield index, {name: float(array[index]) for name, array in full.items()}


def gives_for_arrays_what_it_gives_for_their_elements(method: Method) -> None:
    eta, T = 0.04 * np.array([[1.0], [0.5], [0.1], [0.01]]), np.array([10, 100, 1000])
    for theta in (None, 0.3, np.array([0.0, 0.5, 1.0])):
        together = call(method, Constants(**ARRAYS), eta, T, theta)
        for index, scalars in elements(**ARRAYS, eta=eta, T=T, theta=0 if theta is None else theta):
            eta_, T_, theta_ = (scalars.pop(name) for name in ("eta", "T", "theta"))
            alone = call(method, Constants(**scalars), eta_, T_, None if theta is None else theta_)
            for name, term in together.terms.items():
                assert np.broadcast_to(term, SHAPE)[index] == pytest.approx(float(alone.terms[name]), rel=1e-14)


def is_what_its_derivation_arrives_at(method: Method) -> None:
    """What stands after the last = adds up to the total; and with its numbers taken out, the text is the same for all calls of a kind."""
    seen: dict[bool, list[str]] = {}

    @given(st.data(), constants(delta=between(1e-3, 10, 0.0)), st.integers(1, 10**6), st.none() | thetas)
    def check(data: st.DataObject, k: Constants, T: int, theta: float | None) -> None:
        eta = data.draw(step_sizes(float(k.L)))
        lines = call(method, k, eta, T, theta, method.why)
        *_, last = [line for line in lines if "=" in line.text]
        said = last.numbers[-last.text.rpartition("=")[2].count("{}") :]
        assert 1 <= len(said) <= 2
        assert sum(said) == pytest.approx(float(call(method, k, eta, T, theta).total), rel=1e-9, abs=1e-300)
        assert [line.text for line in lines] == seen.setdefault(theta is None, [line.text for line in lines])

    check()


def answers_on_the_command_line(method: Method) -> None:
    """``tsla bound``, as JSON and as a table, with the derivation, with and without what it can do without: what Python says."""
    switch = [] if method.switch is None else [f"--{method.switch[0]}"]
    for optional in ([], method.optional.split()):
        names = [*method.needs.split(), *method.run.split(), *optional]
        command = ["bound", method.within or method.name, *(f"--{name}={NUMBERS[name]}" for name in names), *switch]
        run = {name: NUMBERS[name] for name in (*method.run.split(), *optional) if name != "c"}
        known, *oracle = given_to(method, K)
        oracle = [replace(one, c=NUMBERS["c"] if "c" in optional else 0.0) if method.splits else one for one in oracle]
        found, lines = (what(known, *oracle, **run) for what in (method.bound, method.why))
        assert json_answer(command) == found.json()
        assert json_answer([*command, "--why"]) == found.json() | {"derivation": [str(line) for line in lines]}
        assert answer(command) == found.table() + "\n"
        assert answer([*command, "--why"]) == found.table() + "\n" + "".join(
            f"{wrapped(f'{i}. {line}', indent='  ', more='   ')}\n" for i, line in enumerate(lines, 1)
        )


def answer(command: list[str]) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        assert cli.main(command) == 0
    return out.getvalue()


def json_answer(command: list[str]) -> Json:
    found: Json = json.loads(answer([*command, "--json"]))
    assert found.pop("schema") == SCHEMA
    return found


# --- of plans


def plans_what_it_says(method: Method) -> None:
    plan = planned(method, Constants(L=10, mu=1, sigma2=1, delta=0.001, F0=1), 0.1)
    assert (plan.method, plan.claim, plan.assumes) == (method.name, method.claim, method.assumes)
    assert any(float(stage.theta) > 0 for stage in plan.stages) == method.smooths
    assert all(np.asarray(number).dtype == np.float64 for stage in plan.stages for number in (stage.eta, stage.theta, stage.steps))


def plans_with_what_it_assumes(method: Method) -> None:
    asks_for_its_constants(method, partial(method, eps=0.5))


def planned(method: Method, k: Constants, eps: Any) -> Plan:
    return method(*given_to(method, k), eps=eps)


def reaches_its_target_and_no_sooner(method: Method) -> None:
    """At targets of any size: by its own bound, where it has one; and not with one step fewer in any stage, unless so many are stated."""
    is_stated = stated(method.name, K, 1.0) is not None
    assert is_stated or method.bounds, f"{method.name} has no bound, so that tests/theory/stated.py must have its lengths"

    @costly(2 if is_stated and not method.splits else 10)
    @given(problems())
    def check(problem: tuple[Constants, float]) -> None:
        k, eps = problem
        plan = unless_refused(lambda: planned(method, k, eps), OVERFLOWS)
        if plan is None:
            return
        lengths = [stage.steps for stage in plan.stages]
        if plan.reachable and method.bounds:
            assert reached(method, k, plan, lengths) <= eps**2 * (1 + 1e-12)
        for stage, (scale, length) in zip(plan.stages, stated(method.name, k, eps) or [], strict=is_stated):
            rounding = 1e-11 * (length + k.L / k.mu)  # a logarithm may be small beside what it is of
            assert float(stage.step_size(0) * k.L) == pytest.approx(float(scale), rel=1e-11)
            assert stage.steps == length or length - rounding <= stage.steps < max(length, 0) + 1 + rounding
        for i in () if is_stated or not plan.reachable else np.flatnonzero(np.greater(lengths, 1)):
            assert reached(method, k, plan, [steps - (i == j) for j, steps in enumerate(lengths)]) > eps**2 * (1 - 1e-12)

    check()


def reached(method: Method, k: Constants, plan: Plan, lengths: list[Any]) -> float:
    """Its bound after stages of these lengths."""
    numbers = [number for stage, steps in zip(plan.stages, lengths, strict=True) for number in (stage.step_size(0), steps)]
    return float(method.bound(*given_to(method, k), **dict(zip(method.run.split(), numbers, strict=True))).total)


def has_whole_stages_within_the_premises(method: Method) -> None:
    @costly(50 if method.splits else 1)
    @given(constants(delta=positive_deltas, noiseless=False), targets)
    def check(k: Constants, eps: float) -> None:
        plan = planned(method, k, eps)
        for stage in plan.stages:
            ends = [stage.step_size(t) for t in (0, np.maximum(np.where(plan.reachable, stage.steps, 1) - 1, 0))]
            assert all(0 < eta * k.L <= 1 + 1e-15 for eta in ends)
            assert 0 <= stage.theta <= 1
            assert stage.steps == np.floor(stage.steps) or not plan.reachable
        assert float(plan.total) == sum(float(stage.steps) for stage in plan.stages)
        if not plan.reachable:
            assert np.isinf(plan.total)
            assert plan.floor >= eps**2
            assert plan.why

    check()


def asks_for_more_the_finer_and_the_farther(method: Method) -> None:
    @costly(50 if method.splits else 1)
    @given(constants(delta=positive_deltas, noiseless=False), targets, st.floats(1, 10))
    def check(k: Constants, eps: float, factor: float) -> None:
        here = float(planned(method, k, eps).total)
        farther = Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, delta=k.delta, F0=k.F0 * factor)
        assert min(float(planned(method, k, eps / factor).total), float(planned(method, farther, eps).total)) >= here * (1 - 1e-12)

    check()


def plans_scale_with_the_objective(method: Method) -> None:
    """F → aF, ε → aε: the same lengths, and step sizes divided by a. Powers of two leave no rounding."""

    @costly(50 if method.splits else 1)
    @given(constants(delta=positive_deltas, noiseless=False), targets, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
    def check(k: Constants, eps: float, a: float) -> None:
        scaled = Constants(L=a * k.L, mu=a * k.mu, sigma2=a**2 * k.sigma2, delta=k.delta, F0=a * k.F0)
        here, there = planned(method, k, eps), planned(method, scaled, a * eps)
        assert float(there.total) == float(here.total)
        assert [float(stage.eta) * a for stage in there.stages] == [float(stage.eta) for stage in here.stages]

    check()


def refuses_targets_outside_their_range(method: Method) -> None:
    for eps, value in ((0, "0"), (-0.1, "-0.1"), (float("nan"), "nan"), (float("inf"), "inf"), (True, "True"), ("0.1", "'0.1'")):
        assert refusal(lambda: planned(method, K, eps)) == f"eps = {value} must be a finite number above 0"  # noqa: B023


def is_a_number_of_samples_or_refused(method: Method) -> None:
    for name in FIELDS:
        for extreme in (1e300, 1e-300):
            fields = {"L": 10.0, "mu": 1.0, "sigma2": 1.0, "delta": 0.1, "F0": 1.0} | {name: extreme}
            fields["L"] = max(fields["L"], fields["mu"]) if name == "mu" else fields["L"]
            fields["mu"] = min(fields["L"], fields["mu"])
            for eps in (1e-3, 1.0, 1e3):
                plan = unless_refused(lambda: planned(method, Constants(**fields), eps), "overflows float64")  # noqa: B023
                if plan is not None:
                    assert np.isfinite(plan.total) == plan.reachable
                    assert all(stage.eta > 0 and stage.steps >= 0 for stage in plan.stages)
    k = Constants(L=10, mu=1e-10, sigma2=1e10, delta=0.1, F0=1)  # at ε = 1e-150 ε⁴ is no number any more
    plan = unless_refused(lambda: planned(method, k, 1e-150), "overflows float64")
    assert plan is None or (plan.floor is not None and not plan.reachable)


def plans_for_arrays_what_it_plans_for_their_elements(method: Method) -> None:
    eps = np.array([0.1, 0.5, 2.0])
    together = planned(method, Constants(**ARRAYS), eps)
    for index, scalars in elements(**ARRAYS, eps=eps):
        alone = planned(method, Constants(**{name: scalars[name] for name in ARRAYS}), scalars["eps"])
        assert np.broadcast_to(together.total, SHAPE)[index] == float(alone.total)
        assert np.broadcast_to(together.reachable, SHAPE)[index] == bool(alone.reachable)
        if together.floor is not None:
            assert np.broadcast_to(together.floor, SHAPE)[index] == pytest.approx(float(alone.floor), rel=1e-14)
        for stage, stage_alone in zip(together.stages, alone.stages, strict=True):
            for name in ("eta", "theta", "steps", "decay_steps"):
                if getattr(stage, name) is not None:
                    assert np.broadcast_to(getattr(stage, name), SHAPE)[index] == pytest.approx(
                        float(getattr(stage_alone, name)), rel=1e-14
                    )


def plans_on_the_command_line(method: Method) -> None:
    if not method.splits:
        command = ["steps", method.name, *(f"--{name}={NUMBERS[name]}" for name in (*method.needs.split(), "eps"))]
        plan = planned(method, K, NUMBERS["eps"])
        assert json_answer(command) == plan.json()
        assert answer(command) == plan.table(NUMBERS["eps"]) + "\n"


Check = Callable[[Method], None]
OF_BOUNDS: tuple[Check, ...] = (
    says_what_it_is,
    is_lowered_by_what_it_says,
    is_a_sum_of_terms_that_are_not_negative,
    scales_with_the_objective,
    is_monotone,
    is_above_a_quadratic,
    refuses_what_is_outside_its_premises,
    needs_what_it_assumes,
    is_finite_or_refused,
    gives_for_arrays_what_it_gives_for_their_elements,
    is_what_its_derivation_arrives_at,
    answers_on_the_command_line,
)
OF_PLANS: tuple[Check, ...] = (
    plans_what_it_says,
    plans_with_what_it_assumes,
    reaches_its_target_and_no_sooner,
    has_whole_stages_within_the_premises,
    asks_for_more_the_finer_and_the_farther,
    plans_scale_with_the_objective,
    refuses_targets_outside_their_range,
    is_a_number_of_samples_or_refused,
    plans_for_arrays_what_it_plans_for_their_elements,
    plans_on_the_command_line,
)


def obligations(method: Method) -> tuple[Check, ...]:
    """Those that a method has, by whether it has a bound and a plan."""
    return (OF_BOUNDS if method.bounds else ()) + (OF_PLANS if method.plans else ())
