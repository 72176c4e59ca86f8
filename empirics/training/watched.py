"""A run with what holds of the assumptions along it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import nn

from tsla.empirics.assumptions import network_run
from tsla.empirics.data.datasets import Split
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.devices import device_of, numerics, on_device
from tsla.empirics.training.loop import Row, train
from tsla.empirics.training.measuring import CURVED, ITERATIONS

MICROBATCH = 64
"""Examples that are differentiated at once: larger ones wait for memory."""


def watched(config: TrainingConfig, model: nn.Module, split: Split, *, tell: Callable[[str], None]) -> Iterator[Row]:
    """The rows of training; those at which moments are measured carry what :mod:`tsla.empirics.assumptions` sees there.

    The largest curvature is that of CURVED examples: over all of them it would take many times as long as training. A look has the threads
    of the run: with more it waits for them. ``tell`` is told what looking costs, in a line after the first look and in one at the end.
    """
    here = on_device(split, device_of(config), config)
    order = torch.randperm(len(here.train_labels), generator=torch.Generator().manual_seed(config.seed)).to(here.train_labels.device)
    looks, rows, began = _Looks(config, tell), list[Row](), time.perf_counter()

    def run() -> Iterator[tuple[int, float]]:
        per_epoch = -(-len(order) // config.batch_size)
        for row in train(config, model, split=split):
            rows.append(row)
            if row["epoch"] in config.measure_at:
                with numerics(config), looks:
                    yield row["epoch"] * per_epoch, row["eta"]

    seen_at = network_run.network(
        model,
        here.train_inputs[order],
        here.train_labels[order],
        run(),
        smoothing=config.smoothing,
        batch_size=config.batch_size,
        microbatch=MICROBATCH,
        curved=CURVED,
        iterations=ITERATIONS,
    )
    for seen in seen_at:
        rows[-1] = seen.columns() | rows[-1]  # whose shat2 is that of single examples
        yield from rows
        rows.clear()
    yield from rows
    tell(f"{len(looks.seconds)} looks took {sum(looks.seconds):.1f} s of {time.perf_counter() - began:.1f} s in all")


class _Looks:
    """Times the looks, each of which is a ``with``, and tells after the first one what all of them will take."""

    def __init__(self, config: TrainingConfig, tell: Callable[[str], None]) -> None:
        self.seconds: list[float] = []
        self._planned, self._tell, self._began = sum(epoch <= config.epochs for epoch in config.measure_at), tell, 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds.append(took := time.perf_counter() - self._began)
        if len(self.seconds) == 1:
            self._tell(f"a look took {took:.1f} s; {self._planned} looks take about {self._planned * took:.0f} s beside training")
