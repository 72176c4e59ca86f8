"""What `tsla measure` says of the study is what the records give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tsla.empirics.advice.measure import study
from tsla.empirics.experiments.study import never_dropped, third_verdicts, verdicts
from tsla.empirics.experiments.study.findings import Runs
from tsla.empirics.experiments.study.third import PARTS
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import Json

ROOT = Path(__file__).parents[4]


def close(value: Any) -> Any:
    """Numbers to rounding."""
    if isinstance(value, dict):
        return {name: close(of) for name, of in value.items()}
    return [close(of) for of in value] if isinstance(value, list) else pytest.approx(value) if isinstance(value, float) else value


def test_the_resource_is_what_the_records_say() -> None:
    assert never_dropped.of_records(ROOT / "records") == close(study.read())


def says(found: Json) -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert study.sentence(found) in readme


def test_the_readme_says_what_the_records_say(rejects: Rejects) -> None:
    rejects(lambda noise: says(study.read(noise)), right=None, wrong=0.0)


def leaves_no_tuned_setting_out(lowered: float) -> None:
    """Each is compared or said to be left out. ``lowered``: by how much the accuracy of plain training in tuning is."""
    second, later = (of.load(ROOT / "records") for of in (verdicts, third_verdicts))
    rounds = [
        Runs(tuning.assign(accuracy=tuning["accuracy"] - lowered * (tuning["arm"] == "none")), runs, runs)
        for tuning, runs in ((second.tuning, second.runs), (second.decay_tuning, second.decay), (later.tuning, later.runs))
    ]
    found = never_dropped.found(rounds)
    tuned = {name for one in rounds for name in one.tuning["setting"]}
    assert study.counts(found, study.ACCURACY)["compared"] + sum(of["settings"] for of in found["behind"].values()) == len(tuned)


def test_no_tuned_setting_is_left_out_unsaid(rejects: Rejects) -> None:
    rejects(leaves_no_tuned_setting_out, right=0.0, wrong=0.01)  # where it is behind itself, why nothing was run is not said


def third(*, accuracy: float, test_loss: float) -> Runs:
    """Runs of one setting, whose smoothed arm differs from the plain one by so much, with a little noise."""
    (setting, *_), rng = PARTS["mlp"], np.random.default_rng(0)
    rows = pd.DataFrame(
        [
            {
                "setting": setting.name,
                "arm": arm,
                "eta": 0.1,
                "seed": seed,
                "accuracy": 0.8 + smoothed * accuracy,
                "test loss": smoothed * test_loss,
            }
            for arm, smoothed in (("none", 0), ("lsr-0.1", 1))
            for seed in range(10)
        ]
    )
    rows[["accuracy", "test loss"]] += rng.normal(scale=1e-3, size=(20, 2))
    return Runs(rows, rows, rows)


def counts_what_is_better(found: Callable[[Runs], Json]) -> None:
    (row,) = found(third(accuracy=0.02, test_loss=0.1))["rows"]
    assert (row["data"], row["label_noise"]) == ("digits", [0])
    assert (row["accuracy"]["better"], row["accuracy"]["worse"]) == (1, 0)
    assert (row["test loss"]["better"], row["test loss"]["worse"]) == (0, 1)  # which is lower where it is better
    assert row["test loss"]["least"] == row["test loss"]["largest"] == pytest.approx(0.1, abs=2e-3)
    (row,) = found(third(accuracy=0, test_loss=0))["rows"]
    assert [row[outcome][name] for outcome in ("accuracy", "test loss") for name in ("better", "worse")] == [0] * 4


def says_what_was_behind_and_not_run(found: Callable[[Runs], Json]) -> None:
    """Of the smoothed arm the tuning runs alone are there; it was ahead of the plain one, or behind it."""
    behind, ahead = (third(accuracy=accuracy, test_loss=0) for accuracy in (-0.02, 0.02))
    without = [Runs(of.tuning, of.runs[of.runs["arm"] == "none"], of.paths) for of in (behind, ahead)]
    assert [found(of)["behind"] for of in (behind, ahead, without[1])] == [{}] * 3
    assert found(without[0])["behind"]["clean"]["settings"] == 1
    assert found(without[0])["behind"]["clean"]["scope"].startswith("MLP-64 on digits, no wrong labels")


def test_what_was_behind_and_not_run_is_counted(rejects: Rejects) -> None:
    rejects(says_what_was_behind_and_not_run, right=of_third, wrong=upside_down)


def upside_down(runs: Runs) -> Json:
    """As if tuning took the less accurate arm."""
    return of_third(Runs(runs.tuning.assign(accuracy=-runs.tuning["accuracy"]), runs.runs, runs.paths))


def of_third(runs: Runs) -> Json:
    return never_dropped.found([runs])


def the_other_way_round(runs: Runs) -> Json:
    """As if a higher loss were better."""
    rows = runs.runs.assign(**{"test loss": -runs.runs["test loss"]})
    return of_third(Runs(rows, rows, rows))


def test_better_is_more_accuracy_and_less_loss(rejects: Rejects) -> None:
    rejects(counts_what_is_better, right=of_third, wrong=the_other_way_round)
