"""One training run, epoch by epoch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from tsla.empirics.data.augmentation import augment
from tsla.empirics.data.datasets import Split
from tsla.empirics.models.inputs import Classifier, Inputs, ToLogits, check_module
from tsla.empirics.models.state import draw_from, private_randomness
from tsla.empirics.moments.examples import Collate, Unpack
from tsla.empirics.runs import provenance, records, tensors
from tsla.empirics.runs.locks import held
from tsla.empirics.runs.resume import StateFile
from tsla.empirics.smoothing.labels import check_classes, evaluated
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
from tsla.empirics.training import processes
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.devices import device_of, formatted, numerics, on_device
from tsla.empirics.training.evaluation import evaluate
from tsla.empirics.training.measuring import Measuring
from tsla.empirics.training.own import READ, Data, OwnInputs, OwnSplit, in_parts, own_split
from tsla.empirics.training.setup import initial_model, training_split

Row = dict[str, Any]
UPRIGHT = ("digits", "mnist")
"""Data whose images a reflection would turn into others."""
ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)
"""Of a function that a model prints; another in each process."""


def train(
    config: TrainingConfig,
    model: nn.Module | None = None,
    *,
    split: Split | tuple[Any, Any] | None = None,
    state: Path | None = None,
    collate: Collate | None = None,
    unpack: Unpack | None = None,
    logits: ToLogits | None = None,
) -> Iterator[Row]:
    """One row an epoch, before it and after the last: ``method, seed, epoch``, step size ``eta`` and strength ``theta`` of the epoch that
    begins (at the end those of the last), losses, accuracy and calibration error *without* smoothing, and, at the epochs of ``measure_at``,
    the six gradient moments on the noisy training set (else None).

    ``train_loss`` is ``F``: the mean unsmoothed cross-entropy on the noisy training labels. All but the steps themselves is in evaluation
    mode, so that the moments of a network with BatchNorm are those at its running statistics.

    model:  trained in place, and moved to the device; by default :func:`initial_model`
    split:  the data, by default :func:`training_split`; or (training set, test set) of one's own, as :func:`own_split` takes them. Inputs
            are then of any form that :func:`tsla.measure` takes, if the ``model`` takes it. What of the configuration is about data has no
            effect, but ``augment`` and ``batch_size``
    state:  a file that keeps where the run is. A run that was killed yields its rows again, goes on there, and ends with the same bits. The
            file stays: a run that is over yields its rows again. Where it can't be written, a line on standard error says so, and the run
            goes on. Models of the same weights are told apart by how they print and by their logits for the first example in evaluation
            mode; another ``forward`` that differs in training mode alone is not seen
    collate, unpack, logits:  as in :func:`tsla.MomentsMonitor`, for data and a model of one's own

    What a model draws of its own, as dropout does, depends on the seed and on the step. The global random states stay what they were.
    Deterministic on one machine; on a GPU if ``config.deterministic``. On several processes (:mod:`tsla.empirics.training.processes`) each
    has the same rows, and the first one writes the file, which all of them read. Raises ValueError for a configuration that its data,
    network or machine do not go with, and for a file that is another run's, damaged, or in use by another process.
    """  # noqa: D205 - the summary needs three lines
    data = _data(config, model, split, collate, unpack)
    if model is None:
        model = initial_model(config, data)
    else:
        check_module(model)
        data = _fitting(data, model, logits)
    with held("state", state if processes.rank() == 0 else None):
        run = _Run(config, model, data, state, logits)
        yield from map(dict, run.rows)
        while run.epoch <= config.epochs:
            if run.steps == 0:
                run.rows.append(run.row())
                yield dict(run.rows[-1])
            run.train_epoch()


def _data(config: TrainingConfig, model: nn.Module | None, split: Any, collate: Collate | None, unpack: Unpack | None) -> Data:
    if split is None or isinstance(split, Split):
        for name, given in (("collate", collate), ("unpack", unpack)):
            if given is not None:
                raise ValueError(f"{name} has no use without data of your own; give split=(training set, test set)")
        return training_split(config) if split is None else split
    found = own_split(split, model, device=device_of(config), seed=config.seed, collate=collate, unpack=unpack)
    if config.augment and not isinstance(found.train_inputs, Tensor):
        raise ValueError("augment = True must be False: it goes with images that are one tensor")
    return found


def _fitting(data: Data, model: nn.Module, logits: ToLogits | None) -> Data:
    """The data with the classes of the model. Raises ValueError where they don't go together."""
    found = evaluated(model, data.train_inputs[:1], logits)
    if found.ndim != 2:
        raise ValueError(f"model gives logits of shape {tuple(found.shape)} for an example; must be (1, classes)")
    for labels in (data.train_labels, data.test_labels):
        check_classes(labels, found.shape[1])
    return replace(data, classes=found.shape[1])


class _Run:
    """A run at some point: after ``steps`` steps of ``epoch``, with the ``rows`` up to there."""

    def __init__(self, config: TrainingConfig, model: nn.Module, split: Data, state: Path | None, logits: ToLogits | None) -> None:
        self.config, self.device = config, device_of(config)
        self.rows: list[Row] = []
        self.epoch = self.steps = 0
        self._several = processes.size() > 1
        self._file = None if state is None else StateFile(state, _identity(config, model, split, logits), tensors)
        self._model = model.to(self.device)
        if config.channels_last:
            self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._split = split if isinstance(split, OwnSplit) else on_device(split, self.device, config)
        prior = torch.bincount(self._split.train_labels, minlength=split.classes).double()
        self._schedule = config.schedule()
        self._loss = SmoothedCrossEntropy(config.smoothing, self._schedule, prior=prior).to(self.device)
        y_hat = prior / prior.sum() if config.smoothing == "prior" else config.smoothing
        self._measuring = Measuring(config, self._split, y_hat, logits)
        how: dict[str, Any] = {"momentum": config.momentum, "weight_decay": config.weight_decay}
        foreach = self.device.type != "cpu"  # on a CPU it costs more than it spares
        self._optimiser = torch.optim.SGD(self._model.parameters(), lr=config.eta, foreach=foreach, **how)
        self._augmentation = torch.Generator().manual_seed(config.seed)  # the same draws on every device
        self._resume()
        self._orders = islice(self._all_orders(), self.epoch, None)
        forward = processes.joined(self._model, self.device)
        if config.compile:
            forward = cast("nn.Module", torch.compile(forward))
        self._forward = Classifier(forward, logits)
        self._evaluated = Classifier(self._model, logits)

    def _all_orders(self) -> Iterator[Tensor]:
        """The order of the training examples in each epoch from the first one on."""
        generator = torch.Generator().manual_seed(self.config.seed)
        while True:
            yield torch.randperm(len(self._split.train_labels), generator=generator)

    def row(self) -> Row:
        """What there is to say before the epoch; a schedule that asks for moments gets them."""
        with numerics(self.config), private_randomness(self.config.seed, self.device):
            found = evaluate(self._evaluated, self._split)
            if self.epoch == self.config.epochs:
                rule = {name: self.rows[-1][name] for name in ("eta", "theta")}
            else:
                rule = self._rule(informed=isfinite(found["train_loss"]))
            measured = self._measuring.at(self._model, rule["eta"]) if self.epoch in self.config.measure_at else {}
        about = {"method": self.config.method, "seed": self.config.seed, "epoch": self.epoch}
        return about | rule | found | {name: measured.get(name) for name in self._measuring.columns}

    def _rule(self, *, informed: bool) -> dict[str, float]:
        """Step size and strength of the epoch that begins."""
        eta = self.config.step_size(self.epoch)
        if self._schedule.needs_moments and informed:
            self._measuring.inform(self._schedule, self._model, eta)
            self._schedule.load_state_dict(processes.agreed(self._schedule.state_dict()))
        return {"eta": eta, "theta": self._loss.theta}

    def train_epoch(self) -> None:
        """The steps that are left of the epoch; none after the last one."""
        if self.epoch < self.config.epochs:
            with numerics(self.config), private_randomness(self.config.seed, self.device):
                self._train_epoch()
            self._schedule.step()
        self.epoch, self.steps = self.epoch + 1, 0
        self._save(milestone=True)

    def _train_epoch(self) -> None:
        self._model.train()
        for options in self._optimiser.param_groups:
            options["lr"] = self.config.step_size(self.epoch)
        order = next(self._orders).to(self.device)
        for batch in torch.split(order, self.config.batch_size)[self.steps :]:
            self._step(batch)
            self.steps += 1
            self._save()

    def _step(self, batch: Tensor) -> None:
        inputs, labels = self._split.train_inputs[batch], self._split.train_labels[batch]
        if self.config.augment and isinstance(inputs, Tensor):
            inputs = self._augmented(inputs)  # of the whole batch, so that all processes draw the same
        weight = 1.0
        if self._several:
            part, weight = processes.share(len(batch))
            inputs, labels = inputs[part], labels[part]
        draw_from(hash((self.config.seed, self.epoch, self.steps, processes.rank())) % 2**63, self.device)
        self._optimiser.zero_grad()
        loss = self._loss(self._logits(inputs), labels)
        (loss if weight == 1 else weight * loss).backward()
        self._optimiser.step()

    def _logits(self, inputs: Tensor | Inputs) -> Tensor:
        form = formatted(inputs, self.config) if isinstance(inputs, Tensor) else inputs.form
        if self.config.precision == "float32":
            return cast("Tensor", self._forward(form))
        with torch.autocast(self.device.type, torch.bfloat16):
            return cast("Tensor", self._forward(form)).float()

    def _augmented(self, inputs: Tensor) -> Tensor:
        side = min(inputs.shape[-2:])
        return augment(inputs, self._augmentation, padding=max(1, side // 8), flip=self.config.data not in UPRIGHT)

    def _save(self, *, milestone: bool = False) -> None:
        if self._file is not None and processes.rank() == 0:
            self._file.save_if_due(self._state, milestone=milestone, over=self.epoch > self.config.epochs)

    def _state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "steps": self.steps,
            "rows": self.rows,
            "model": self._model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "augmentation": self._augmentation.get_state(),
        }

    def _resume(self) -> None:
        found = None if self._file is None else self._file.load()
        processes.wait()  # nobody writes before all have read
        if found is None:
            return
        self.epoch, self.steps, self.rows = found["epoch"], found["steps"], found["rows"]
        self._model.load_state_dict(found["model"])
        self._optimiser.load_state_dict(found["optimiser"])
        self._schedule.load_state_dict(found["schedule"])
        self._augmentation.set_state(found["augmentation"])


def _identity(config: TrainingConfig, model: nn.Module, split: Data, logits: ToLogits | None) -> str:
    """What tells runs apart: the configuration but for the machine, the data, the model, versions, machine, and this code.

    Models of the same weights differ in how they print or in their logits.
    """
    one_thread = replace(config, threads=1)  # the bits of the logits may depend on their number, which tells no runs apart
    with numerics(one_thread), private_randomness(config.seed, device_of(config)):
        first = evaluated(model, split.train_inputs[:1], logits)
    printed = ADDRESS.sub("", repr(model))
    digest = hashlib.sha256()
    inputs = (part for of_set in (split.train_inputs, split.test_inputs) for part in _told_apart(of_set))
    for part in (*model.state_dict().values(), printed, first, split.train_labels, split.test_labels, *inputs):
        digest.update(_bytes(part))
    about = {"config": config.identity(), "environment": provenance.environment(__name__), "tensors": digest.hexdigest()}
    return records.config_hash(about)


def _bytes(part: Any) -> bytes:
    if not isinstance(part, Tensor):
        return repr(part).encode()
    return part.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _told_apart(inputs: Tensor | OwnInputs) -> Iterator[Any]:
    """What tells these inputs from others: their tensors, and of one's own also their names and constants."""
    if isinstance(inputs, Tensor):
        yield inputs
        return
    for part in in_parts(inputs, READ):
        for name, value in part.named.items():
            yield from (name, value)
