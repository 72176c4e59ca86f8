"""What ``tsla report`` runs itself, in less than a minute: one seed of each arm on digits, and the plan of each method.

The first is laid over the record of digits, the second beside its bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from tsla.empirics.experiments.recheck import recheck
from tsla.empirics.experiments.registry import DIGITS, EXPERIMENTS, Config
from tsla.empirics.runs import records
from tsla.empirics.runs.parallel import workers
from tsla.empirics.runs.progress import Progress
from tsla.empirics.simulation.planned import beside_bound, planned
from tsla.theory.methods import METHODS

SEED = 0
COMMAND = "tsla report"
PLAN = {"problem": "sine_valley", "eps": 0.5, "sigma2": 1.0, "delta": 0.002, "replicas": 20, "seed": 0}
"""At a δ that is small enough for every plan to get there: C19 asks for 2κδσ²/(1+δ) below ε²."""


def plan(config: Config) -> pd.DataFrame:
    """The row of a method: its plan on a problem, and what was measured beside the bound that it promises."""
    problem = {name: config[name] for name in ("problem", "method", "eps", "sigma2", "delta")}
    result, _ = beside_bound(planned(**problem), replicas=config["replicas"], seed=config["seed"])
    return pd.DataFrame([result])


Runs = Mapping[str, tuple[Callable[[Config], pd.DataFrame], tuple[Config, ...]]]
"""Of each record to be: what makes the table of a configuration, and the configurations."""
RUNS: Runs = {
    "digits": (EXPERIMENTS["digits"].run, tuple(config for config in DIGITS if config["seed"] == SEED)),
    "plans": (plan, tuple(PLAN | {"method": method} for method in METHODS)),
}


def run(out: Path, runs: Runs = RUNS) -> None:
    """Run them on all cores, whatever was run before, and write ``out/NAME.parquet`` for each."""
    tasks = [(name, i, function, config) for name, (function, configs) in runs.items() for i, config in enumerate(configs)]
    tables: dict[str, dict[int, pd.DataFrame]] = {name: {} for name in runs}
    with Progress("live", total=len(tasks)) as progress, workers() as pool:
        for name, i, table in pool.each(_run, tasks):
            tables[name][i] = table
            progress.advance(f"{name} {table['method'].iloc[0]}")
    for name, (_, configs) in runs.items():
        table = pd.concat([tables[name][i] for i in range(len(configs))], ignore_index=True)
        records.write(out / f"{name}.parquet", table, {"configs": list(configs)}, COMMAND)


def _run(name: str, i: int, function: Callable[[Config], pd.DataFrame], config: Config) -> tuple[str, int, pd.DataFrame]:
    return name, i, function(config)


def check(folder: Path, out: Path) -> bool:
    """Recheck every record in ``folder`` that an experiment makes, write ``out/recheck.parquet``, and say whether all are current."""
    names = [name for name in EXPERIMENTS if (folder / f"{name}.parquet").exists()]
    with Progress("records", total=len(names)) as progress:
        found = []
        for one in recheck(names, folder=folder):
            found.append(asdict(one) | {"current": one.current})
            progress.advance(str(one))
    found.sort(key=lambda row: names.index(row["record"]))  # whichever was done first
    records.write(out / "recheck.parquet", pd.DataFrame(found), {"names": names}, COMMAND)
    return all(row["current"] for row in found)
