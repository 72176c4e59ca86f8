"""The report of a failing property ends in a command that shows the same number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.claims import test_c4_sgd, test_c5_lsr, test_c8_tsla, test_c12_biased, test_c16_worst_case
from tests.claims.support.counterexample import command
from tests.claims.support.domain import with_terms
from tests.claims.support.relations import lsr_bound, sgd_bound
from tests.planted import Rejects
from tsla import cli
from tsla.theory import biased, lsr, sgd, worst_case
from tsla.theory import two_stage as two_stages
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.method import Method


def commands_in(failure: AssertionError) -> list[str]:
    return [line for line in failure.__notes__ if line.startswith("tsla ")]


K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (command("bound sgd", K, eta=0.1, T=5), "tsla bound sgd --L 10.0 --sigma2 1.0 --F0 1.0 --eta 0.1 --T 5.0 --json"),
        (
            command("bound sgd", K, eta=0.1, T=5, exact=True),
            "tsla bound sgd --L 10.0 --sigma2 1.0 --F0 1.0 --eta 0.1 --T 5.0 --exact --json",
        ),
        (
            command("bound lsr", K, eta=0.1, T=5, theta=None, beta2=0.25, nu2=4, c=-1e-3),
            "tsla bound lsr --L 10.0 --sigma2 1.0 --F0 1.0 --eta 0.1 --T 5.0 --beta2 0.25 --nu2 4.0 --c -0.001 --json",
        ),
        (
            command("steps tsla", K, eps=1 / 3),
            "tsla steps tsla --L 10.0 --mu 1.0 --sigma2 1.0 --delta 0.1 --F0 1.0 --eps 0.3333333333333333 --json",
        ),
        (command("variance", None, s2=1, shat2=2, c=0.5), "tsla variance --s2 1.0 --shat2 2.0 --c 0.5 --json"),
    ],
)
def test_commands(line: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert line == expected
    assert cli.main(line.split()[1:]) == 0
    json.loads(capsys.readouterr().out)


def with_half_of(right: Callable[..., Bound], term: str) -> Callable[..., Bound]:
    def wrong(*args: Any, **run: Any) -> Bound:
        bound = right(*args, **run)
        return with_terms(bound, **{term: bound.terms[term] / 2})

    return wrong


def planted(claim: str, module: Any, name: str, term: str, check: Callable[[], None]) -> Any:
    return pytest.param(module, name, term, check, id=claim, marks=pytest.mark.claim(claim, "property", planted=True))


@pytest.mark.parametrize(
    ("module", "name", "term", "check"),
    [
        planted("C4", sgd, "bound", "noise", lambda: test_c4_sgd.agrees_with_summed_descent(sgd_bound)),
        planted("C5", lsr, "bound", "smoothing", lambda: test_c5_lsr.agrees_with_summed_descent(lsr_bound)),
        planted("C8", two_stages, "bound", "noise", lambda: test_c8_tsla.is_one_recursion_after_the_other(two_stages.bound)),
        planted("C12", biased, "bound", "bias", lambda: test_c12_biased.agrees_with_summed_descent(test_c12_biased.biased_bound)),
        planted("C16", worst_case, "sgd_bound", "noise", lambda: test_c16_worst_case.is_exact_on_a_parabola(test_c16_worst_case.sgd_bound)),
    ],
)
def test_a_failing_property_ends_in_a_command_that_shows_its_number(
    module: Any,
    name: str,
    term: str,
    check: Callable[[], None],
    rejects: Rejects,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error is planted where the command line finds it, too."""

    def passes_with(bound: Callable[..., Bound]) -> None:
        monkeypatch.setattr(module, name, bound)
        monkeypatch.setattr(module, declared, replace(method, bound=bound))
        check()

    right = getattr(module, name)
    declared, method = next((of, value) for of, value in vars(module).items() if isinstance(value, Method) and value.bound is right)
    failure = rejects(passes_with, right=right, wrong=with_half_of(right, term))
    (line,) = commands_in(failure)
    assert cli.main(line.split()[1:]) == 0
    assert repr(json.loads(capsys.readouterr().out)["total"]) in str(failure)
