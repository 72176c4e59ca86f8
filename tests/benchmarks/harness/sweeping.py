"""Sweeps without training: runs that sleep where others train, and a pool that loses workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import numpy as np

from tsla.empirics.runs.parallel import Workers
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.sweeps import engine, one
from tsla.empirics.training.sweeps.one import Run

EPOCHS = 20


def runs(folder: Path, count: int) -> list[Run]:
    """Runs that differ in their seeds."""
    return [Run(TrainingConfig("sgd", seed, epochs=1, measure_at=()), folder) for seed in range(count)]


def pretend(run: Run, seconds: float = 0.0) -> None:
    """All that a worker does with a run, but that it sleeps for so many seconds an epoch in place of training."""

    def made_up(config: TrainingConfig, *, state: Path) -> Iterator[dict[str, Any]]:
        for epoch in range(config.epochs + 1):
            time.sleep(seconds)
            yield {"method": config.method, "seed": config.seed, "epoch": epoch, "eta": config.eta, "train_loss": 1.0, "test_accuracy": 0.5}

    with patch.object(one, "train", made_up):
        one.attempt(run)


# --- workers that are lost


@dataclass(eq=False)
class Unwritten:
    """A run without files: what its status says, and the epochs that its state has."""

    epochs: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)

    def seen(self) -> dict[str, Any]:
        """As :meth:`Run.seen`."""
        return dict(self.said)

    def say(self, status: Mapping[str, Any]) -> None:
        """As :meth:`Run.say`."""
        self.said = status

    @property
    def status(self) -> Unwritten:
        """What can be unlinked."""
        return self

    def unlink(self, *, missing_ok: bool) -> None:
        """Forget what was said."""
        self.said = {}


@dataclass(frozen=True)
class Losing(Workers):
    """Workers that make an epoch a tick. Each is lost at a tick with probability ``risk``, and all that were under way with it.

    ``epochs``: how many were made, and how many were under way in vain
    """

    risk: float = 0.0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    epochs: dict[str, int] = field(default_factory=lambda: {"made": 0, "in vain": 0})

    def each(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Make the runs. Raises RuntimeError where a worker is lost."""
        waiting = [run for (run,) in arguments]
        busy: list[Unwritten] = []
        while waiting or busy:
            started, waiting = waiting[: self.count - len(busy)], waiting[self.count - len(busy) :]
            busy += started
            for run in busy:
                run.say({"ended": None, "epoch": run.epochs})
            if self.rng.random() < 1 - (1 - self.risk) ** len(busy):
                self.epochs["in vain"] += len(busy)
                raise RuntimeError("lost")
            self.epochs["made"] += len(busy)
            for run in busy:
                run.epochs += 1
                run.say({"ended": "done" if run.epochs == EPOCHS else None, "epoch": run.epochs})
            yield from (run for run in busy if run.epochs == EPOCHS)
            busy = [run for run in busy if run.epochs < EPOCHS]


def survived(count: int, workers: int, life: float) -> tuple[int, float]:
    """Of ``count`` runs on workers that live for so many epochs on average: how many end well, and which part of the epochs was in vain."""
    made, pool = [Unwritten() for _ in range(count)], Losing("loky", workers, risk=1 / life)
    engine._run_all(cast("list[Run]", made), pool)
    return sum(run.said["ended"] == "done" for run in made), pool.epochs["in vain"] / sum(pool.epochs.values())
