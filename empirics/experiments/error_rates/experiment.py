"""What ``tsla records error_rates`` runs: trials in blocks, each with the right unit and with the wrong one on the same draws."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.experiments.error_rates import examples, grid, replicas, seeds, sweeps
from tsla.empirics.experiments.error_rates.trial import Simulation, Trial
from tsla.empirics.runs import records

SIMULATIONS: Mapping[str, Simulation] = {
    "study": seeds.study,
    "third round": seeds.third_round,
    "predictions": seeds.predicted,
    "planned seeds": seeds.planned,
    "regret": sweeps.regret,
    "drops": sweeps.drops,
    "runs": replicas.runs,
    "bets": replicas.bets,
    "rates": replicas.rates,
    "branches": replicas.branches,
    "hit rates": grid.hit_rates,
    "following": examples.following,
    "monitored": examples.monitored,
    "percentages": examples.percentages,
}
BLOCK = 25
BLOCKS = {
    **{"study": 96, "third round": 64, "predictions": 64, "planned seeds": 96, "regret": 16, "drops": 96, "runs": 80, "bets": 160},
    **{"rates": 16, "branches": 160, "hit rates": 16, "following": 24, "monitored": 24, "percentages": 80},
}
"""How many blocks of BLOCK trials a simulation makes: as many as a few minutes of a processor allow."""
CONFIGS = tuple({"simulation": name, "blocks": blocks, "trials": BLOCK, "seed": 61} for name, blocks in BLOCKS.items())


def run(config: Mapping[str, Any], folder: Path = records.FOLDER) -> pd.DataFrame:
    """One row for each block, unit and measure of a simulation: how many of ``trials`` had the event, such as that an interval covered.

    ``unit`` is "right" or "wrong". A measure that not every trial has, such as a word that is only said where one can be, has fewer
    trials.
    """
    trial = SIMULATIONS[config["simulation"]](folder)
    blocks = (
        _block(trial, config, block, wrong).assign(simulation=config["simulation"], block=block, unit="wrong" if wrong else "right")
        for block in range(config["blocks"])
        for wrong in (False, True)
    )
    return pd.concat(blocks, ignore_index=True)


def _block(trial: Trial, config: Mapping[str, Any], block: int, wrong: bool) -> pd.DataFrame:
    rng = np.random.default_rng([config["seed"], block])
    events = pd.DataFrame([trial(rng, wrong) for _ in range(config["trials"])])
    counts = events.count()
    return pd.DataFrame({"measure": counts.index, "trials": counts.to_numpy(), "events": events.sum().astype(int).to_numpy()})
