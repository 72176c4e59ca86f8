"""The commands of README.md and docs/commands.md: each has an example, and the calculators' examples give the numbers beside them."""

from __future__ import annotations

import re

import pytest

from tests.cli.support import Run
from tests.conftest import ROOT
from tsla.cli import COMMANDS
from tsla.empirics.simulation import problems
from tsla.theory.testing.planted import Rejects

PAGES = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/commands.md")]
EXAMPLE = re.compile(r"^    tsla ([\w-]+)(.*?)(?:  +#(.*))?$", re.MULTILINE)
PROBLEM = re.compile(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) \| (none|[\d.]+) \| (.*) \|$", re.MULTILINE)
CALCULATORS = [match for page in PAGES for match in EXAMPLE.findall(page) if COMMANDS[match[0]][0].startswith("tsla.theory")]


def has_every_command(page: str) -> None:
    assert {name for name, _, _ in EXAMPLE.findall(page)} == {*COMMANDS}


def test_every_command_has_an_example(rejects: Rejects) -> None:
    rejects(has_every_command, right=PAGES[1], wrong=PAGES[1].replace("tsla anneal", "tsla steps"))


def lists_the_problems(page: str) -> None:
    found = [problems.get(name) for name in problems.names()]
    mu = [None if one.mu is None else f"{one.mu:.4g}" for one in found]
    rows = [(one.name, str(one.dimension), f"{one.L:.4g}", known or "none", one.purpose) for one, known in zip(found, mu, strict=True)]
    assert PROBLEM.findall(page) == rows


def test_the_problems_are_those_that_there_are(rejects: Rejects) -> None:
    rejects(lists_the_problems, right=PAGES[1], wrong=PAGES[1].replace("`stall`", "`stalls`"))


@pytest.mark.parametrize(("name", "options", "comment"), CALCULATORS, ids=[name + options for name, options, _ in CALCULATORS])
def test_an_example_gives_what_stands_beside_it(name: str, options: str, comment: str, run: Run, rejects: Rejects) -> None:
    out = run(name + options)

    def is_shown(comment: str) -> None:
        assert [number for number in re.findall(r"[\d,]+(?= samples)|\bC\d+\b", comment) if number not in out] == []

    rejects(is_shown, right=comment, wrong="9 samples (C99)")
