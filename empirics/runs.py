"""Running experiments: in parallel processes, resumable, into records."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from tsla.empirics import records
from tsla.empirics.experiments import EXPERIMENTS, Config, Experiment
from tsla.empirics.parallel import workers
from tsla.empirics.progress import Progress

Part = tuple[Config, Path]
"""A configuration, and where its table is kept."""


def make_records(names: Iterable[str], *, out: Path, build: Path) -> list[Path]:
    """Run the named experiments and write ``out/NAME.parquet`` for each. Returns the paths.

    Each configuration is run by itself into ``build``, where it is kept: what was done by the same code on the same machine is not
    done again, and a killed call goes on where it was. The same seeds give the same tables, whatever was killed.
    Raises ValueError for an unknown name.
    """
    wanted = [_experiment(name) for name in names]
    parts = {experiment.name: _parts(experiment, build) for experiment in wanted}
    todo = [(e, config, path) for e in wanted for config, path in parts[e.name] if not records.is_done(path, config)]
    jobs = min(len(todo), os.cpu_count() or 1) or 1
    with Progress("runs", total=len(todo)) as progress, workers(jobs=jobs) as pool:
        for what in pool.each(_run, [(e.name, config, path) for e, config, path in todo]):
            progress.advance(what)
    return [_merge(experiment, parts[experiment.name], out=out) for experiment in wanted]


def _experiment(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        raise ValueError(f"name = {name!r} is not an experiment; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def _parts(experiment: Experiment, build: Path) -> list[Part]:
    folder = build / experiment.name
    return [(config, folder / f"{records.config_hash(config)}.parquet") for config in experiment.configs]


def _run(name: str, config: Config, path: Path) -> str:
    experiment = EXPERIMENTS[name]
    records.write(path, experiment.run(config), config, experiment.command)
    return f"{name} {' '.join(str(config[key]) for key in ('problem', 'method', 'seed', 'group') if key in config)}"


def _merge(experiment: Experiment, parts: Sequence[Part], *, out: Path) -> Path:
    path = out / f"{experiment.name}.parquet"
    table = pd.concat([records.read(part).table for _, part in parts], ignore_index=True)
    records.write(path, table, {"experiment": experiment.name, "configs": [config for config, _ in parts]}, experiment.command)
    return path
