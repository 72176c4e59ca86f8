"""The page's calculator answers as Python does: every method, numbers over many orders of magnitude, and refusals word for word."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.page import asked
from tests.page.conftest import Runs
from tsla.figures.page import calculator
from tsla.theory.testing.planted import Rejects

MOST = 130_000  # bytes
Check = Callable[[str], None]


def agreement(run: Runs, count: int, comparisons: int) -> Check:
    """Whether a script answers so many questions as Python does."""
    questions = asked.questions(count, comparisons, seed=0)
    ours = asked.answers(questions)

    def check(script: str) -> None:
        theirs = json.loads(run(script, asked.TO_ALL, json.dumps(questions)))
        assert not (found := asked.differences(questions, ours, theirs)), f"{len(found)} of {count}, the first: {found[0]}"

    return check


@pytest.fixture(scope="module", params=["node", "chromium"])
def agrees(request: pytest.FixtureRequest) -> Check:
    return agreement(request.getfixturevalue(request.param), 200, 1)


@pytest.fixture(scope="module")
def script() -> str:
    return calculator.script()


def test_the_script_answers_as_python_does(agrees: Check, script: str) -> None:
    agrees(script)


def test_ten_thousand_questions(chromium: Runs, script: str) -> None:
    agreement(chromium, 10_000, 20)(script)


WRONG = {
    "a factor": ("products$product(8, delta,", "products$product(4, delta,"),
    "digits lost": ("log1p: unary(Math.log1p)", "log1p: unary((x) => Math.log(1 + x))"),
    "a message": ("is larger than 1/L", "is above 1/L"),
}


@pytest.mark.parametrize("error", WRONG)
def test_an_error_in_the_script_is_found(agrees: Check, rejects: Rejects, script: str, error: str) -> None:
    assert WRONG[error][0] in script
    rejects(agrees, right=script, wrong=script.replace(*WRONG[error]))


def one_step_more(name: str, given: calculator.Given) -> Any:
    """A bound as if the run were a step longer."""
    return calculator.bound(name, {**given, "T": given["T"] + 1})


def test_a_wrong_formula_in_python_is_found_in_its_translation(agrees: Check, rejects: Rejects, script: str) -> None:
    rejects(agrees, right=script, wrong=calculator.script({**calculator.ASKED, "bound": one_step_more}))


def test_every_method_is_in_it(script: str) -> None:
    """What is asked of each is among the questions above, and has an answer."""
    for method, question in asked.of_every_method():
        (answer,) = asked.answers([question])
        assert answer["answer"]["claim"] == method.claim, answer
        assert f'name: "{method.name}"' in script


def test_what_is_undefined_is_not_given(node: Runs, script: str) -> None:
    call = "(given) => tsla.variance({ ...given, theta: undefined }).theta"
    assert node(script, call, {"sigma2": 1, "delta": 3}) == 0.25


def test_it_is_small(script: str) -> None:
    assert len(script.encode()) < MOST


def test_moments_are_those_of_a_batch() -> None:
    """By C11, C14 and C17 as they are written."""
    s2, c, beta2, nu2, grad2, B, theta = 105.0, -5.0, 7.5, 52.5, 2.5, 16, 0.3
    given = {"grad2": grad2, "s2": s2, "shat2": beta2 + nu2, "c": c, "beta2": beta2, "nu2": nu2}
    noise = (1 - theta) ** 2 * s2 + theta**2 * nu2 + 2 * theta * (1 - theta) * c
    smoothed, shrunk = theta**2 * beta2 + noise / B, (1 - theta) ** 2 * s2 / B + theta**2 * grad2
    assert calculator.moments(given, B, theta) == pytest.approx(
        {
            "second_moment": smoothed,
            "shrunk": shrunk,
            "beyond": smoothed - shrunk,
            "excess": smoothed - s2 / B,
            "delta": (beta2 + nu2 / B) / (s2 / B),
            "theta_star": (s2 - c) / (B * beta2 + s2 + nu2 - 2 * c),
            "critical_batch_size": (s2 - noise) / (theta**2 * beta2),
            "why": None,
        }
    )
