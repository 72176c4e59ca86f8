"""Command lines with slips end in an answer or in one line; `make torture` tries thousands of them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import pytest

from tests.cli.support import ends
from tests.torture import commands
from tsla.theory.testing.planted import Rejects

CALCULATORS = ("tsla", "bound", "steps", "compare", "invert", "anneal", "critical-batch", "variance")


def test_slips_end_in_an_answer_or_in_one_line() -> None:
    assert [wrong for _, wrong in commands.tries(seed=1, n=100, commands=CALCULATORS) if wrong] == []


def two_lines(_: list[str]) -> int:
    sys.stderr.write("one\ntwo\n")
    return 2


def warned(words: list[str]) -> int:
    warnings.warn("overflow encountered in multiply", RuntimeWarning, stacklevel=1)
    return ends(words)


@pytest.mark.parametrize("wrong", [lambda _: 1, lambda _: 1 // 0, lambda _: 2, two_lines, warned])
def test_other_ends_are_seen(wrong: Callable[[list[str]], int], rejects: Rejects) -> None:
    def ends_well(run: Callable[[list[str]], int]) -> None:
        assert commands.ill_end(["--version"], run=run) is None

    rejects(ends_well, right=ends, wrong=wrong)
