"""The planner's rules judged by the study: regret of the drop epoch that a rule names from the moments of plain training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan.pilot import Pilot
from tsla.empirics.experiments.planner.regret import by_setting
from tsla.empirics.experiments.planner.rules import choices
from tsla.empirics.experiments.study.arms import arms
from tsla.empirics.experiments.study.outcomes import tuned, values
from tsla.empirics.experiments.study.settings import BATCH_SIZE, EPOCHS, FEWER_SEEDS, SETTINGS, WHOLE
from tsla.empirics.experiments.study.verdicts import Study, load
from tsla.empirics.runs import records

THETA = 0.3
"""The strength that is planned with: the larger one of the study, where the drop matters more."""
BUILDING = tuple(name for name in WHOLE if SETTINGS[name].data == "digits")
"""The settings that rules are chosen on. The others judge."""
COLUMNS = {"train_loss": "loss", "test_loss": "test loss", "test_accuracy": "accuracy"}
"""Of the sweep -> the outcome of the study. ‖∇F‖² is taken at the step sizes that are tuned for F, and was not measured while tuning."""

CONFIG: Mapping[str, Any] = {"theta": THETA, "building": list(BUILDING)}


def regrets(config: Mapping[str, Any], folder: Path = records.FOLDER) -> pd.DataFrame:
    """The table of :func:`tsla.empirics.experiments.planner.regret.by_setting` from the study's records in ``folder``."""
    study = load(folder)
    planned = choices(pilots(study, config["theta"]))
    runs = study.runs[study.runs["seed"].isin(planned["seed"])]
    by_tuning = by_setting(sweep(study, runs, config["theta"]), planned, sweep(study, study.tuning, config["theta"]))
    gradient = by_setting(sweep(study, runs, config["theta"], {"grad2": "gradient"}), planned)
    return pd.concat([by_tuning, gradient], ignore_index=True)


def pilots(study: Study, theta: float) -> dict[tuple[str, int], Pilot]:
    """The path of ``none`` in each setting and seed, for a plan of smoothing with ``theta``."""
    plain = study.paths[study.paths["arm"] == "none"].assign(method="sgd")
    return {
        (setting, seed): Pilot(rows, theta=theta, batch_size=BATCH_SIZE, epochs=EPOCHS, eta_L=float(rows["eta_L"].mean()))
        for setting in WHOLE
        for seed in SETTINGS[setting].seeds[:FEWER_SEEDS]
        for rows in [plain[(plain["setting"] == setting) & (plain["seed"] == seed)]]
    }


def sweep(study: Study, runs: pd.DataFrame, theta: float, columns: Mapping[str, str] = COLUMNS) -> pd.DataFrame:
    """A row a setting, arm and seed: ``setting, method, theta, drop, seed`` and the outcomes, each at the step size tuned for it."""
    parts = [
        _of_arm(study, runs, setting, arm, columns).assign(setting=setting, theta=theta, **{"method": of["method"], "drop": _drop(of)})
        for setting in WHOLE
        for arm, of in arms(SETTINGS[setting]).items()
        if of["method"] == "sgd" or (of["method"] in ("lsr", "tsla") and of["theta"] == theta and "smoothing" not in of)
    ]
    return pd.concat(parts, ignore_index=True)


def _of_arm(study: Study, runs: pd.DataFrame, setting: str, arm: str, columns: Mapping[str, str]) -> pd.DataFrame:
    found = {}
    for column, outcome in columns.items():
        choice = tuned(study.tuning, setting, arm, "loss" if outcome == "gradient" else outcome)
        of_seed = values(runs, setting, choice, outcome)
        found[column] = of_seed if outcome == "accuracy" else np.exp(of_seed)
    return pd.DataFrame(found).reset_index()


def _drop(arm: Mapping[str, Any]) -> int:
    return 0 if arm["method"] == "sgd" else int(arm.get("drop", EPOCHS))
