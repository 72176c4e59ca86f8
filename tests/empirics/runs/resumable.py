"""The two kinds of runs that keep where they are in a file: to be killed, in this process or in another, and called again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from torch import nn

from tests.empirics.simulation.stages import NOISY, PLAN
from tsla.empirics.runs import arrays, provenance, resume, tensors
from tsla.empirics.runs.resume import Codec
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import train
from tsla.empirics.training.setup import initial_model

Bits = Mapping[str, bytes]
CONFIG = TrainingConfig(
    "tsla",
    3,
    epochs=4,
    drop=2,
    train_size=40,
    batch_size=8,
    model="mlp",
    momentum=0.9,
    augment=True,
    step_sizes="cosine",
    measure_at=(0, 2, 4),
)
EPOCH = 5
"""Steps in one of CONFIG."""


class KilledError(Exception):
    """Raised in a run that is to break off."""


@contextmanager
def saving_always() -> Iterator[None]:
    """A state after every step. Also not the true environment: an edit of the sources while the test runs is not what it is about."""
    with patch.multiple(resume, SECONDS=0.0, SHARE=float("inf")), patch.object(provenance, "environment", lambda *_: {}):
        yield


class Clock:
    """Counts what a call does, each of which takes ``pause`` seconds, and breaks it off after ``die_at`` of them."""

    def __init__(self, die_at: int | None, pause: float) -> None:
        self.done, self.die_at, self.pause = 0, die_at, pause

    def stop(self) -> None:
        if self.done == self.die_at:
            raise KilledError

    def tick(self) -> None:
        time.sleep(self.pause)
        self.done += 1


def simulated(state: Path | None, die_at: int | None = None, pause: float = 0.0, **changes: Any) -> tuple[Bits, int]:
    """What a simulation found, and how many of its seven checkpoints it told of; it breaks off when ``die_at`` are told of."""
    clock = Clock(die_at, pause)

    def progress(*_: int) -> None:
        clock.tick()
        clock.stop()

    how: dict[str, Any] = {"problem": problems.get("sine_valley", dimension=50), "oracle": NOISY, "stages": PLAN, "replicas": 700}
    how |= {"seed": 4, "checkpoints": [0, 10, 30, 40, 50, 60, 71], "threads": 2} | changes
    found = simulate(state=state, progress=progress, **how)
    return {name: getattr(found, name).tobytes() for name in ("step", "grad2", "mean_grad2", "gap")}, clock.done


def trained(state: Path | None, die_at: int | None = None, pause: float = 0.0, *, weights: int = 3, **changes: Any) -> tuple[Bits, int]:
    """What a training run found, with weights of such a seed, and its steps; it breaks off before another one, or after the last row."""
    clock, config = Clock(die_at, pause), replace(CONFIG, **changes)
    model = initial_model(replace(config, seed=weights))

    def before(module: nn.Module, _: Any) -> None:
        if module.training:
            clock.stop()
            clock.tick()

    model.register_forward_pre_hook(before)
    rows = list(islice(train(config, model, state=state), None if die_at is None else config.epochs + 1))
    clock.stop()
    return {"rows": repr(rows).encode()} | {name: weights.numpy().tobytes() for name, weights in model.state_dict().items()}, clock.done


@dataclass(frozen=True)
class Kind:
    """A kind of run.

    run:        of a state's file, ``die_at``, ``pause`` and changes: its bits, and how much of ``total`` this call did
    total:      how much there is to do
    done:       how much of that a state says
    parts:      what a state has
    otherwise:  changes on which the bits don't depend
    """

    codec: Codec
    run: Callable[..., tuple[Bits, int]]
    total: int
    done: Callable[[Mapping[str, Any]], int]
    parts: tuple[str, ...]
    otherwise: Mapping[str, Any]


KINDS = {
    "simulated": Kind(
        arrays,
        simulated,
        7,
        lambda state: int(np.searchsorted([0, 10, 30, 40, 50, 60, 71], state["done"], side="right")),
        ("w", "grad2_sum", "generators", "done", "grad2"),
        {"threads": 1},
    ),
    "trained": Kind(
        tensors,
        trained,
        4 * EPOCH,
        lambda state: int(EPOCH * state["epoch"] + state["steps"]),
        ("model", "optimiser", "augmentation", "steps", "epoch", "schedule", "rows"),
        {},
    ),
}


def in_another_process(kind: str, state: Path) -> None:
    """A run that is going to be killed."""
    with saving_always():
        KINDS[kind].run(state, pause=0.05)
