"""The third round: what was found of each row of its plan's table, at whatever settings the records have, and its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from tsla.empirics.experiments.study.comparisons import LATER_CLAIMS, Comparison
from tsla.empirics.experiments.study.findings import MATTERS, Finding, Runs, adjusted, compared, e1
from tsla.empirics.experiments.study.outcomes import LATER, Choice, summary
from tsla.empirics.experiments.study.settings import Setting
from tsla.empirics.experiments.study.third import (
    EVERY,
    PARTS,
    SCRATCH,
    SCRATCH_ARMS,
    SCRATCH_ETA,
    SCRATCH_SETTINGS,
    paths_of,
    runs_of,
    tuning_of,
)
from tsla.empirics.experiments.study.words import Said, not_run, said, shared, title
from tsla.empirics.runs import records

PLANNED = {setting.name: setting for part in (*PARTS.values(), SCRATCH_SETTINGS) for setting in part}
"""The settings, in the order of the tables."""
UNTUNED = {setting.name for setting in SCRATCH_SETTINGS}
RECORDS = (*(name(part) for part in PARTS for name in (tuning_of, runs_of, paths_of)), SCRATCH)
BY = {"E2": ", by F before the step size falls", "E2 by accuracy": ", by test accuracy before the step size falls"}
"""The rows of a claim that has two."""


def load(folder: Path) -> Runs:
    """The third round of the records in a folder. Any setting may be missing from any record, and a record from the folder."""
    return read(lambda name: records.read(path).table if (path := folder / f"{name}.parquet").is_file() else NOTHING)


NOTHING = pd.DataFrame({"setting": pd.Series(dtype=str)})
"""A record that is not there."""


def read(table: Callable[[str], pd.DataFrame]) -> Runs:
    """The third round, from the tables of RECORDS: networks that are not tuned are among its runs and its paths."""
    scratch = table(SCRATCH)
    tuning, confirmatory, paths = ([table(of(part)) for part in PARTS] for of in (tuning_of, runs_of, paths_of))
    runs = [summary(rows, LATER) for rows in (*confirmatory, scratch) if len(rows)]
    return Runs(_together(tuning), _together(runs), _together([*paths, scratch]))


def _together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    there = [rows for rows in tables if len(rows)]
    return pd.concat(there, ignore_index=True) if there else NOTHING


def found(third: Runs) -> list[Finding]:
    """All rows of the table at all settings that are there, p adjusted within a schedule and an amount of noise."""
    groups = (adjusted([one for setting in group for one in _at(third, setting.name)]) for group in by_schedule_and_noise())
    return [one for group in groups for one in group]


def _at(third: Runs, setting: str) -> Iterator[Finding]:
    here = at(third, setting)
    if len(here.paths):
        yield e1(here.paths, setting)
    if setting in UNTUNED and len(here.runs):
        for claim, comparisons in untuned():
            yield compared(here.runs, claim, setting, comparisons)
    elif len(here.tuning) and len(here.runs):
        for claim, of in LATER_CLAIMS.items():
            yield compared(here.runs, claim, setting, of(here.tuning, setting))


def at(third: Runs, setting: str) -> Runs:
    """What there is of a setting."""
    return Runs(*(table[table["setting"] == setting] for table in (third.tuning, third.runs, third.paths)))


def untuned() -> Iterator[tuple[str, list[Comparison]]]:
    """What is compared where nothing is tuned: arms that drop, each by itself, less ``none`` and less the arm that never drops."""
    none, never_dropped, *dropped = (Choice(arm, SCRATCH_ETA) for arm in SCRATCH_ARMS)
    yield "E2", [Comparison(never_dropped, none, "early loss")]
    yield "E2 by accuracy", [Comparison(never_dropped, none, "early accuracy")]
    for claim, outcome in (("E3", "accuracy"), ("E4", "test loss")):
        for arm in dropped:
            yield claim, [Comparison(arm, end, outcome) for end in (none, never_dropped)]


def by_schedule_and_noise() -> list[list[Setting]]:
    """The settings in groups that share both: no mean is taken over groups, and p is adjusted in each."""
    groups: dict[tuple[str, float], list[Setting]] = {}
    for setting in PLANNED.values():
        groups.setdefault((setting.decay, setting.label_noise), []).append(setting)
    return list(groups.values())


def by_setting(claim: str, findings: Sequence[Finding]) -> list[Said]:
    """Of one claim, group by group, the plan's words for its settings, and in a line of its own those that are missing.

    A group of which all runs are those of another, since the step size had not fallen yet, is not said again.
    """
    own = [one for one in findings if one.claim.split()[0] == claim]
    there = {one.setting for one in own}
    run = [setting for name, setting in PLANNED.items() if name in there]
    of_round = f"third round: {shared(run or list(PLANNED.values()))}"
    lines, before = [], set[bytes]()
    for group in by_schedule_and_noise():
        for row in (row for row in MATTERS if row.split()[0] == claim):
            here = [one for one in own if one.claim == row and EVERY[one.setting] in group]
            runs = {one.differences.tobytes() for one in here}
            if not runs <= before:
                lines += said(of_round, f"{title(group)}{BY.get(row, '')}", here)
            before |= runs
    without = there | (UNTUNED if claim == "E5" else set())  # which have no arm for it
    return lines + not_run(of_round, [[one for one in group if one.name not in without] for group in by_schedule_and_noise()])
