"""Running experiments: in parallel processes, resumable, into records."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from tsla.empirics.experiments.registry import EXPERIMENTS, Config, Experiment
from tsla.empirics.runs import provenance, records
from tsla.empirics.runs.locks import held
from tsla.empirics.runs.parallel import workers
from tsla.empirics.runs.progress import Progress

Part = tuple[Config, Path]
"""A configuration, and where its table is kept."""


def make_records(names: Iterable[str], *, out: Path, build: Path) -> list[Path]:
    """Run the named experiments and write ``out/NAME.parquet`` for each. Returns the paths.

    Each configuration is run by itself into ``build``, where it is kept: what was done by the same code on the same machine is not
    done again, and a killed call goes on where it was. The same seeds give the same tables, whatever was killed, but that one part alone
    is made by this process with all its threads, where sums of a network round otherwise. What is made of other records is made
    anew. A record that may grow is written after each of its configurations, unless that would shorten it. Raises ValueError for an
    unknown name, and where another process makes one of them in ``build``.
    """
    wanted = [experiment_of(name) for name in names]
    with ExitStack() as folders:
        for name in {experiment.name for experiment in wanted}:
            folders.enter_context(held("build", build / name))
        return _made(wanted, out=out, build=build)


def _made(wanted: Sequence[Experiment], *, out: Path, build: Path) -> list[Path]:
    provenance.commit()  # asked for now: the checkout may have moved on when the runs are over
    parts = {experiment.name: _parts(experiment, build) for experiment in wanted}
    todo = [(e, config, path) for e in wanted for config, path in parts[e.name] if not _is_done(e, config, path)]
    jobs = min(len(todo), os.cpu_count() or 1) or 1
    with Progress("runs", total=len(todo)) as progress, workers(jobs=jobs) as pool:
        for name, what in pool.each(_run, [(e.name, config, path) for e, config, path in todo]):
            progress.advance(f"{name} {what}")
            if EXPERIMENTS[name].growing:
                _grow(EXPERIMENTS[name], parts[name], out=out)
    return [_merge(experiment, parts[experiment.name], out=out) for experiment in wanted]


def experiment_of(name: str) -> Experiment:
    """The experiment of a name. Raises ValueError where there is none."""
    if name not in EXPERIMENTS:
        raise ValueError(f"name = {name!r} is not an experiment; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def _parts(experiment: Experiment, build: Path) -> list[Part]:
    folder = build / experiment.name
    return [(config, folder / f"{records.config_hash(config)}.parquet") for config in experiment.configs]


def _is_done(experiment: Experiment, config: Config, path: Path) -> bool:
    return not experiment.derived and records.is_done(path, config, modules=experiment.modules)


def _run(name: str, config: Config, path: Path) -> tuple[str, str]:
    experiment = EXPERIMENTS[name]
    records.write(path, experiment.table(config), config, experiment.command, modules=experiment.modules)
    return name, " ".join(str(config[key]) for key in ("network", "problem", "method", "seed", "group") if key in config)


def _grow(experiment: Experiment, parts: Sequence[Part], *, out: Path) -> None:
    """Write the record of the parts that are done, where it has no fewer of them than the one that is there."""
    done, path = [part for part in parts if _is_done(experiment, *part)], out / f"{experiment.name}.parquet"
    if not path.exists() or len(done) >= len(records.read(path).rows):
        _merge(experiment, done, out=out)


def _merge(experiment: Experiment, parts: Sequence[Part], *, out: Path) -> Path:
    path = out / f"{experiment.name}.parquet"
    tables = [records.read(part).table for _, part in parts]
    config = {"experiment": experiment.name, "configs": [config for config, _ in parts]}
    whole, rows = pd.concat(tables, ignore_index=True), [len(table) for table in tables]
    records.write(path, whole, config, experiment.command, modules=experiment.modules, rows=rows)
    return path
