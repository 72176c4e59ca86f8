"""The runs of both rounds of the study, as they are and with effects planted in them, what is found of them, and the pages about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from tests.conftest import ROOT
from tsla.empirics.experiments.study import third_verdicts, verdicts
from tsla.empirics.experiments.study.comparisons import CLAIMS
from tsla.empirics.experiments.study.findings import MATTERS, Finding, Runs
from tsla.empirics.experiments.study.verdicts import Study

DECIDED = ("E1", *CLAIMS)


@dataclass(frozen=True, eq=False)
class World:
    """The runs of both rounds."""

    second: Study
    third: Runs


@cache
def study() -> Study:
    return verdicts.load(ROOT / "records")


@cache
def world() -> World:
    return World(study(), third_verdicts.load(ROOT / "records"))


@cache
def families(make: Callable[[], World]) -> tuple[list[Finding], list[Finding]]:
    """Of the second round and of the third, from the runs on."""
    found = make()
    return verdicts.family(found.second), third_verdicts.found(found.third)


@cache
def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


OUTCOMES = {"E2": "early loss", "E2 by accuracy": "early accuracy", "E3": "accuracy", "E4": "test loss", "E5": "accuracy"}
TREATED = {"E2": "lsr", "E2 by accuracy": "lsr", "E3": "tsla", "E4": "tsla", "E5": "own-hard-tsla"}


@cache
def with_effect(claim: str, side: int) -> Callable[[], World]:
    """Makes the world as if the claim were true of each treated run's own outcome, or with ``side`` = -1 the opposite."""
    return lambda: World(*(_with_effect(runs, claim, side) for runs in (world().second, world().third)))


def _with_effect(runs: Runs, claim: str, side: int) -> Runs:
    if claim == "E1" and "s2" in runs.paths:  # what smoothing does beyond the control has the sign of c, where c is large
        return replace(runs, paths=runs.paths.assign(c=-0.9 * side * np.sqrt(runs.paths["s2"] * runs.paths["shat2"])))
    rows = runs.runs
    for row in (row for row in OUTCOMES if row.split()[0] == claim and OUTCOMES[row] in rows):
        treated = rows["arm"].str.fullmatch(rf"{TREATED[row]}(-[\d.]+)+")
        rows = rows.assign(**{OUTCOMES[row]: rows[OUTCOMES[row]] + 100 * side * RIGHT[row] * MATTERS[row] * treated})
    return replace(runs, runs=rows)


RIGHT = {"E1": -1, "E2": -1, "E2 by accuracy": 1, "E3": 1, "E4": -1, "E5": 1}
"""In favour of the claim, as the plan has it: of an accuracy, of the logarithm of a loss."""
