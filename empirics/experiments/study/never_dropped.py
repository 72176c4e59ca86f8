"""Smoothing that is never dropped beside plain training, at every setting that has both: what the study found of accuracy and test loss.

``python -m`` this module writes it, from the records of the study, where `tsla measure` finds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.advice.measure.study import ACCURACY, RESOURCE, TEST_LOSS
from tsla.empirics.experiments.study import third_verdicts, verdicts
from tsla.empirics.experiments.study.comparisons import arms_of
from tsla.empirics.experiments.study.findings import Runs
from tsla.empirics.experiments.study.outcomes import Choice, best, differences, tuned
from tsla.empirics.experiments.study.scope import NAMES, network, noise, optimiser, schedule, scope
from tsla.empirics.experiments.study.settings import Setting
from tsla.empirics.experiments.study.third import EVERY
from tsla.empirics.runs import records
from tsla.empirics.runs.files import write_text
from tsla.empirics.statistics.intervals import student_t
from tsla.theory.text import Json, listed

Compared = list[tuple[Setting, dict[str, Any]]]
"""Settings, each with what was found of its outcomes."""


def found(rounds: Iterable[Runs]) -> Json:
    """All comparisons, and in words where they were made. Settings with wrong labels and without are apart, and so are data sets.

    Result: ``{"rows": [{"label_noise": [amounts], "data", outcome: {"compared", "better", "worse", "least", "largest"}}],
    "scope": {"clean" or "noisy": words}, "behind": {"clean" or "noisy": {"settings", "scope"}}}``. A mean paired difference, smoothed less
    plain, is a fraction of accuracy or of the logarithm of a loss; "least" and "largest" are the ends of their range, and "better" and
    "worse" count the 95 % intervals without 0. "behind" counts where plain training was ahead in tuning and the smoothed arm was not run.
    """
    every = list(rounds)
    compared = [one for of in every for one in _compared(of.tuning, of.runs)]
    kinds = {kind: [one for one in compared if _kind(one[0]) == kind] for kind in ("clean", "noisy")}
    behind = [setting for of in every for setting in _behind(of.tuning, of.runs)]
    apart = {kind: [setting for setting in behind if _kind(setting) == kind] for kind in kinds}
    return {
        "rows": [_row(own) for kind in kinds.values() for own in _by_data(kind)],
        "scope": {kind: scope([setting for setting, _ in own]) for kind, own in kinds.items() if own},
        "behind": {kind: {"settings": len(own), "scope": _briefly(own)} for kind, own in apart.items() if own},
    }


def _kind(setting: Setting) -> str:
    return "noisy" if setting.label_noise > 0 else "clean"


def _compared(tuning: pd.DataFrame, runs: pd.DataFrame) -> Iterator[tuple[Setting, dict[str, Any]]]:
    """The best smoothed arm that is never dropped less ``none``, each as tuned for the outcome, where both have been run."""
    for name in tuning["setting"].unique():
        intervals = {}
        for outcome in (ACCURACY, TEST_LOSS):
            arms = _arms(tuning, name, outcome)
            if _were_run(runs, name, arms):
                intervals[outcome] = student_t(differences(runs, name, *arms, outcome))
        if intervals:
            yield EVERY[name], intervals


def _behind(tuning: pd.DataFrame, runs: pd.DataFrame) -> Iterator[Setting]:
    """Where plain training was ahead in tuning for accuracy, and the smoothed arm has not been run."""
    for name in tuning["setting"].unique():
        smoothed, plain = arms = _arms(tuning, name, ACCURACY)
        if not _were_run(runs, name, arms) and best(tuning, name, (smoothed.arm, plain.arm), ACCURACY) == plain:
            yield EVERY[name]


def _arms(tuning: pd.DataFrame, name: str, outcome: str) -> tuple[Choice, Choice]:
    return best(tuning, name, arms_of(tuning, name, "lsr"), outcome), tuned(tuning, name, "none", outcome)


def _were_run(runs: pd.DataFrame, name: str, arms: Iterable[Choice]) -> bool:
    there = {tuple(run) for run in runs.loc[runs["setting"] == name, ["arm", "eta"]].drop_duplicates().itertuples(index=False)}
    return all((one.arm, one.eta) in there for one in arms)


def _briefly(settings: list[Setting]) -> str:
    networks, data = listed(map(network, settings)), listed(NAMES[setting.data] for setting in settings)
    return f"{networks} on {data}, {noise(settings)}, {optimiser(settings)}, {schedule(settings)}"


def _by_data(compared: Compared) -> Iterable[Compared]:
    return ([one for one in compared if one[0].data == data] for data in dict.fromkeys(setting.data for setting, _ in compared))


def _row(compared: Compared) -> Json:
    """Of one data set."""
    settings = [setting for setting, _ in compared]
    row: Json = {"label_noise": sorted({setting.label_noise for setting in settings}), "data": NAMES[settings[0].data]}
    for outcome, sign in ((ACCURACY, 1), (TEST_LOSS, -1)):
        intervals = [of[outcome] for _, of in compared if outcome in of]
        ends = [sorted((sign * float(one.low), sign * float(one.high))) for one in intervals]
        means = [float(one.estimate) for one in intervals]
        better, worse = sum(low > 0 for low, _ in ends), sum(high < 0 for _, high in ends)
        row[outcome] = {"compared": len(means), "better": better, "worse": worse}
        row[outcome] |= {"least": min(means, default=None), "largest": max(means, default=None)}
    return row


def of_records(folder: Path = records.FOLDER) -> Json:
    """By the records in a folder."""
    second, third = verdicts.load(folder), third_verdicts.load(folder)
    return found((second, Runs(second.decay_tuning, second.decay, second.paths), third))


if __name__ == "__main__":
    write_text(RESOURCE, json.dumps(of_records(), indent=1, ensure_ascii=False) + "\n")
