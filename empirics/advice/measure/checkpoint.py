"""A checkpoint, measured on data: what ``tsla measure`` answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tsla.empirics.advice.measure import Reading, Setting
from tsla.empirics.data.datasets import arrays, names
from tsla.empirics.models.checkpoints import Checkpoint, build, read
from tsla.empirics.models.efficientnet import INPUTS
from tsla.empirics.models.features import features
from tsla.empirics.moments.full_batch import MICROBATCH
from tsla.empirics.moments.measure import Measurement, draw, measure
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.empirics.moments.mode import mode
from tsla.empirics.runs.errors import class_and_line
from tsla.empirics.runs.files import must_be_a_path
from tsla.empirics.runs.progress import Progress
from tsla.empirics.runs.provenance import LIBRARIES, environment
from tsla.empirics.smoothing.labels import Smoothing, check_classes, predictions, smoothing_labels
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.setup import training_split
from tsla.theory.constants import real, whole
from tsla.theory.text import Json

NAMED = {
    "uniform": "uniform",
    "prior": "prior, the frequencies of the classes in the data",
    "own": "own, the model's prediction, so that ĝ = 0 as in C17",
    "own-hard": "own-hard, the class that the model holds likeliest",
}
SEEDED = ("seed", "train_size", "label_noise")
OF_ONE_DATA_SET = ("folder", "per_class")
OF_DATA = ("data", "pool", *OF_ONE_DATA_SET, *SEEDED)
BATCHES = 256
"""So many are measured where nothing else is said, of a network that couples the examples of a batch."""
OF_FEATURES = ("model", "pretrained", "trained")
"""What of a configuration says whether its data are images or features."""


@dataclass(frozen=True)
class Subject:
    """A network with its weights, the examples to measure it on, and ŷ, which may be a table ``(n, K)``."""

    network: nn.Module
    data: Json
    inputs: Tensor
    labels: Tensor
    smoothing: Smoothing


@dataclass(frozen=True)
class Answer:
    """A reading with what was measured on what: files, ŷ, options as of :func:`measured`, versions, and whether ``until`` was reached."""

    checkpoint: str
    model: str | None
    data: Json
    smoothing: str
    until: float | None
    microbatch: int
    batch_norm: str | None
    seed: int
    until_reached: bool | None
    versions: Json
    reading: Reading

    def json(self) -> Json:
        """All of it, one dictionary that JSON can hold."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "reading"} | self.reading.json()

    def table(self) -> str:
        """The reading's text, which says too what was measured, with which ŷ."""
        how = ", ".join(f"{name} {self.data[name]}" for name in SEEDED if name in self.data)
        drawn = [] if self.reading.exact else [f"drawn with seed {self.seed}"]
        until = ["not as precise as --until asks for"] if self.until_reached is False else []
        lines = [f"{self.checkpoint} on {self.data['name']}{f' ({how})' if how else ''}"]
        return self.reading.table([*lines, f"smoothing label: {NAMED.get(self.smoothing, self.smoothing)}", *drawn, *until])


def load(checkpoint: Path, data: str, *, folder: Path | None = None, model: str | None = None, smoothing: str = "uniform") -> Subject:
    """What the files hold. Arguments are those of :func:`measured`; raises ValueError that names the one that is not as it must be."""
    weights = read(checkpoint)
    teacher = None if smoothing in NAMED or smoothing.endswith(".npy") else _teacher(smoothing)
    if model is not None and weights.network is not None and (teacher is None or teacher.network is not None):
        raise ValueError(f"model = {model} has no use: {checkpoint} has a network of its own")
    network = build(weights, model)
    about, inputs, labels = _examples(data, folder, weights)
    inputs = _of_the_type_of(network, inputs, f"data = {data}")
    classes = _classes(network, inputs, f"data = {data}: the model")
    with _blaming(f"data = {data}"):
        check_classes(labels, classes)
    y_hat = _y_hat(smoothing, labels, classes) if teacher is None else _built_teacher(teacher, model, inputs, classes)
    return Subject(network, about, inputs, labels, y_hat)


def measured(
    checkpoint: Path,
    data: str,
    setting: Setting,
    *,
    folder: Path | None = None,
    model: str | None = None,
    smoothing: str = "uniform",
    examples: int | None = None,
    until: float | None = None,
    microbatch: int = MICROBATCH,
    batch_norm: str | None = None,
    device: str = "cpu",
    seed: int = 0,
    label_noise: float | None = None,
) -> Answer:
    """What the examples say of smoothing at the weights of a checkpoint.

    data:       a name of :func:`tsla.empirics.data.datasets.load`: the split of the checkpoint's run, else of seed 0; or an .npz file
                (:func:`tsla.empirics.data.datasets.arrays`), for a part of a pretrained network of images or of what that part takes in
    folder:     where the files of a data set are; by default where those of the run were
    batch_norm: of a network with BatchNorm in training mode "evaluation", its running statistics; or "training", the gradients of batches
                of the setting's size as training makes them, ``examples`` in all, each batch drawn anew
    model:      "module:function", for files without a network of their own
    smoothing:  a name in NAMED, an .npy file of probabilities ``(K,)`` or ``(n, K)``, or the checkpoint of a teacher
    device:     "cpu" or "cuda"; "mps" is refused, for it has no float64
    examples:   how many are drawn from the data, without replacement; by default all. ``until`` may stop earlier
    label_noise: the part of the labels of an .npz file that is wrong: it chooses what the study found of such labels

    Raises ValueError that names the argument for whatever is not as it must be.
    """
    whole("microbatch", microbatch, at_least=1)
    whole("seed", seed, at_least=0)
    if until is not None:
        real("until", until, above=0)
    if label_noise is not None:
        real("label_noise", label_noise, at_least=0, at_most=1)
        if data in names():
            raise ValueError(f"label_noise = {label_noise:g} has no use: data = {data} says it itself; must come with an .npz file")
    place = _device(device)
    subject = load(checkpoint, data, folder=folder, model=model, smoothing=smoothing)
    subject.network.to(place)
    options: dict[str, Any] = {"until": until, "microbatch": microbatch, "batch_norm": batch_norm, "seed": seed}
    measure_it = _of_batches if batch_norm == "training" else _of_examples
    found = measure_it(subject, setting.batch_size, examples, options)
    return Answer(
        checkpoint=str(checkpoint),
        model=model,
        data=subject.data,
        smoothing=smoothing,
        until_reached=None if until is None else found.estimates.precise(until),
        versions={name: environment(__name__)[name] for name in ("python", *LIBRARIES, "code")},
        reading=Reading.of(found, setting, label_noise=subject.data.get("label_noise", label_noise)),
        **options,
    )


def _refuse_coupled(network: nn.Module, batch_norm: str | None) -> None:
    """Raises ValueError for a BatchNorm in training mode, before anything is measured, unless it is said what to do with it."""
    for name, module in network.named_modules():
        if batch_norm is None and isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            raise ValueError(
                f"{name or 'model'} is BatchNorm in training mode, where one example has no gradient of its own; "
                "add --batch-norm training for the gradients of whole batches, or --batch-norm evaluation for its running statistics"
            )


def _of_examples(subject: Subject, _: int, examples: int | None, options: Mapping[str, Any]) -> Measurement:
    """The moments of single examples."""
    _refuse_coupled(subject.network, options["batch_norm"])
    y_hat = subject.smoothing
    table = y_hat if isinstance(y_hat, Tensor) and y_hat.ndim == 2 else None  # whose rows come with their examples
    smoothing = y_hat if table is None else "uniform"
    batches = draw(subject.inputs, subject.labels, table, examples=examples, seed=options["seed"])
    with Progress("measure", total=len(batches)) as progress:
        return measure(subject.network, batches, smoothing, population=len(subject.inputs), progress=progress, **options)


def _of_batches(subject: Subject, batch_size: int, examples: int | None, options: Mapping[str, Any]) -> Measurement:
    """The moments of the gradient of a batch in training mode, which couples its examples."""
    network, smoothing = subject.network.train(), subject.smoothing
    until, seed = options["until"], options["seed"]
    if until is not None:
        raise ValueError(f"until = {until:g} has no use with --batch-norm training, which measures as many batches as --examples make")
    whole("batch_size", batch_size, at_least=2, at_most=len(subject.inputs))
    wanted = BATCHES * batch_size if examples is None else examples
    whole("examples", wanted, at_least=4 * batch_size)  # fewer batches give no interval
    data, batches = (subject.inputs, subject.labels), wanted // batch_size
    estimates = minibatch_moments(network, data, batch_size=batch_size, batches=batches, smoothing=smoothing, seed=seed)
    silent, how = isinstance(smoothing, str) and smoothing == "own", mode(network, "batch")
    return Measurement(estimates, {}, batches * batch_size, None, silent=silent, mode=how, batch_size=batch_size)


def _device(name: str) -> torch.device:
    if name == "mps":
        raise ValueError("device = mps has no float64, in which the moments are added up; must be cpu, or cuda where torch sees a GPU")
    if name not in ("cpu", "cuda"):
        raise ValueError(f"device = {name!r} must be cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = cuda must be a GPU that torch sees, and it sees none; cpu works everywhere")
    return torch.device(name)


def _examples(data: str, folder: Path | None, checkpoint: Checkpoint) -> tuple[Json, Tensor, Tensor]:
    """What the data are, inputs and labels."""
    if data not in names():
        if folder is not None:
            raise ValueError(f"folder = {folder} has no use: data = {data} is a file, and no data set ({', '.join(names())})")
        inputs, labels = arrays(Path(data))
        return {"name": data}, _taken_in(inputs, checkpoint), labels
    config = _of_run(data, checkpoint)
    if folder is not None:
        config = replace(config, folder=str(folder))
    with _blaming(f"data = {data}"):
        split = training_split(config)
    return {"name": data, **{name: getattr(config, name) for name in SEEDED}}, split.train_inputs, split.train_labels


def _of_the_type_of(network: nn.Module, inputs: Tensor, where: str) -> Tensor:
    """Floats as those of the network's first weight, which may be of half or double precision; whole numbers as they are."""
    kind = next((weight.dtype for weight in network.parameters() if weight.is_floating_point()), inputs.dtype)
    converted = inputs.to(kind if inputs.is_floating_point() else inputs.dtype)
    if not converted.isfinite().all():
        raise ValueError(f"{where}: inputs hold values that are not finite as {kind}, which the model's weights are")
    return converted


def _taken_in(inputs: Tensor, checkpoint: Checkpoint) -> Tensor:
    """What the frozen part makes of images, where the checkpoint holds another part of a network; all other inputs as they are."""
    trained = (checkpoint.network or {}).get("trained", "all")
    if trained == "all" or inputs.ndim != 4 or not inputs.is_floating_point() or inputs.shape[1:] == INPUTS[trained]:
        return inputs
    return torch.from_numpy(features(inputs.numpy(), 1, trained=trained, device=torch.device("cpu")).copy())


def _of_run(data: str, checkpoint: Checkpoint) -> TrainingConfig:
    """What of a configuration says which examples: that of the checkpoint's run, as far as it was trained on such data."""
    given = {name: value for name, value in (checkpoint.training or {}).items() if name in (*OF_DATA, *OF_FEATURES)}
    if given.pop("data", data) != data:
        given = {name: value for name, value in given.items() if name not in OF_ONE_DATA_SET}
    try:
        return replace(TrainingConfig("sgd", seed=0), data=data, **given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"checkpoint = {checkpoint.path}: training = {given!r} is no configuration of a run: {error}") from error


@contextmanager
def _blaming(argument: str) -> Iterator[None]:
    """Within this context what is refused is the fault of an argument, which the refusal begins with."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{argument}: {error}") from error


def _classes(model: nn.Module, inputs: Tensor, whose: str) -> int:
    """K, from a prediction for one example, which also shows whether the model takes such inputs."""
    try:
        return predictions(model, inputs[:1]).shape[1]
    except Exception as error:  # whatever the layers of a user's model raise
        shape = f"{tuple(inputs.shape[1:])} and type {inputs.dtype}"
        whole = "" if inputs.is_floating_point() else "; whole numbers are passed on as such, as tokens are: images must be floats"
        raise ValueError(f"{whose} does not take inputs of shape {shape}: {class_and_line(error)}{whole}") from error


def _teacher(smoothing: str) -> Checkpoint:
    must_be_a_path("smoothing", Path(smoothing))
    if not Path(smoothing).is_file():
        raise ValueError(f"smoothing = {smoothing} must be {', '.join(NAMED)}, an .npy file of probabilities, or a teacher's checkpoint")
    return read(Path(smoothing), name="smoothing")


def _built_teacher(teacher: Checkpoint, model: str | None, inputs: Tensor, classes: int) -> nn.Module:
    built = build(teacher, model, name="smoothing")
    where = f"smoothing = {teacher.path}: the teacher"
    found = _classes(built, inputs, where)
    if found != classes:
        raise ValueError(f"{where} has {found} classes; must have {classes}, as the model")
    return built


def _y_hat(smoothing: str, labels: Tensor, classes: int) -> Smoothing:
    """ŷ by name, or as the probabilities of a file, ``(K,)`` or ``(n, K)``."""
    if smoothing == "prior":  # of all the data, not of those that are drawn
        return torch.bincount(labels, minlength=classes).double() / len(labels)
    if smoothing in NAMED:
        return smoothing
    try:
        rows = torch.from_numpy(np.load(smoothing, allow_pickle=False, mmap_mode="r").astype(np.float64, casting="same_kind"))
        smoothing_labels(rows, len(labels), classes)
    except OSError as error:
        raise ValueError(f"smoothing = {smoothing}: no such file; must hold probabilities (K,) or (n, K)") from error
    except Exception as error:  # whatever broken bytes lead to
        raise ValueError(f"smoothing = {smoothing} must hold probabilities (K,) or (n, K): {class_and_line(error)}") from error
    return rows[0] if len(rows) == 1 else rows  # (1, K) is (K,)
