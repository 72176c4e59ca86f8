"""Records of the third round that are made up: the configurations of the real ones, with few seeds and random numbers in place of runs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.experiments.study import runs
from tsla.empirics.experiments.study.outcomes import LATER, RUN
from tsla.empirics.experiments.study.settings import EPOCHS
from tsla.empirics.experiments.study.third import PARTS, PATH_EPOCHS, SCRATCH, paths_of, runs_of, tuning_of
from tsla.empirics.runs import records

SEEDS = 4
"""So many of the confirmatory ones."""


def write_third_round(folder: Path) -> None:
    """All of them, as files in ``folder``."""
    rng = np.random.default_rng(0)

    def write(name: str, table: pd.DataFrame) -> None:
        records.write(folder / f"{name}.parquet", table, {"made": "up"}, f"tsla records {name}")

    at_end = sorted({epoch for outcome in LATER.values() for epoch in outcome.epochs})
    for part in PARTS:
        tuning = _runs(runs.third_tuning_parts(part), all_seeds=True)
        write(tuning_of(part), tuning.assign(**{outcome: rng.uniform(0.5, 0.6, len(tuning)) for outcome in LATER}))
        write(runs_of(part), _epochs(_runs(runs.third_parts(part, folder)), at_end, rng))
        write(paths_of(part), _measured(_epochs(_runs(runs.third_path_parts(part, folder)), range(EPOCHS + 1), rng), rng, curvature=True))
    write(SCRATCH, _measured(_epochs(_runs(runs.scratch_parts()), range(EPOCHS + 1), rng), rng, curvature=False))


def _runs(parts: Iterable[runs.Part], *, all_seeds: bool = False) -> pd.DataFrame:
    kept = None if all_seeds else SEEDS
    named = [(part["setting"], *run, seed) for part in parts for run, seed in product(part["runs"], part["seeds"][:kept])]
    return pd.DataFrame(named, columns=RUN)


def _epochs(named: pd.DataFrame, epochs: Iterable[int], rng: np.random.Generator) -> pd.DataFrame:
    rows = named.merge(pd.DataFrame({"epoch": list(epochs)}), how="cross")
    outcomes = ("train_loss", "test_loss", "test_accuracy", "test_ece")
    return rows.assign(**{name: rng.uniform(0.5, 0.6, len(rows)) for name in outcomes})


def _measured(rows: pd.DataFrame, rng: np.random.Generator, *, curvature: bool) -> pd.DataFrame:
    """With moments of gradients that there can be, at the epochs of a path."""
    at = rows["epoch"].isin(PATH_EPOCHS)
    beta2, nu2 = rng.uniform(0.1, 0.2, (2, len(rows)))
    moments = {"grad2": 0.1, "s2": 1.0, "shat2": beta2 + nu2, "c": 0.1 * nu2, "beta2": beta2, "nu2": nu2, "alignment": -0.05}
    moments |= {"eta_L": rng.uniform(0.1, 1, len(rows))} if curvature else {}
    rate = rows["eta"] * np.where((rows["epoch"] >= 10) & rows["setting"].str.endswith("step decay"), 0.1, 1)
    return rows.assign(rate=rate, **{name: np.where(at, values, np.nan) for name, values in moments.items()})
