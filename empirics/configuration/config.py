"""The configuration of one training run: plain numbers and names, checked at the door."""

from __future__ import annotations

from dataclasses import dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from tsla.empirics.smoothing.schedules import Adaptive, Annealed, Constant, Schedule, TwoStage
from tsla.empirics.configuration.step_sizes import RATES, factor

METHODS = ("sgd", "lsr", "tsla", "annealed", "adaptive", "shrink", "shrink-tsla")
DROPPING = ("tsla", "shrink-tsla")
"""The methods that change at ``drop``."""
CHOICES = {
    "method": METHODS,
    "smoothing": ("uniform", "prior", "own", "own-hard"),
    "norm": ("group", "batch"),
    "rates": RATES,
    "precision": ("float32", "bf16"),
    "device": ("cpu", "cuda", "auto"),
}
LEAST = {"seed": 0} | dict.fromkeys(("epochs", "batch_size", "threads", "train_size", "test_size", "pool", "measured_examples"), 1)
KINDS = {float: "a number", int: "a whole number", bool: "true or false", str: "text", tuple: "a list of whole numbers"}


@dataclass(frozen=True)
class TrainingConfig:
    """One training run. Runs that differ in ``method`` alone share split, label noise, initial weights and batches.

    method:       "sgd"; "lsr", smoothing throughout; "tsla", smoothing up to ``drop``; "annealed", θ°(η) of measured moments (C12);
                  "adaptive", smoothing until its advantage is no longer seen; "shrink" and "shrink-tsla", which take the step (1-θ)η
                  where "lsr" and "tsla" smooth: their controls (C17)
    seed:         seeds the split, the label noise, the initial weights and the order of the batches
    eta, theta:   step size and smoothing strength
    drop:         the epoch from which "tsla" trains without smoothing
    measure_at:   the epochs before which the moments are measured; ``measured_examples``: on how many training examples, None for all;
                  ``curvature``: there also η times the largest curvature of F
    data:         a data set of :func:`tsla.empirics.data.datasets.load`, of which ``folder`` has the files; ``train_size`` None: all of it;
                  ``test_size`` and ``pool`` as there
    model, norm:  a network of :func:`tsla.empirics.models.networks.build`
    smoothing:    ŷ: "uniform", "prior" (the frequencies of the training labels), "own" (the model's prediction) or "own-hard"
    warmup:       epochs in which the step size rises evenly
    rates:        "constant"; "step", a tenth from half and a hundredth from three quarters of the epochs on; "cosine", to 0
    augment:      random crops of each batch, and reflections where they keep the class (not of digits)
    precision:    "bf16" runs the network under autocast; weights, loss and evaluation stay float32
    device:       "auto" takes a GPU where there is one; ``threads`` are those of a process on the CPU
    deterministic: on a GPU only algorithms that give the same bits again; on a CPU it is so anyway
    """

    method: str
    seed: int
    epochs: int = 20
    eta: float = 0.1
    theta: float = 0.3
    drop: int = 10
    label_noise: float = 0.2
    batch_size: int = 16
    train_size: int | None = 1000
    measure_at: tuple[int, ...] = (0, 1, 2, 5, 10, 20)
    measured_examples: int | None = None
    curvature: bool = False
    data: str = "digits"
    folder: str | None = None
    test_size: int | None = None
    pool: int = 1
    model: str = "resnet8"
    norm: str = "group"
    smoothing: str = "uniform"
    momentum: float = 0.0
    weight_decay: float = 0.0
    warmup: int = 0
    rates: str = "constant"
    augment: bool = False
    precision: str = "float32"
    channels_last: bool = False
    compile: bool = False
    device: str = "cpu"
    threads: int = 1
    deterministic: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.measure_at, list):  # from a file
            object.__setattr__(self, "measure_at", tuple(self.measure_at))
        for name, kind in kinds(type(self)).items():
            _check_kind(name, getattr(self, name), kind)
        self._check_numbers()
        self._check_epochs()

    def _check_numbers(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} = {getattr(self, name)!r} must be one of {', '.join(allowed)}")
        for name in ("theta", "label_noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} = {getattr(self, name)} must lie in [0, 1]")
        if not 0 < self.eta < float("inf"):
            raise ValueError(f"eta = {self.eta} must be above 0 and finite")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum = {self.momentum} must lie in [0, 1)")
        if not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay = {self.weight_decay} must be at least 0 and finite")
        for name, least in LEAST.items():
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise ValueError(f"{name} = {getattr(self, name)} must be at least {least}")

    def _check_epochs(self) -> None:
        if any(not 0 <= epoch <= self.epochs for epoch in self.measure_at):
            raise ValueError(f"measure_at = {self.measure_at} must lie in 0 ... epochs = {self.epochs}")
        for name in ("drop", "warmup"):
            if not 0 <= getattr(self, name) <= self.epochs:
                raise ValueError(f"{name} = {getattr(self, name)} must lie in 0 ... epochs = {self.epochs}")

    @classmethod
    def of(cls, **given: Any) -> TrainingConfig:
        """From what a user gave: of a run of another length ``drop`` is half of it and ``measure_at`` ends with it, by default."""
        floats = {name for name, kind in kinds(cls).items() if kind is float}
        fields: dict[str, Any] = {name: float(value) if name in floats and type(value) is int else value for name, value in given.items()}
        epochs = fields.get("epochs")
        if type(epochs) is int:
            fields.setdefault("drop", epochs // 2)
            fields.setdefault("measure_at", tuple(epoch for epoch in cls.measure_at if epoch <= epochs))
        return cls(**fields)

    def schedule(self) -> Schedule:
        """The smoothing strength along the epochs, at its start."""
        if self.method == "annealed":
            return Annealed(self.batch_size)
        if self.method == "adaptive":
            return Adaptive(self.theta, self.batch_size)
        if self.method == "tsla":
            return TwoStage(self.theta, self.drop)
        return Constant(self.theta if self.method == "lsr" else 0.0)

    def rate(self, epoch: int) -> float:
        """The step size of the epoch, counted from 0: that of ``rates``, which the controls shrink."""
        eta = self.eta * factor(self.rates, epoch, epochs=self.epochs, warmup=self.warmup)
        shrunk = self.method == "shrink" or (self.method == "shrink-tsla" and epoch < self.drop)
        return eta * (1 - self.theta) if shrunk else eta

    def rule(self, epoch: int) -> tuple[float, float]:
        """``(step size, smoothing strength)`` of the epoch. Raises ValueError where the strength is not known before the run."""
        schedule = self.schedule()
        if schedule.needs_moments:
            raise ValueError(f"method = {self.method} has no rule that is known before the run; must be one that measures nothing")
        for _ in range(epoch):
            schedule.step()
        return self.rate(epoch), schedule.theta


def kinds(config: type[TrainingConfig]) -> dict[str, Any]:
    """The types of the fields, by name."""
    return get_type_hints(config)


def _check_kind(name: str, value: object, kind: Any) -> None:
    options = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if not any(_is(value, option) for option in options):
        raise ValueError(f"{name} = {value!r} must be {KINDS[get_origin(options[0]) or options[0]]}")


def _is(value: object, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is(item, int) for item in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)
