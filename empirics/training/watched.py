"""A run with what holds of the assumptions along it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from tsla.empirics.assumptions import network_run
from tsla.empirics.data.datasets import Split
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.devices import device_of, on_device
from tsla.empirics.training.loop import Row, train


def watched(config: TrainingConfig, model: nn.Module, split: Split) -> Iterator[Row]:
    """The rows of training; those at which moments are measured carry what :mod:`tsla.empirics.assumptions` sees there."""
    per_epoch = -(-len(split.train_labels) // config.batch_size)
    here = on_device(split, device_of(config), config)
    rows: list[Row] = []

    def run() -> Iterator[tuple[int, float]]:
        for row in train(config, model, split=split):
            rows.append(row)
            if row["epoch"] in config.measure_at:
                yield row["epoch"] * per_epoch, row["eta"]

    how: dict[str, Any] = {"smoothing": config.smoothing, "batch_size": config.batch_size}
    for seen in network_run.network(model, here.train_inputs, here.train_labels, run(), **how):
        rows[-1] |= seen.columns()
        yield from rows
        rows.clear()
    yield from rows
