"""The configuration of one training run: plain numbers and names in four groups, checked when a run is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tsla.empirics.smoothing.schedules import SCHEDULES, Constant, Schedule
from tsla.empirics.training.configuration.fields import (
    BELOW_1,
    EPOCH,
    EPOCHS,
    FRACTION,
    NOT_NEGATIVE,
    OF_THE_EPOCHS,
    POSITIVE,
    Use,
    Usual,
    about,
    at_least,
    between,
    fields_of,
    one_of,
    with_method,
)
from tsla.empirics.training.configuration.step_sizes import STEP_SIZES, factor

SHRINKING = {"shrink": "lsr", "shrink-tsla": "tsla"}
"""The controls (C17) -> the method that smooths where they take a smaller step."""
METHODS = tuple(dict.fromkeys(("sgd", "lsr", "tsla", "annealed", "adaptive", *SHRINKING, *SCHEDULES)))
MOST_THREADS = 1024
"""More than processors have: OpenMP ends the process where it can't make so many."""
MEASURED = (0, 1, 2, 5, 10, 20)
"""The epochs before which moments are measured unless a user says others."""
HALF = Usual("half of the epochs", lambda epochs: epochs // 2)
AS_FAR_AS_IT_GOES = Usual(",".join(map(str, MEASURED)), lambda epochs: tuple(epoch for epoch in MEASURED if epoch <= epochs))


def made_of(name: str) -> Use:
    """The methods whose schedule, or that of what they control, is made of this field."""
    return with_method(*(method for method in METHODS if method != "sgd" and name in SCHEDULES[SHRINKING.get(method, method)].made_of))


PRETRAINED = "efficientnet-lite0"
"""The network that may be pretrained."""
NORMED = Use("model", "networks that have a norm to choose", lambda model: model not in ("mlp", PRETRAINED))
OF_PRETRAINED = Use("model", PRETRAINED, lambda model: model == PRETRAINED)
WITH_WEIGHTS = Use("pretrained", "--pretrained", bool)
OF_IMAGES = Use("trained", "--trained all", lambda trained: trained == "all")
FROM_FILES = Use("data", "data that are read from files", lambda data: data not in ("digits", "mnist"))
BY_NAME = Use("data", "cifar10 or cifar100", lambda data: data in ("cifar10", "cifar100"))
MEASURING = Use("measure_at", "one or more epochs", bool)


@dataclass(frozen=True)
class Method:
    """What is run. Runs that differ in ``method`` alone share split, label noise, initial weights and batches.

    "sgd"; "lsr", smoothing throughout; "tsla", smoothing up to ``drop``; "annealed", θ°(η) of measured moments (C12); "adaptive", smoothing
    until its advantage is no longer seen; "linear" and "cosine", smoothing that fades to the end; "shrink" and "shrink-tsla", which take
    the step (1-θ)η where "lsr" and "tsla" smooth: their controls (C17). ``model`` and ``norm`` are those of
    :func:`tsla.empirics.models.networks.build`. With ``precision`` "bf16" the network runs under autocast; weights, loss and evaluation
    stay float32.
    """

    method: str = field(metadata=about("how it trains", one_of(*METHODS)))
    seed: int = field(default=0, metadata=about("of split, label noise, initial weights and batches", at_least(0)))
    epochs: int = field(default=20, metadata=about("length of the run", at_least(1)))
    eta: float = field(default=0.1, metadata=about("step size", POSITIVE))
    theta: float = field(default=0.3, metadata=about("smoothing strength", FRACTION, use=made_of("theta")))
    drop: int = field(
        default=OF_THE_EPOCHS, metadata=about("the epoch from which tsla does not smooth", EPOCH, usual=HALF, use=made_of("drop"))
    )
    smoothing: str = field(default="uniform", metadata=about("smoothing labels", one_of("uniform", "prior", "own", "own-hard")))
    model: str = field(
        default="resnet8", metadata=about("mlp, resnet8, resnet18, resnet20, resnet32, resnet34, resnet50, resnet56 or efficientnet-lite0")
    )
    norm: str = field(default="group", metadata=about("normalisation", one_of("group", "batch"), use=NORMED))
    pretrained: bool = field(default=False, metadata=about("weights from ImageNet, but for the head", use=OF_PRETRAINED, later=True))
    trained: str = field(
        default="all",
        metadata=about("what is trained; the rest is frozen", one_of("all", "last-block", "head"), use=WITH_WEIGHTS, later=True),
    )
    hidden: int = field(
        default=0, metadata=about("units of a hidden layer of the head, 0 without", at_least(0), use=OF_PRETRAINED, later=True)
    )
    batch_size: int = field(default=16, metadata=about("examples of a batch", at_least(1)))
    momentum: float = field(default=0.0, metadata=about("of SGD", BELOW_1))
    weight_decay: float = field(default=0.0, metadata=about("of SGD", NOT_NEGATIVE))
    warmup: int = field(default=0, metadata=about("epochs in which the step size rises evenly", EPOCH))
    step_sizes: str = field(  # stored by the name that the first records gave it
        default="constant", metadata=about("step sizes along the epochs", one_of(*STEP_SIZES), stored="rates")
    )
    augment: bool = field(
        default=False, metadata=about("random crops of each batch, and reflections where they keep the class", use=OF_IMAGES)
    )
    precision: str = field(default="float32", metadata=about("of the network", one_of("float32", "bf16")))


@dataclass(frozen=True)
class Data:
    """What it is trained and tested on: see :func:`tsla.empirics.data.datasets.load`."""

    data: str = field(default="digits", metadata=about("digits, mnist, fashion-mnist, cifar10, cifar100, cub200, dogs or folder"))
    folder: str | None = field(default=None, metadata=about("where the files of the data are", use=FROM_FILES))
    per_class: int | None = field(
        default=None,
        metadata=about(
            "of each class only so many training images, and a quarter as many for testing, by the SHA-256 of their names; or all",
            at_least(4),
            use=BY_NAME,
            later=True,
        ),
    )
    train_size: int | None = field(default=1000, metadata=about("training examples, or all", at_least(1)))
    test_size: int | None = field(default=None, metadata=about("test examples, or all", at_least(1)))
    pool: int = field(default=1, metadata=about("means over squares of so many pixels a side", at_least(1), use=OF_IMAGES))
    label_noise: float = field(default=0.2, metadata=about("fraction of wrong labels", FRACTION))


@dataclass(frozen=True)
class Machine:
    """What it is computed on, and how: to rounding a run is the same on all of them, so that this is no part of what the run is."""

    device: str = field(
        default="cpu", compare=False, metadata=about("where to compute; auto takes a GPU where there is one", one_of("cpu", "cuda", "auto"))
    )
    threads: int = field(default=1, compare=False, metadata=about("of a process on the CPU", between(1, MOST_THREADS)))
    channels_last: bool = field(default=False, compare=False, metadata=about("the memory format of images"))
    compile: bool = field(default=False, compare=False, metadata=about("compile the network"))
    deterministic: bool = field(default=False, compare=False, metadata=about("the same bits again on a GPU too"))


@dataclass(frozen=True)
class Measurement:
    """What is measured along the run, beside losses and accuracy: the six gradient moments."""

    measure_at: tuple[int, ...] = field(
        default=OF_THE_EPOCHS,
        metadata=about("epochs before which moments are measured, such as 0,5,20", EPOCHS, usual=AS_FAR_AS_IT_GOES),
    )
    measured_examples: int | None = field(
        default=None, metadata=about("training examples to measure moments on, or all", at_least(1), use=MEASURING)
    )
    curvature: bool = field(
        default=False, metadata=about("where moments are measured, also eta times the largest curvature", use=MEASURING)
    )
    alignment: bool = field(
        default=False,
        metadata=about("where moments are measured, also the product of the two mean gradients", use=MEASURING, later=True),
    )


FIELDS = fields_of(Method, Data, Machine, Measurement)
"""The fields of a configuration by name, in the order in which it takes them."""


@dataclass(frozen=True)
class TrainingConfig(Measurement, Machine, Data, Method):  # dataclasses begin with the fields of the last base
    """One training run. Its fields are those of its four groups; ``tsla train --help`` says what each is.

    A configuration *is* each of its groups, in place of holding them. So who reads ``config.eta`` need not know where it is declared, a
    function of the machine alone says so in its type and takes the whole, and what is stored is flat. Two configurations are equal where
    they are the same run, on whatever machine.

    Lists and whole numbers, as files have them, become tuples and numbers. Raises ValueError, with one line, for what a field must not be.
    """

    def __post_init__(self) -> None:
        for one in FIELDS.values():
            object.__setattr__(self, one.name, one.settled(getattr(self, one.name), self.epochs))

    def in_effect(self, name: str) -> Any:
        """The value of a field, or the default where it has no use."""
        return getattr(self, name) if FIELDS[name].has_use(self) else FIELDS[name].default

    def refuse_without_effect(self, *names: str) -> None:
        """Raises ValueError for the first of these fields that has no effect in this run."""
        for one in (FIELDS[name] for name in names):
            if one.use is not None and not one.has_use(self):
                value, other = one.shown(getattr(self, one.name)), FIELDS[one.use.field].words(self.in_effect(one.use.field))
                raise ValueError(f"{one.spelled} = {value} has no use with {other}; it goes with {one.use.words}")

    def flat(self) -> dict[str, Any]:
        """All fields, as records and checkpoints hold them; :meth:`of_flat` is the way back."""
        return {field.stored: getattr(self, name) for name, field in FIELDS.items() if field.is_said(self)}

    @classmethod
    def of_flat(cls, stored: Mapping[str, Any]) -> TrainingConfig:
        """The configuration that a record or a checkpoint holds. Raises TypeError for a field that there is not."""
        names = {field.stored: name for name, field in FIELDS.items()}
        return cls(**{names.get(name, name): value for name, value in stored.items()})

    def identity(self) -> dict[str, Any]:
        """What the run is, whatever it is computed on: :meth:`flat` without the machine."""
        machine = {field.stored for field in FIELDS.values() if field.group == "machine"}
        return {name: value for name, value in self.flat().items() if name not in machine}

    def command_line(self) -> str:
        """What runs it again, without a file. What has no effect in this run is left out, and would be refused: the rows are the same."""
        usual = TrainingConfig(self.method, epochs=self.epochs)
        told = [
            field.words(getattr(self, name))
            for name, field in FIELDS.items()
            if name in ("method", "seed", "epochs") or (getattr(self, name) != getattr(usual, name) and field.has_use(self))
        ]
        return " ".join(["tsla train", *told])

    def schedule(self) -> Schedule:
        """The smoothing strength along the epochs, at its start."""
        made = SCHEDULES.get(self.method)
        return Constant(0.0) if made is None else made(*(getattr(self, name) for name in made.made_of))

    def step_size(self, epoch: int) -> float:
        """That of the epoch, counted from 0: of ``step_sizes``, which the controls shrink."""
        eta = self.eta * factor(self.step_sizes, epoch, epochs=self.epochs, warmup=self.warmup)
        shrunk = self.method == "shrink" or (self.method == "shrink-tsla" and epoch < self.drop)
        return eta * (1 - self.theta) if shrunk else eta
