"""The runs of the study: tuning, then the confirmatory runs at the step sizes that tuning chose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.experiments.study import third
from tsla.empirics.experiments.study.arms import arms, config, measured_arms, searched
from tsla.empirics.experiments.study.comparisons import KEPT, LATER_CLAIMS, accuracies, primary
from tsla.empirics.experiments.study.outcomes import LATER, OUTCOMES, RUN, TUNED_FOR, Choice, Outcome, summary, tuned
from tsla.empirics.experiments.study.settings import (
    DECAY_TUNING,
    DECAYED,
    EPOCHS,
    FEWER_SEEDS,
    PATH_EPOCHS,
    SETTINGS,
    TUNING,
    Setting,
)
from tsla.empirics.experiments.study.third import EVERY
from tsla.empirics.runs import records
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.ensemble import train_together
from tsla.empirics.training.loop import train

Part = Mapping[str, Any]
"""What one process runs: ``setting``, ``runs`` (arm, eta), ``seeds``, and ``measure``, the fields that say what is measured."""

TOGETHER, OF_FEATURES, ONE_BY_ONE = 200, 60, 20
"""Runs of a part: of those that are trained at once, of heads among them, and of others."""


def tuning_parts(settings: Mapping[str, Setting]) -> tuple[Part, ...]:
    """Every arm at every step size of its setting."""
    return tuple(
        part
        for setting in settings.values()
        for part in _parts(setting, [(arm, eta) for eta in setting.etas for arm in arms(setting)], setting.tuning_seeds, {})
    )


def confirmatory_parts(folder: Path = records.FOLDER) -> tuple[Part, ...]:
    """What the primary comparisons need, on all seeds; on the first ones, of small networks every arm at the step sizes that were best
    for it on the tuning seeds, by any outcome, and at those of ``none``.
    """  # noqa: D205 - the summary needs two lines
    tuning, measure = records.of(folder, TUNING).table, {"measure_at": [EPOCHS]}
    parts: list[Part] = []
    for setting in SETTINGS.values():
        compared = _runs(primary(tuning, setting.name)) if setting.primary else []
        others = [run for run in _chosen(tuning, setting) if run not in compared] if setting.small else []
        parts += _parts(setting, compared, setting.seeds, measure)
        parts += _parts(setting, others, setting.seeds[:FEWER_SEEDS], measure)
    return tuple(parts)


def decay_parts(folder: Path = records.FOLDER) -> tuple[Part, ...]:
    """Where the step size decays, what is compared by accuracy, on all seeds."""
    tuning = records.of(folder, DECAY_TUNING).table
    compared = {name: [one for claim in KEPT for one in accuracies(tuning, name, claim)] for name in DECAYED}
    chosen = {name: _runs(choice for one in found for choice in (one.a, one.b)) for name, found in compared.items()}
    return tuple(part for name, setting in DECAYED.items() for part in _parts(setting, chosen[name], setting.seeds, {}))


def third_tuning_parts(of: str) -> tuple[Part, ...]:
    """Of a part of the third round: what each family is tuned on."""
    return tuple(part for setting in third.PARTS[of] for cells, seeds in searched(setting) for part in _parts(setting, cells, seeds, {}))


def third_parts(of: str, folder: Path = records.FOLDER) -> tuple[Part, ...]:
    """Of a part of the third round: what its comparisons need, and at the step size of ``none`` the arms that the predictions are about."""
    tuning = records.of(folder, third.tuning_of(of)).table
    parts: list[Part] = []
    for setting in third.PARTS[of]:
        eta = common_eta(tuning, setting)
        compared = [*primary(tuning, setting.name, LATER_CLAIMS), *(Choice(arm, eta) for arm in third.PREDICTED)]
        parts += _parts(setting, _runs(compared), setting.seeds, {})
    return tuple(parts)


def third_path_parts(of: str, folder: Path = records.FOLDER) -> tuple[Part, ...]:
    """Of a part of the third round: the paths along which moments are measured."""
    tuning = records.of(folder, third.tuning_of(of)).table
    measure = {"measure_at": list(third.PATH_EPOCHS), "curvature": True, "alignment": True}
    return tuple(
        part
        for setting in third.PARTS[of]
        for part in _parts(
            setting, [(arm, common_eta(tuning, setting)) for arm in third.MEASURED_ARMS], setting.seeds[:FEWER_SEEDS], measure
        )
    )


def scratch_parts() -> tuple[Part, ...]:
    """One run each, the arms of a seed one after the other."""
    measure = {"measure_at": list(third.PATH_EPOCHS), "measured_examples": third.SCRATCH_MEASURED, "alignment": True}
    return tuple(
        {"setting": setting.name, "runs": [[arm, third.SCRATCH_ETA]], "seeds": [seed], "measure": measure}
        for setting in third.SCRATCH_SETTINGS
        for seed in setting.seeds
        for arm in third.SCRATCH_ARMS
    )


def _runs(choices: Iterable[Choice]) -> list[tuple[str, float]]:
    return sorted({(choice.arm, choice.eta) for choice in choices})


def path_parts(folder: Path = records.FOLDER) -> tuple[Part, ...]:
    """The arms along whose paths moments are measured, at the step size that is best for the accuracy of ``none``."""
    tuning, measure = records.of(folder, TUNING).table, {"measure_at": list(PATH_EPOCHS), "curvature": True}
    runs = {name: [(arm, common_eta(tuning, setting)) for arm in measured_arms(setting)] for name, setting in SETTINGS.items()}
    return tuple(part for name, setting in SETTINGS.items() for part in _parts(setting, runs[name], setting.seeds[:FEWER_SEEDS], measure))


def common_eta(tuning: pd.DataFrame, setting: Setting) -> float:
    """The step size that is best for the accuracy of ``none``."""
    return tuned(tuning, setting.name, "none", "accuracy").eta


def _chosen(tuning: pd.DataFrame, setting: Setting) -> list[tuple[str, float]]:
    common = {tuned(tuning, setting.name, "none", outcome).eta for outcome in TUNED_FOR}
    return [
        (arm, eta)
        for arm in arms(setting)
        for eta in sorted({tuned(tuning, setting.name, arm, outcome).eta for outcome in TUNED_FOR} | common)
    ]


def _parts(setting: Setting, runs: Sequence[tuple[str, float]], seeds: Sequence[int], measure: Mapping[str, Any]) -> Iterator[Part]:
    size = max(1, (OF_FEATURES if setting.head else TOGETHER if setting.small else ONE_BY_ONE) // len(seeds))
    for start in range(0, len(runs), size):
        some = [list(run) for run in runs[start : start + size]]
        yield {"setting": setting.name, "runs": some, "seeds": list(seeds), "measure": dict(measure)}


def tune(part: Part) -> pd.DataFrame:
    """One row a run: its outcomes."""
    return summary(_rows(part), _outcomes(EVERY[part["setting"]]))


def confirm(part: Part) -> pd.DataFrame:
    """One row a run and epoch; of the secondary settings, the epochs that outcomes are made of."""
    rows, setting = _rows(part), EVERY[part["setting"]]
    if setting.primary and not setting.of_third_round:
        return _small(rows)
    return _small(rows[rows["epoch"].isin({epoch for outcome in _outcomes(setting).values() for epoch in outcome.epochs})])


def _outcomes(setting: Setting) -> Mapping[str, Outcome]:
    return LATER if setting.of_third_round else OUTCOMES


def paths(part: Part) -> pd.DataFrame:
    """One row a run and epoch, with moments at PATH_EPOCHS."""
    return _rows(part)


def _rows(part: Part) -> pd.DataFrame:
    """One row a run and epoch: ``eta`` is the arm's step size, ``rate`` the one that was taken (the controls' is smaller)."""
    setting = EVERY[part["setting"]]
    named = [
        (arm, TrainingConfig(**config(setting, arm, eta, seed, **part["measure"]))) for arm, eta in part["runs"] for seed in part["seeds"]
    ]
    rows = [
        {"setting": setting.name, "arm": arm, **row, "rate": row["eta"], "eta": of.eta}
        for (arm, of), run in zip(named, _trained(setting, [of for _, of in named]), strict=True)
        for row in run
    ]
    return pd.DataFrame(rows).drop(columns="method")


def _trained(setting: Setting, configs: Sequence[TrainingConfig]) -> Iterable[Sequence[Mapping[str, Any]]]:
    """The rows of each run: small networks are trained together, others one by one."""
    if setting.small:
        return zip(*train_together(configs), strict=True)
    return (list(train(of)) for of in configs)


def _small(rows: pd.DataFrame) -> pd.DataFrame:
    """What is compared, in float32: a committed record must be small."""
    numbers = ["train_loss", "test_loss", "test_accuracy", "test_ece", "grad2"]
    return rows[[*RUN, "epoch", *numbers]].astype(dict.fromkeys(numbers, "float32"))
