"""Runs that share data, network and number of steps, trained at once: the rows of training them one by one, to rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

import torch
from torch import Tensor

from tsla.empirics.training.configuration import FIELDS, PRETRAINED, TrainingConfig
from tsla.empirics.training.devices import numerics
from tsla.empirics.training.ensemble.examples import SharedExamples, examples_of
from tsla.empirics.training.ensemble.replicas import Replicas, SmoothingLabels, fitting
from tsla.empirics.training.evaluation import scores
from tsla.empirics.training.loop import Row
from tsla.empirics.training.measuring import Measuring
from tsla.empirics.training.setup import initial_model

OWN = frozenset({"method", "seed", "eta", "theta", "drop", "smoothing", "momentum", "label_noise", "measure_at"})
"""The fields of a configuration that runs may differ in."""
ONLY = {"norm": "group", "augment": False, "precision": "float32", "channels_last": False, "compile": False, "device": "cpu"}
"""Fields that have one value here; of a network that may be pretrained, also ``trained``: all else in it has buffers."""


def train_together(configs: Sequence[TrainingConfig]) -> Iterator[list[Row]]:
    """Before each epoch and after the last, one row a run, in the order of ``configs``: those of :func:`tsla.train`.

    The runs may differ in the fields of OWN. They have the same rows as one by one but for rounding, which training magnifies with time.
    What ``measure_at`` asks for is measured network by network, which takes longer than epochs of training. A run that diverges leaves
    the others as they are. Raises ValueError, before anything is trained, for runs that differ in another field, and for values that ONLY
    excludes.
    """
    _check(configs)
    return _rows(configs)


def _check(configs: Sequence[TrainingConfig]) -> None:
    if not configs:
        raise ValueError("configs: no runs; must be one or more")
    only = ONLY | ({"trained": "head"} if configs[0].model == PRETRAINED else {})
    for name in FIELDS:
        values = list(dict.fromkeys(getattr(config, name) for config in configs))
        if len(values) > 1 and name not in OWN:
            raise ValueError(f"{name} = {', '.join(map(repr, values))} must be one value for all runs that are trained together")
        if values[0] != only.get(name, values[0]):
            raise ValueError(f"{name} = {values[0]!r} must be {only[name]!r} for runs that are trained together")


def _rows(configs: Sequence[TrainingConfig]) -> Iterator[list[Row]]:
    examples = examples_of(configs)
    size = fitting(examples.images, configs[0].batch_size)
    parts = [slice(start, start + size) for start in range(0, len(configs), size)]
    groups = [_Group(configs[part], examples.of(part)) for part in parts]
    for epoch in range(configs[0].epochs + 1):
        with numerics(configs[0]):
            if epoch:
                for group in groups:
                    group.train_epoch()
            rows = [row for group in groups for row in group.rows()]
        yield rows


class _Group:
    """Runs whose steps are done at once, before some epoch."""

    def __init__(self, configs: Sequence[TrainingConfig], examples: SharedExamples) -> None:
        self._configs, self._examples = configs, examples
        self._epoch = 0
        self._generators = [torch.Generator().manual_seed(config.seed) for config in configs]
        self._schedules = [config.schedule() for config in configs]
        self._rules: list[tuple[float, float]] = [(0.0, 0.0)] * len(configs)
        like = examples.split(0)
        models = [initial_model(config, like) for config in configs]
        self._replicas = Replicas(models, [config.momentum for config in configs], configs[0].weight_decay)
        self._smoothing = SmoothingLabels([config.smoothing for config in configs], examples.train.labels, examples.classes)
        self._columns = self._measuring(0).columns

    def rows(self) -> list[Row]:
        """What there is to say before the epoch; schedules that ask for moments get them."""
        parts = (self._examples.train, self._examples.test)
        logits = (self._replicas.evaluate(self._examples.images, part.places) for part in parts)
        return [self._row(run, train, test) for run, (train, test) in enumerate(zip(*logits, strict=True))]

    def _row(self, run: int, train: Tensor, test: Tensor) -> Row:
        config = self._configs[run]
        found = scores(train, self._examples.train.labels[run], test, self._examples.test.labels[run])
        if self._epoch < config.epochs:
            self._rules[run] = self._rule(run, informed=isfinite(found["train_loss"]))
        eta, theta = self._rules[run]
        measured = self._measuring(run).at(self._replicas.model(run), eta) if self._epoch in config.measure_at else {}
        about = {"method": config.method, "seed": config.seed, "epoch": self._epoch, "eta": eta, "theta": theta}
        return about | found | {name: measured.get(name) for name in self._columns}

    def _rule(self, run: int, *, informed: bool) -> tuple[float, float]:
        schedule, eta = self._schedules[run], self._configs[run].step_size(self._epoch)
        if schedule.needs_moments and informed:
            self._measuring(run).inform(schedule, self._replicas.model(run), eta)
        return eta, schedule.theta

    def _measuring(self, run: int) -> Measuring:
        config, split = self._configs[run], self._examples.split(run)
        return Measuring(config, split, self._smoothing.prior(run) if config.smoothing == "prior" else config.smoothing)

    def train_epoch(self) -> None:
        """The steps of the epoch."""
        eta, theta = torch.tensor(self._rules, dtype=torch.float64).T
        train = self._examples.train
        order = orders(self._generators, train.labels.shape[1])
        for some in torch.split(order, self._configs[0].batch_size, dim=1):
            batch = train.rows(some)
            self._replicas.step(self._examples.images[batch.places], self._smoothing.slope(batch.labels, theta), eta)
        for schedule in self._schedules:
            schedule.step()
        self._epoch += 1


def orders(generators: Sequence[torch.Generator], n: int) -> Tensor:
    """Each run's order of its n training examples in the coming epoch, ``(R, n)``."""
    return torch.stack([torch.randperm(n, generator=generator) for generator in generators])
