"""Running experiments: in parallel processes, resumable, into records."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import joblib
import pandas as pd

from empirics import records
from empirics.experiments import EXPERIMENTS, Config, Experiment
from empirics.progress import Progress


def make_records(names: Iterable[str], *, out: Path, build: Path) -> list[Path]:
    """Run the named experiments and write ``out/NAME.parquet`` for each. Returns the paths.

    Each configuration is run by itself into ``build``, where it is kept: what was done by the same code on the same machine is not
    done again, and a killed call goes on where it was. The same seeds give the same tables, whatever was killed.
    Raises ValueError for an unknown name.
    """
    wanted = [_experiment(name) for name in names]
    todo = [(e, config, path) for e in wanted for config, path in _parts(e, build) if not records.is_done(path, config)]
    tasks = (joblib.delayed(_run)(e.name, config, path) for e, config, path in todo)
    with (
        Progress("runs", total=len(todo)) as progress,
        joblib.parallel_config(backend="loky", inner_max_num_threads=1),
        joblib.Parallel(n_jobs=min(len(todo), os.cpu_count() or 1) or 1, return_as="generator_unordered", batch_size=1) as parallel,
    ):
        for what in parallel(tasks):
            progress.advance(what)
    return [_merge(experiment, out=out, build=build) for experiment in wanted]


def _experiment(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        raise ValueError(f"name = {name!r} is not an experiment; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def _parts(experiment: Experiment, build: Path) -> list[tuple[Config, Path]]:
    folder = build / experiment.name
    return [(config, folder / f"{records.config_hash(config)}.parquet") for config in experiment.configs]


def _run(name: str, config: Config, path: Path) -> str:
    experiment = EXPERIMENTS[name]
    records.write(path, experiment.run(config), config, experiment.command)
    return f"{name} {' '.join(str(config[key]) for key in ('problem', 'method', 'seed', 'group') if key in config)}"


def _merge(experiment: Experiment, *, out: Path, build: Path) -> Path:
    path = out / f"{experiment.name}.parquet"
    table = pd.concat([records.read(part).table for _, part in _parts(experiment, build)], ignore_index=True)
    records.write(path, table, {"experiment": experiment.name, "configs": list(experiment.configs)}, experiment.command)
    return path
