"""The answer that README.md and docs/measure.md show is the one that their commands give."""

from __future__ import annotations

import re

import pytest

from tests.cli.support import Run
from tests.conftest import ROOT
from tsla.theory.testing.planted import Rejects

PAGES = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/measure.md")]
COMMANDS = re.compile(r"^    tsla ((?:train|measure) .*digits\.pt.*)$", re.MULTILINE)
SHOWN = re.compile(r"```text\n(Smoothing .*?)```", re.DOTALL)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
NEAR = 0.01
"""Training of this small network rounds otherwise on other processors, which moves a number by far less than this part of it."""


def begins_with(answer: str, shown: str) -> None:
    """The same words, however its lines and columns are filled, and the same numbers, nearly."""
    words, expected = (" ".join(NUMBER.sub(" # ", text).split()) for text in (answer, shown))
    assert words.startswith(expected)
    numbers, told = ([float(found.replace(",", "")) for found in NUMBER.findall(text)] for text in (answer, shown))
    assert numbers[: len(told)] == pytest.approx(told, rel=NEAR)


def test_the_answer_that_the_pages_show(run: Run, rejects: Rejects) -> None:
    (train, measure), same = (COMMANDS.findall(page) for page in PAGES)
    assert [train, measure] == same
    run(train)
    answer = run(measure)
    for page in PAGES:
        (shown,) = SHOWN.findall(page)
        rejects(lambda shown: begins_with(answer, shown), right=shown, wrong=shown.replace("20 %", "21 %", 1))
