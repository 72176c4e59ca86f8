"""The experiments whose records the figures and the checks read: their configurations, written down once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.experiments import batch_norm, bounds, certificates, digits, dropping, power_of_tests
from tsla.empirics.experiments.error_rates import experiment as error_rates
from tsla.empirics.experiments.interval_coverage import experiment as coverage
from tsla.empirics.experiments.known_architectures import experiment as known_architectures
from tsla.empirics.experiments.known_architectures.networks import CONFIGS as KNOWN_ARCHITECTURES
from tsla.empirics.experiments.planner import experiment as planner
from tsla.empirics.experiments.rates import annealed, grids, samples
from tsla.empirics.experiments.sign_prediction import experiment as branches
from tsla.empirics.experiments.sign_prediction.configs import configs as branches_of
from tsla.empirics.experiments.study import runs as study
from tsla.empirics.experiments.study import tempering, third
from tsla.empirics.experiments.study.settings import CONFIRMATORY, DECAY, DECAY_TUNING, DECAYED, PATHS, SETTINGS, TEMPERING, TUNING
from tsla.empirics.runs import records
from tsla.empirics.training.configuration import TrainingConfig
from tsla.theory.certificates import groups

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """A record to be: ``run`` makes the table of one of ``configs``; the record is all of them, one below the other."""

    name: str
    run: Callable[..., pd.DataFrame]
    stated: tuple[Config, ...] | Callable[[Path], tuple[Config, ...]]
    """The configurations, or what finds them in another record, in a folder of records."""
    in_report: bool = True
    """Whether ``tsla records`` runs it unasked; the certificates have a command of their own."""
    derived: bool = False
    """Whether it is made of other records: then ``run`` is told their folder, too."""
    kept: bool = True
    """Whether its record is committed: not what was only developed on."""
    growing: bool = False
    """Whether its record may lack configurations that nobody has run yet: then it is written anew whenever one more is there."""

    @property
    def configs(self) -> tuple[Config, ...]:
        """The configurations. Raises ValueError where they follow from a record that is not there."""
        return self.configs_in(records.FOLDER)

    def configs_in(self, folder: Path) -> tuple[Config, ...]:
        """The configurations, as the records in a folder have it. Raises what ``configs`` raises."""
        return self.stated if isinstance(self.stated, tuple) else self.stated(folder)

    def table(self, config: Config, folder: Path = records.FOLDER) -> pd.DataFrame:
        """The table of one configuration; a derived one is made of the records in ``folder``."""
        return self.run(config, folder) if self.derived else self.run(config)

    @property
    def modules(self) -> tuple[str, ...]:
        """Where the code is that makes the record."""
        return (self.run.__module__,)

    @property
    def command(self) -> str:
        """What makes the record again."""
        return f"tsla records {self.name}"


STEPS = [2**k for k in range(4, 15)]
NOISE = {"sigma2": 1.0}
HALF_BIASED = {"sigma2": 1.0, "beta2": 0.05, "nu2": 0.05}
BIASED = {"sigma2": 1.0, "beta2": 0.1}
RUN = {"replicas": 200, "T": STEPS}


def _rate(name: str, problem: str, method: str, eta: str, oracle: Config, seed: int, theta: float | None = None, **options: Any) -> Config:
    return {"name": name, "problem": problem, "problem_options": options, "method": method, "eta": eta, "theta": theta} | {
        "oracle": dict(oracle),
        "seed": seed,
        **RUN,
    }


# C4 and C5 on non-convex problems, and on the instances that attain them: a quadratic of curvature L at η = 1/L forgets all but the
# last direction in one step, so that ‖∇F‖² is σ² (SGD) or, under a constant bias and θ = 1, δσ² (LSR).
RATES = (
    _rate("PL, d = 10", "sine_valley", "sgd", "optimal", NOISE, 11, dimension=10),
    _rate("PL, rotated, d = 64", "rotated_sine_valley", "sgd", "optimal", NOISE, 12),
    _rate("not PL, plateaus", "geman_mcclure", "sgd", "optimal", NOISE, 13),
    _rate("not PL, saddles", "cosine", "sgd", "optimal", NOISE, 14),
    _rate("attained", "stall", "sgd", "1/L", NOISE, 15),
    _rate("PL, d = 10", "sine_valley", "lsr", "1/L", HALF_BIASED, 16, dimension=10),
    _rate("not PL, plateaus", "geman_mcclure", "lsr", "1/L", HALF_BIASED, 17),
    _rate("attained", "stall", "lsr", "1/L", BIASED | {"bias": "fixed"}, 18, theta=1.0),
)

STALL: Config = {
    "problem": "stall",
    "oracle": BIASED | {"noise": "rademacher"},
    "eps": 0.1,
    "horizon": 40_000,
    "methods": ["sgd", "lsr", "tsla", "sgd-pl"],
    "replicas": 400,
    "seed": 21,
}


def _regime(method: str, q: int, eps: list[float], seed: int) -> Config:
    shared = {"problem": "sine_valley", "oracle": NOISE, "scale": 0.2, "replicas": 100}
    return shared | {"method": method, "q": q, "eps": eps, "seed": seed}


EPS = [0.7, 0.5, 0.35, 0.25, 0.18]
REGIMES = (
    _regime("sgd", 1, EPS, 31),
    _regime("sgd-pl", 1, EPS, 31),
    _regime("sgd-pl-last", 1, EPS[:2], 31),
    _regime("sgd-two-step", 1, EPS, 31),
    *(_regime("tsla", q, EPS, 31) for q in (1, 2, 3, 4)),
    *(_regime("lsr", q, EPS, 31) for q in (2, 3, 4)),
)

SEEDS = range(10)
ARMS = ("sgd", "lsr", "tsla", "shrink", "shrink-tsla")
DIGITS = tuple(TrainingConfig(method, seed).flat() for seed in SEEDS for method in ARMS)

_BATCH_NORM = {"seed": 41, "train_size": 1000, "label_noise": 0.2, "widths": [16, 32, 64], "eta": 0.05, "training_batch_size": 32}
BATCH_NORM = tuple(_BATCH_NORM | {"epochs": epochs, "batch_size": B, "batches": 1024} for epochs in (0, 5) for B in (16, 64))

EXPERIMENTS = {
    made.name: made
    for made in (
        Experiment("digits", digits.run, DIGITS),
        Experiment("regimes", bounds.regimes, REGIMES),
        Experiment("rates", bounds.rates, RATES),
        Experiment("stall", bounds.stall, (STALL,)),
        Experiment("measured_rates", samples.measure, grids.CONFIGS, in_report=False),
        Experiment("annealed", annealed.compare, grids.COMPARED, in_report=False),
        Experiment("power_of_tests", power_of_tests.run, ({"replicas": 2000, "seed": 51},), in_report=False),
        Experiment("batch_norm", batch_norm.run, BATCH_NORM, in_report=False),
        Experiment("coverage", coverage.run, coverage.CONFIGS, in_report=False),
        Experiment("known_architectures", known_architectures.run, KNOWN_ARCHITECTURES, in_report=False, growing=True),
        Experiment("branches", branches.run, branches_of("confirmatory"), in_report=False),
        Experiment("branches_resnet8", branches.run, branches_of("resnet8"), in_report=False),
        Experiment("branches_development", branches.run, branches_of("development"), in_report=False, kept=False),
        Experiment(TUNING, study.tune, study.tuning_parts(SETTINGS), in_report=False),
        Experiment(CONFIRMATORY, study.confirm, study.confirmatory_parts, in_report=False),
        Experiment(PATHS, study.paths, study.path_parts, in_report=False),
        Experiment(TEMPERING, tempering.run, tempering.parts, in_report=False),
        Experiment(DECAY_TUNING, study.tune, study.tuning_parts(DECAYED), in_report=False),
        Experiment(DECAY, study.confirm, study.decay_parts, in_report=False),
        *(
            Experiment(name(part), run, partial(parts, part), in_report=False)
            for part in third.PARTS
            for name, run, parts in (
                (third.tuning_of, study.tune, lambda part, _: study.third_tuning_parts(part)),
                (third.runs_of, study.confirm, study.third_parts),
                (third.paths_of, study.paths, study.third_path_parts),
            )
        ),
        Experiment(third.SCRATCH, study.paths, study.scratch_parts(), in_report=False),
        Experiment("planner", planner.regrets, (planner.CONFIG,), in_report=False, derived=True),
        Experiment("dropping", dropping.run, dropping.CONFIGS, in_report=False),
        Experiment("error_rates", error_rates.run, error_rates.CONFIGS, in_report=False, derived=True),
        Experiment("certificates", certificates.run, tuple({"group": group} for group in groups()), in_report=False),
    )
}
