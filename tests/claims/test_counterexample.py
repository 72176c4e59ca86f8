"""A counterexample as a command: every option that it needs, and numbers to the last digit."""

from __future__ import annotations

import json

import pytest

from tests.claims.support.counterexample import command
from tsla import cli
from tsla.theory.constants import Constants

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
