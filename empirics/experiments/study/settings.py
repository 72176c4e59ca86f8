"""The settings of the study: data, label noise, network and optimiser, with the grid of step sizes and the seeds of either phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TUNING, CONFIRMATORY, PATHS, TEMPERING = "study_tuning", "study", "study_paths", "study_tempering"
"""The records: a row a run; a row a run and epoch; the same with moments; the same with the best temperature, on clean data."""
DECAY_TUNING, DECAY = "study_decay_tuning", "study_decay"
"""The first two again, of DECAYED."""

EPOCHS, BATCH_SIZE = 20, 16
EARLY = (1, 2, 3)
"""The epochs that E1 and E2 call early."""
PATH_EPOCHS = (0, 1, 2, 3, 5, 8, 12, 16, 20)
"""Before which the moments are measured along a path."""

TUNING_SEEDS = tuple(range(100, 105))
ETAS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
DATA: dict[str, dict[str, Any]] = {
    "digits": {"data": "digits", "train_size": 1000},
    "fashion": {"data": "fashion-mnist", "train_size": 1000, "test_size": 2000, "pool": 2},
    "mnist": {"data": "mnist", "train_size": 1000, "test_size": 2000, "pool": 2},
    "cifar-100": {"data": "folder", "folder": "data/cifar100"},
}
SMALL_DATA = ("digits", "fashion", "mnist")
HEADS: dict[str, dict[str, Any]] = {
    "linear": {"pretrained": True, "trained": "head"},
    "hidden": {"pretrained": True, "trained": "head", "hidden": 128},
}
"""What is trained of a network that comes with weights."""
JUDGING_ONLY = "mnist"
"""Came late, to judge the planner: no primary comparison is made on it."""
FEWER_SEEDS = 10
"""So many of the confirmatory seeds for what is no primary comparison, and for moments along a path."""


@dataclass(frozen=True)
class Search:
    """How each family of arms spends the same number of tuning ``runs``: on so many ``cells`` (arm, step size), all on as many seeds."""

    runs: int
    cells: int


@dataclass(frozen=True)
class Setting:
    """One setting. ``etas`` is the grid that each arm's step size is chosen from; ``tuning_seeds`` choose, ``seeds`` confirm.

    ``decay`` says how the step size goes on from there: it is the ``step_sizes`` of a :class:`~tsla.TrainingConfig`. ``last`` epochs are
    what an outcome at the end is the mean of. With a ``search`` its arms are those of the third round, and the tuning seeds begin with
    the first of ``tuning_seeds``; else every arm is tuned on the whole grid.

    Seeds 0-9 were those of the first confirmatory runs, from which the number of these was calculated.
    """

    data: str
    label_noise: float
    model: str = "mlp"
    momentum: float = 0.0
    primary: bool = False
    etas: tuple[float, ...] = ETAS
    tuning_seeds: tuple[int, ...] = TUNING_SEEDS
    seeds: tuple[int, ...] = tuple(range(10, 70))
    decay: str = "constant"
    weight_decay: float = 0.0
    batch_size: int = BATCH_SIZE
    train_size: int | None = None
    last: int = 1
    search: Search | None = None
    norm: str = "group"
    head: str = ""

    @property
    def name(self) -> str:
        """Such as "mlp, digits, 20 % noise, momentum"."""
        added = (
            "momentum" if self.momentum else "",
            "weight decay" if self.weight_decay else "",
            f"{self.decay} decay" if self.decay != "constant" else "",
        )
        network = (self.model, f"{self.head} head" if self.head else "", "BatchNorm" if self.norm == "batch" else "")
        parts = (*network, self.data, f"{self.label_noise:.0%} noise".replace("%", " %"), *added)
        return ", ".join(part for part in parts if part)

    @property
    def of_third_round(self) -> bool:
        """Whether its arms and outcomes are those of the third round, which took means over the last epochs."""
        return self.last > 1

    @property
    def small(self) -> bool:
        """Whether its runs are trained together, which a larger network gains nothing from; so that all arms can be afforded."""
        return self.model == "mlp" or bool(self.head)

    @property
    def fixed(self) -> dict[str, Any]:
        """The fields of a :class:`~tsla.TrainingConfig` that all arms share."""
        shared = {
            "model": self.model,
            **({"norm": self.norm} if self.norm != "group" else {}),
            **HEADS.get(self.head, {}),
            "label_noise": self.label_noise,
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            **({} if self.train_size is None else {"train_size": self.train_size}),
            "step_sizes": self.decay,
        }
        return DATA[self.data] | shared | {"epochs": EPOCHS, "batch_size": self.batch_size}


MLP = (Setting(data, noise, primary=noise > 0 and data != JUDGING_ONLY) for data in SMALL_DATA for noise in (0.0, 0.2, 0.4))
MOMENTUM = (  # with which a step goes ten times as far
    Setting(data, 0.2, momentum=0.9, etas=tuple(eta / 10 for eta in ETAS)) for data in SMALL_DATA if data != JUDGING_ONLY
)
RESNET = (Setting("digits", 0.2, "resnet8", primary=True, etas=ETAS[2:5], tuning_seeds=TUNING_SEEDS[:3], seeds=tuple(range(10, 30))),)
SETTINGS = {setting.name: setting for setting in (*MLP, *MOMENTUM, *RESNET)}
DECAYED = {
    setting.name: setting
    for setting in (Setting(data, noise, decay="step") for data, noise in (("digits", 0.2), ("digits", 0.4), ("fashion", 0.2)))
}
"""Exploratory, later than the others: where E3 and E5 had come out refuted with a constant step size, with one that decays."""
PRIMARY = tuple(name for name, setting in SETTINGS.items() if setting.primary)
CLEAN = tuple(name for name, setting in SETTINGS.items() if setting.label_noise == 0)
WHOLE = tuple(name for name, setting in SETTINGS.items() if setting.small)
"""The settings with all arms on the confirmatory seeds; the others have those of the primary comparisons."""
