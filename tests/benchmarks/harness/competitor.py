"""A contestant in a process of its own, as its user would run it: no other library's heap, hooks or threads."""

from __future__ import annotations

import copy
import math
import multiprocessing
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType

import torch
from torch import Tensor, nn

from tests.benchmarks.harness import networks, peers, timing
from tsla.theory.moments import Moments

# glibc gives large blocks back to the system at once and has every page of the next one mapped anew, which on a virtual machine can cost as
# much as the arithmetic. With these it keeps them, as other allocators do.
MEMORY_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 33), "MALLOC_TOP_PAD_": str(1 << 28)}
LONG = 10.0  # seconds of a call in which a cold start does not show
TUNING_EXAMPLES = 32  # on which the fastest of a contestant's ways is found


@dataclass(frozen=True)
class Setting:
    """A network with so many examples; ``variant`` is "", "channels_last", "bf16" (autocast) or "memory kept"."""

    network: str
    batch: int
    variant: str
    device: str
    seed: int

    def load(self) -> tuple[nn.Module, Tensor, Tensor]:
        """The model, inputs and labels, on the device."""
        layout = torch.channels_last if self.variant == "channels_last" else torch.preserve_format
        model, inputs, labels = networks.build(self.network, self.batch, self.seed)
        return model.to(self.device, memory_format=layout), inputs.to(self.device, memory_format=layout), labels.to(self.device)

    def prepare(self, way: peers.Way, model: nn.Module) -> peers.Measure:
        """A way on a copy of the model, since the libraries leave hooks; within autocast where the variant asks for it."""
        measure = way.prepare(copy.deepcopy(model))

        def within(inputs: Tensor, labels: Tensor) -> Moments | None:
            with torch.autocast(self.device.split(":")[0], torch.bfloat16):
                return measure(inputs, labels)

        return within if self.variant == "bf16" else measure


class Contestant:
    """Talks to the process."""

    def __init__(self, setting: Setting, name: str) -> None:
        self.setting, self.name = setting, name
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def prepare(self) -> tuple[str, Moments | None]:
        """The way that it takes, and what it finds."""
        with _environment(MEMORY_KEPT if self.setting.variant == "memory kept" else {}):
            return self._pool.submit(_prepare, self.setting, self.name).result()

    def seconds(self) -> float:
        """Of one call, which is not the first."""
        return self._pool.submit(_timed, 1, 0, self.setting.device).result().seconds

    def timed(self, seconds: float) -> timing.Call:
        """Some calls, where one takes so many seconds. Before quick ones another, which finds the memory again that others used."""
        repeats, before = max(1, math.ceil(timing.SHORTEST / seconds)), int(seconds < LONG)
        return self._pool.submit(_timed, repeats, before, self.setting.device).result()

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown()


def memory_of_one_call(setting: Setting, name: str, label: str) -> int | None:
    """In a fresh process: bytes that the first call adds to the model, the data and the imported library."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_memory, setting, name, label).result()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """For the processes that are started within this context."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


# --- in the process

_works: list[partial[Moments | None]] = []  # the one that was prepared


def _begin(device: str) -> None:
    warnings.simplefilter("ignore")  # the libraries' remarks on their own insides
    if not device.startswith("cuda"):
        timing.limit_memory()


def _prepare(setting: Setting, name: str) -> tuple[str, Moments | None]:
    _begin(setting.device)
    model, inputs, labels = setting.load()
    label, measure = _fastest(setting, name, model, inputs, labels)
    _works[:] = [partial(measure, inputs, labels)]
    return label, _works[0]()


def _fastest(setting: Setting, name: str, model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[str, peers.Measure]:
    """The fastest of a contestant's ways on the first examples, by the best of three calls after one to warm up."""
    ways = peers.CONTESTANTS[name]
    if len(ways) == 1:
        return ways[0].label, setting.prepare(ways[0], model)
    few, found, problem = (inputs[:TUNING_EXAMPLES], labels[:TUNING_EXAMPLES]), [], None
    for way in ways:
        try:
            measure = setting.prepare(way, model)
            measure(inputs[:8], labels[:8])
            seconds = min(timing.timed(partial(measure, *few), device=setting.device).seconds for _ in range(3))
            found.append((seconds, way.label, measure))
        except Exception as error:  # the next way may do
            problem = error
    if problem is not None and not found:
        raise problem
    return min(found, key=lambda entry: entry[0])[1:]


def _timed(repeats: int, before: int, device: str) -> timing.Call:
    for _ in range(before):
        _works[0]()
    return timing.timed(_works[0], repeats=repeats, device=device)


def _memory(setting: Setting, name: str, label: str) -> int | None:
    _begin(setting.device)
    model, inputs, labels = setting.load()
    way = next(way for way in peers.CONTESTANTS[name] if way.label == label)
    return timing.peak_increase(partial(setting.prepare(way, model), inputs, labels), setting.device)
