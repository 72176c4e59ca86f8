"""The best checkpoint, the first that suffices, and what the table says of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.refusals import refusals
from tsla.empirics.statistics.checkpoints import plan, table
from tsla.empirics.statistics.pilot import Pilot
from tsla.empirics.statistics.power import seeds_for

SPREAD = {1: (0.0, 0.0), 10: (0.5, 2.0), 100: (1.0, 1.0), 1000: (2.0, 4.0)}  # step -> mean and standard deviation


def at(*steps: int) -> Pilot:
    """Differences of 20 seeds that have the means and standard deviations of SPREAD."""
    z = stats.norm.ppf((np.arange(20) + 0.5) / 20)
    z = (z - z.mean()) / z.std(ddof=1)
    return Pilot(np.array(steps, dtype=float), np.array([SPREAD[step][0] + SPREAD[step][1] * z for step in steps]), "step")


def test_the_best_and_the_first_checkpoint() -> None:
    found = at(*SPREAD)
    answer = plan(found, seeds=40)
    rows = {row["at"]: row for row in answer["checkpoints"]}
    assert (answer["pilot_seeds"], rows[1]["n"]) == (20, None)
    assert [rows[step]["d"] for step in (10, 100, 1000)] == pytest.approx([0.25, 1.0, 0.5])
    assert [rows[step]["n"] for step in (10, 100, 1000)] == [seeds_for(d) for d in (0.25, 1.0, 0.5)]
    assert answer["best"] == answer["first"] == rows[100]
    assert plan(found, seeds=seeds_for(1.0))["first"] == rows[100]
    assert plan(found, seeds=200)["first"] == rows[10]
    assert plan(found, seeds=5)["first"] is plan(found)["first"] is None
    fixed = plan(found, effect=0.25, seeds=40)
    assert [row["n"] for row in fixed["checkpoints"][1:]] == [seeds_for(0.25 / sd) for sd in (2.0, 1.0, 4.0)]


def test_the_level_and_the_power_are_those_that_are_asked_for() -> None:
    asked = {"level": 0.01, "power": 0.9}
    answer = plan(at(10, 100), **asked)
    assert [row["n"] for row in answer["checkpoints"]] == [seeds_for(d, **asked) for d in (0.25, 1.0)]
    assert {name: answer[name] for name in asked} == asked


def test_an_effect_downwards_is_as_large_as_one_upwards() -> None:
    found = at(10, 100)
    below = Pilot(found.checkpoint, found.differences * [[1], [-1]], found.axis)
    assert plan(below)["best"]["at"] == 100


@pytest.mark.parametrize(
    ("found", "asked", "says"),
    [
        (
            at(*SPREAD),
            {"seeds": 40},
            ["pilot of 20 seeds", "not to be planned with", f"Fewest seeds: {seeds_for(1.0)}", "at step 100", "first enough at step 100"],
        ),
        (at(*SPREAD), {"seeds": 5}, ["5 seeds are not enough."]),
        (at(100), {"effect": 0.5, "seeds": 99}, ["99 seeds are first enough at step 100"]),
    ],
)
def test_the_table_says_what_the_answer_holds(found: Pilot, asked: dict[str, Any], says: list[str]) -> None:
    text = table(plan(found, **asked))
    assert all(said in text for said in says)
    assert ("pilot's own mean" in text) == ("effect" not in asked)


test_refusals = refusals(
    lambda found, asked: plan(found, **asked),
    (at(100), {"seeds": 1}, "seeds = 1 must be a whole number, at least 2"),
    (at(100), {"power": 2.0}, "power = 2 must be below 1"),
    (at(1), {}, "must not all be equal"),
)
