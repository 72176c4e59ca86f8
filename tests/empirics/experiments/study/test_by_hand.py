"""The scripts of docs/study_third.md, which know nothing of the package, find what the package says of every comparison."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tsla.empirics.experiments.study.comparisons import LATER_CLAIMS
from tsla.empirics.experiments.study.findings import MATTERS, Finding, e1, each
from tsla.empirics.experiments.study.third import PARTS
from tsla.empirics.experiments.study.third_verdicts import at, load
from tsla.theory.testing.planted import Rejects

ROOT = Path(__file__).parents[4]
ARMS, PATH = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "study_third.md").read_text(encoding="utf-8"), flags=re.DOTALL)
EARLY, LAST = [1, 2, 3], [18, 19, 20]
KNOBS: dict[str, dict[str, Any]] = {
    row: dict(zip(("DROPPED", "RIVALS", "TUNED_FOR", "COLUMN", "EPOCHS", "LOG"), values, strict=True)) | {"MATTERS": MATTERS[row]}
    for row, values in {
        "E2": ("lsr-.*", "none", "early loss", "train_loss", EARLY, True),
        "E2 by accuracy": ("lsr-.*", "none", "early accuracy", "test_accuracy", EARLY, False),
        "E3": ("tsla-.*", "none|lsr-.*", "accuracy", "test_accuracy", LAST, False),
        "E4": ("tsla-.*", "none", "test loss", "test_loss", LAST, True),
        "E5": ("own-hard-tsla-.*", r"none|own-hard-[\d.]+", "accuracy", "test_accuracy", LAST, False),
    }.items()
}


def by_hand(knobs: dict[str, Any], *, arms: bool = True) -> dict[str, Any]:
    """What the script finds with these values in place of its own, which are its second paragraph, or the first line of E1's."""
    imports, _, choice, tested = ARMS.split("\n\n")
    _, _, along = PATH.partition("\n")
    found = dict(knobs)
    exec("\n".join((imports, choice if arms else along, tested.rpartition("print")[0])), found)  # noqa: S102 - our own document
    return found


def agree(found: dict[str, Any], said: Finding) -> None:
    interval = said.interval
    assert np.allclose(found["differences"], said.differences, rtol=1e-6, atol=1e-12)
    assert np.allclose([found[name] for name in ("mean", "low", "high")], [interval.estimate, interval.low, interval.high], rtol=1e-6)
    assert found["p"] == pytest.approx(said.p, rel=1e-6)
    assert found["power"] == pytest.approx(said.power, rel=1e-6)


def agrees_with_the_package(row: str, epochs: tuple[int, ...] | None = None) -> None:
    """At every setting of the records in the current folder."""
    runs = load(Path("records"))
    there = [(part, at(runs, setting.name), setting.name) for part, settings in PARTS.items() for setting in settings]
    assert any(len(here.paths) for _, here, _ in there)
    for part, here, setting in there:
        knobs = {**KNOBS[row], "PART": part, "SETTING": setting}
        if epochs:
            knobs["EPOCHS"] = list(epochs)
        for said in each(here.runs, row, setting, LATER_CLAIMS[row](here.tuning, setting)) if len(here.runs) else []:
            agree(found := by_hand(knobs), said)
            knobs["RIVALS"] = f"lsr-{found['best'][0][0].split('-')[1]}"  # what E4 compares with, too


def agrees_on_e1(theta: float) -> None:
    runs = load(Path("records"))
    for part, settings in PARTS.items():
        for setting in settings:
            here = at(runs, setting.name)
            if len(here.paths):
                knobs = {"THETA": theta, "B": setting.batch_size, "PART": part, "SETTING": setting.name, "MATTERS": MATTERS["E1"]}
                agree(by_hand(knobs, arms=False), e1(here.paths, setting.name))


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("row", LATER_CLAIMS)
def test_each_comparison_of_arms(row: str, rejects: Rejects) -> None:
    rejects(partial(agrees_with_the_package, row), right=None, wrong=(2, 19))


def test_e1(rejects: Rejects) -> None:
    rejects(agrees_on_e1, right=0.1, wrong=0.2)
