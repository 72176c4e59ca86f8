"""What every bound owes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.refusals import unless_refused
from tests.theory.obligations.common import (
    ARRAYS,
    NUMBERS,
    OVERFLOWS,
    SHAPE,
    K,
    answer,
    asks_for_its_constants,
    elements,
    json_answer,
    refusal,
)
from tsla.theory.bound import Bound
from tsla.theory.claims import BY_ID
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.testing import relations
from tsla.theory.testing.domain import between, constants, costly, step_sizes, thetas
from tsla.theory.testing.relations import call, given_to
from tsla.theory.text import wrapped


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


def refuses_what_is_outside_its_premises(method: Method) -> None:
    for change, message in PREMISES:
        run: dict[str, Any] = {"eta": 0.1, "T": 5} | change
        assert re.fullmatch(message, refusal(lambda: call(method, K, run["eta"], run["T"], None)))  # noqa: B023


def needs_what_it_assumes(method: Method) -> None:
    asks_for_its_constants(method, partial(method.bound, **relations.run_of(method, 0.05, 10, None)))


def is_finite_or_refused(method: Method) -> None:
    for change in ({"F0": 1e300}, {"sigma2": 1e300}, {"delta": 1e300}):
        for other in ({}, {"F0": 1e300}, {"sigma2": 1e300}, {"L": 1e300}, {"mu": 1e-300}):
            k = Constants(**{"L": 10, "mu": 1, "sigma2": 1, "delta": 0.1, "F0": 1} | change | other)
            for eta, T in ((1e-301, 1), (1e-320, 1), (0.1, 1), (0.1, 1e300)):
                found = unless_refused(lambda: call(method, k, eta, T, 0.5), OVERFLOWS)  # noqa: B023
                assert found is None or 0 < found.total < np.inf


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
