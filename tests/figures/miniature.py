"""Records with the columns of the real ones, made in next to no time: fewer seeds, replicas, steps and targets."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from itertools import product
from pathlib import Path
from shutil import copy

import numpy as np
import pandas as pd

from tests.empirics.experiments.study.made_up import write_third_round
from tsla.empirics.experiments import bounds as synthetic
from tsla.empirics.experiments import live
from tsla.empirics.experiments.rates import grids as rate_configs
from tsla.empirics.experiments.rates import samples as rates
from tsla.empirics.experiments.registry import ARMS, EXPERIMENTS, Config
from tsla.empirics.experiments.study.outcomes import summary
from tsla.empirics.experiments.study.settings import EARLY, EPOCHS, SETTINGS
from tsla.empirics.experiments.study.third_verdicts import RECORDS as THIRD_ROUND
from tsla.empirics.runs import records
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import train
from tsla.theory.certificates import Certificate

COMMITTED = Path(__file__).parents[2] / "records"
RECORDS = (
    "certificates",
    "digits",
    "measured_rates",
    "rates",
    "regimes",
    "stall",
    "study",
    "study_tempering",
    "study_tuning",
)  # what the gallery reads

TINY = {"epochs": 2, "drop": 1, "train_size": 40, "model": "mlp", "measure_at": (0, 2)}
STALL = EXPERIMENTS["stall"].configs[0] | {"eps": 0.5, "horizon": 64, "replicas": 3}
SHRUNK: dict[str, Config] = {
    "regimes": {"eps": [0.7], "replicas": 3},
    "rates": {"T": [16, 256, 512, 1024], "replicas": 3},
    "stall": STALL,
}
RATES = tuple(
    {**config, "eps": config["eps"][:3], "replicas": 3, "compiled": False}
    for config in rate_configs.CONFIGS
    if config["problem"] == "stall" and config["method"] in ("sgd", "tsla", "lsr", "sgd-pl")
)
CERTIFICATES = (
    Certificate(claim="C3", kind="algebra", name="a step", statement="a <= b", guarantee="inequality", holds=True),
    Certificate(claim="C4", kind="worst case", name="T = 2", statement="a <= b", guarantee="upper", holds=True, value=0.5, bound=1.0),
    Certificate(claim="C15", kind="worst case", name="T = 2", statement="a = b", guarantee="tight", holds=True, value=2.0, bound=2.0),
)


TEMPERED = ("none", "lsr-0.3", "tsla-0.3-4")


@cache
def miniature(name: str) -> tuple[pd.DataFrame, tuple[Config, ...]]:
    """The table of a record and its configurations."""
    if name == "certificates":
        return pd.DataFrame(map(asdict, CERTIFICATES)), ({"group": "made up"},)
    if name == "digits":
        digits = tuple(TrainingConfig(method, seed, **TINY) for seed in range(2) for method in ARMS)
        return pd.DataFrame([row for config in digits for row in train(config)]), tuple(map(asdict, digits))
    if name == "measured_rates":
        return pd.concat([rates.measure(config) for config in RATES], ignore_index=True), RATES
    if name in ("study", "study_tuning"):
        rows = study_rows((0, 1) if name == "study" else (100, 101))
        return (rows if name == "study" else summary(rows)), ({"made": "up"},)
    if name == "study_tempering":
        rows = study_rows((0, 1))
        tempered = rows[rows["arm"].isin(TEMPERED) & rows["setting"].str.endswith(" 0 % noise")].drop(columns=["test_ece", "grad2"])
        return tempered.assign(tempered=tempered["test_loss"] * tempered["train_loss"], temperature=1.0), ({"made": "up"},)
    configs = tuple(config | SHRUNK[name] for config in EXPERIMENTS[name].configs if config.get("method") != "sgd-pl-last")
    return pd.concat([getattr(synthetic, name)(config) for config in configs], ignore_index=True), configs


def study_rows(seeds: tuple[int, ...]) -> pd.DataFrame:
    """A row a run and epoch, made up: one step size, and the arms of one drop."""
    random = np.random.default_rng(0)
    arms = ("none", "lsr-0.1", "lsr-0.3", "tsla-0.1-4", "tsla-0.3-4", "own-hard-0.3", "own-hard-tsla-0.3-4")
    runs = product(SETTINGS, arms, (0.1,), seeds, (*EARLY, EPOCHS))
    rows = pd.DataFrame(runs, columns=["setting", "arm", "eta", "seed", "epoch"])
    made_up = {name: random.uniform(0.5, 1, len(rows)) for name in ("train_loss", "test_loss", "test_accuracy", "test_ece", "grad2")}
    return rows.assign(**made_up)


def write_miniature_records(folder: Path) -> Path:
    """All of them, as files in ``folder``."""
    for name in RECORDS:
        table, configs = miniature(name)
        records.write(folder / f"{name}.parquet", table, {"experiment": name, "configs": list(configs)}, f"tsla records {name}")
    write_third_round(folder)
    for path in COMMITTED.glob("*.parquet"):  # the others are there as they are
        if path.stem not in (*RECORDS, *THIRD_ROUND):
            copy(path, folder)
    return folder


PLANS = tuple({**live.PLAN, "problem": "stall", "replicas": 3, "method": method} for method in ("sgd", "tsla"))
RECHECKED = pd.DataFrame(
    [("digits", "sgd, seed 0", 9.0, 0.0, 0.0, "", True), ("rates", "PL, d = 10", 0.25, 0.5, 1e-9, "mean_grad2 < before", False)],
    columns=["record", "part", "seconds", "difference", "tolerance", "reason", "current"],
)


def write_miniature_live(folder: Path) -> Path:
    """What the report runs itself, as files in ``folder``."""
    digits, configs = miniature("digits")
    ours = [config for config in configs if config["seed"] == 0]
    records.write(folder / "digits.parquet", digits[digits["seed"] == 0], {"configs": ours}, live.COMMAND)
    return write_miniature_runs(folder)


def write_miniature_runs(folder: Path) -> Path:
    """All of it but the training runs."""
    fresh = {
        "plans": (pd.concat([live.plan(config) for config in PLANS], ignore_index=True), list(PLANS)),
        "recheck": (RECHECKED, []),
    }
    for name, (table, of) in fresh.items():
        records.write(folder / f"{name}.parquet", table, {"configs": of}, live.COMMAND)
    return folder
