"""Records checked: that nothing in them was changed, that they are of today's configurations, and that a part comes out the same again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from tsla.empirics.experiments.again import AGAIN, Again
from tsla.empirics.experiments.registry import EXPERIMENTS, Config, Experiment
from tsla.empirics.experiments.runner import experiment_of
from tsla.empirics.runs import provenance, records
from tsla.empirics.runs.files import must_be_there
from tsla.empirics.runs.parallel import workers
from tsla.empirics.runs.records import Record
from tsla.empirics.statistics.differences import relative_differences
from tsla.empirics.training.devices import threads
from tsla.theory.constants import Array

LONG = ("branches_resnet8", "coverage", "planner")
"""What takes longest is begun first."""
NOTHING_CHEAP = "nothing of it is cheap"
OTHER_KERNELS = "the kernels are not those that made it, with which alone its runs take the same path"


@dataclass(frozen=True)
class Rechecked:
    """A record and how near it came.

    part:        what was run again; empty where nothing was
    seconds:     how long that took
    difference:  the largest one between two numbers, relative to the larger one; infinite where anything else differs
    tolerance:   how large it may be
    reason:      why the tolerance is no smaller, or why nothing was run
    """

    record: str
    part: str
    seconds: float
    difference: float
    tolerance: float
    reason: str

    @property
    def current(self) -> bool:
        """Whether the record is what today's code says."""
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        if not self.part:
            return f"{self.record}: {'unchanged' if self.current else 'differs'}; nothing was run again: {self.reason}"
        verdict = "current" if self.current else "differs"
        ran = f"{self.part} in {self.seconds:.1f} s, largest relative difference {self.difference:.1e}"
        return f"{self.record}: {verdict}; ran again {ran}, at most {self.tolerance:.0e} ({self.reason})"


def recheck(names: Iterable[str] = (), *, folder: Path = records.FOLDER, jobs: int | None = None) -> Iterator[Rechecked]:
    """Check the records of these names in ``folder``, by default all that are there, side by side; each as soon as it is done.

    jobs: how many at once (default: one for each core). Each is run on one thread, as the records were
    Raises ValueError, before anything is run, for an unknown name and for a record that is not there.
    """
    folder = folder.absolute()  # a worker may have been started in another folder
    there = [name for name in EXPERIMENTS if (folder / f"{name}.parquet").is_file()]
    names = list(names)
    wanted = [experiment_of(name) for name in names or there]
    if not wanted:
        raise ValueError(f"folder = {folder} has no records; `tsla records` makes them")
    strays = [] if names else sorted(path.stem for path in folder.glob("*.parquet") if path.stem not in EXPERIMENTS)
    for experiment in wanted:
        must_be_there("record", folder / f"{experiment.name}.parquet", f"what `{experiment.command}` writes")
    return chain((_not_run(name, "no experiment makes it") for name in strays), _all(wanted, folder, jobs))


def _all(wanted: Sequence[Experiment], folder: Path, jobs: int | None) -> Iterator[Rechecked]:
    ordered = sorted(wanted, key=lambda experiment: experiment.name not in LONG)
    with workers(jobs=jobs) as pool:
        yield from pool.each(_one, [(experiment, folder) for experiment in ordered])


def _one(experiment: Experiment, folder: Path) -> Rechecked:
    path = folder / f"{experiment.name}.parquet"
    try:
        record = records.read(path)
    except ValueError as error:
        return _not_run(experiment.name, str(error).removeprefix(f"record = {path} is "))  # the answer has its name in front
    if wrong := _outdated(experiment, record, folder):
        return _not_run(experiment.name, wrong)
    known = AGAIN.get(experiment.name, ())
    again = next((one for one in known if not one.same_kernels or _same_kernels(record)), None)
    if again is None:
        return _not_run(experiment.name, OTHER_KERNELS if known else NOTHING_CHEAP, current=True)
    if again.needs and not Path(again.needs).is_dir():
        return _not_run(experiment.name, f"{again.needs} is not here", current=True)
    return _run(experiment, record, again, folder)


def _not_run(record: str, reason: str, *, current: bool = False) -> Rechecked:
    return Rechecked(record, "", 0.0, 0.0 if current else inf, 0.0, reason)


def _outdated(experiment: Experiment, record: Record, folder: Path) -> str:
    """How the record is not one that the experiment would write today; empty where it is."""
    if not record.rows:
        return "it carries no digests: an older version wrote it"
    kept, stated = record.config.get("configs", []), _plain(experiment.configs_in(folder))
    if wrong := _stale(kept, [config for config in stated if config in kept] if experiment.growing else stated):
        return wrong
    if record.command != experiment.command:
        return f"its command is {record.command!r}, and that of the experiment is {experiment.command!r}"
    return ""


def _stale(kept: Sequence[Config], stated: Sequence[Config]) -> str:
    """How the configurations differ; empty where they are the same."""
    if kept == stated:
        return ""
    missing, other = ([config for config in these if config not in those] for these, those in ((stated, kept), (kept, stated)))
    return f"its configurations are not today's: {len(missing)} are missing, {len(other)} are others, of {len(stated)}"


def _same_kernels(record: Record) -> bool:
    """Whether torch computes here as it did for the record: on such a processor, by such instructions, in the same version."""
    here = provenance.environment()
    processors = {about["machine"].rsplit(", ", 2)[0] for about in (here, record.environment)}  # without cores and cards
    return record.kernels == provenance.kernels() and record.environment["torch"] == here["torch"] and len(processors) == 1


def _run(experiment: Experiment, record: Record, again: Again, folder: Path) -> Rechecked:
    configs = record.config["configs"]
    number = next(i for i, config in enumerate(configs) if again.of.items() <= config.items())
    started = time.monotonic()
    shortened = {name: configs[number][name][:count] for name, count in again.first.items()}
    found = _table(experiment, {**configs[number], **shortened, **again.changes}, folder)
    seconds = time.monotonic() - started
    start, rows = sum(record.rows[:number]), record.rows[number]
    found, kept = (_marked(table, again) for table in (found, record.table.iloc[start : start + rows]))
    part = f"{len(found):,} of the {rows:,} rows of part {number + 1} of {len(configs)}"
    apart = difference(_beside(kept, found, again.keys), found, again.of_one_scale)
    return Rechecked(experiment.name, part, seconds, apart, again.tolerance, again.reason)


def _table(experiment: Experiment, config: Config, folder: Path) -> pd.DataFrame:
    """The table as a record would hold it, computed on one thread."""
    try:
        with threads(1):
            table = experiment.table(config, folder)
    except ModuleNotFoundError as error:
        raise ValueError(f"record = {experiment.name}: to run a part of it again, {error.name} must be installed") from error
    found: pd.DataFrame = pa.Table.from_pandas(table, preserve_index=False).to_pandas()
    return found


def _marked(table: pd.DataFrame, again: Again) -> pd.DataFrame:
    for column, values in again.where.items():
        table = table[table[column].isin(values)]
    return table.reset_index(drop=True)


def _beside(kept: pd.DataFrame, found: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The rows of ``kept`` that are beside those of ``found``."""
    return found[list(keys)].merge(kept, on=list(keys), how="left")[kept.columns] if keys else kept


def difference(kept: pd.DataFrame, found: pd.DataFrame, of_one_scale: Sequence[str] = ()) -> float:
    """The largest difference between two numbers of tables, relative to the larger one; infinite where they differ in anything else.

    Those of the columns ``of_one_scale`` are taken relative to the largest of them in the row.
    """
    if len(kept) != len(found) or len(found) == 0 or set(kept.columns) != set(found.columns):
        return inf
    columns = list(of_one_scale)
    scale = np.abs(np.nan_to_num(kept[columns].to_numpy(np.float64))).max(axis=1, initial=0.0)
    return max(_of_column(kept[name], found[name], scale * (name in columns)) for name in kept.columns)


def _of_column(kept: pd.Series, found: pd.Series, scale: Array) -> float:
    if not all(is_numeric_dtype(column) and not is_bool_dtype(column) for column in (kept, found)):
        return 0.0 if kept.fillna("").tolist() == found.fillna("").tolist() else inf
    a, b = (column.to_numpy(np.float64) for column in (kept, found))
    return float(relative_differences(a, b, scale).max(initial=0.0))


def _plain(configs: Sequence[Config]) -> list[Any]:
    """As a file has them: tuples are lists there."""
    found: list[Any] = json.loads(json.dumps(configs))
    return found
