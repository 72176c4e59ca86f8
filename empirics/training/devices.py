"""Where a run computes and how: device, precision, threads, determinism."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from tsla.empirics.data.datasets import Split
from tsla.empirics.training import processes
from tsla.empirics.training.configuration import Machine, TrainingConfig
from tsla.empirics.training.configuration.config import MOST_THREADS
from tsla.theory.constants import whole

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""The setting without which cuBLAS is not deterministic."""


def device_of(machine: Machine) -> torch.device:
    """The device: of several processes each takes a GPU of its own. Raises ValueError where a GPU is asked for and there is none."""
    there = torch.cuda.is_available()
    if machine.device == "cuda" and not there:
        raise ValueError("device = cuda must be a GPU that torch sees, and it sees none: cpu, or auto, works everywhere")
    return torch.device("cuda", processes.local_rank()) if there and machine.device != "cpu" else torch.device("cpu")


def taken(config: TrainingConfig) -> str:
    """In words, what the run computes on."""
    device, n = device_of(config), processes.size()
    on_cpu = f"{config.threads} thread{'s' * (config.threads > 1)}"
    name = f"{device.type} ({torch.cuda.get_device_name(device) if device.type == 'cuda' else on_cpu})"
    return f"{name}, {config.precision}, {n} process{'es' * (n > 1)}"


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Within this context torch computes with so many threads, or with as many as before. Raises ValueError for no such number."""
    before = torch.get_num_threads()
    if count is not None:
        whole("threads", count, at_least=1, at_most=MOST_THREADS)
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def numerics(machine: Machine) -> Iterator[None]:
    """Within this context torch computes with the threads and the determinism of the run."""
    with threads(machine.threads), _deterministic() if machine.deterministic else nullcontext():
        yield


@contextmanager
def _deterministic() -> Iterator[None]:
    """Within this context torch uses deterministic algorithms alone; afterwards its settings are what they were."""
    before, warn_only = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    workspace = os.environ.get(WORKSPACE)
    os.environ.setdefault(WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
        if workspace is None:
            del os.environ[WORKSPACE]


def formatted(inputs: Tensor, machine: Machine) -> Tensor:
    """Images in the memory format of the run."""
    return inputs.contiguous(memory_format=torch.channels_last) if machine.channels_last and inputs.ndim == 4 else inputs


def on_device(split: Split, device: torch.device, machine: Machine) -> Split:
    """The data, all of them on the device."""
    return replace(
        split,
        train_inputs=formatted(split.train_inputs.to(device), machine),
        train_labels=split.train_labels.to(device),
        test_inputs=formatted(split.test_inputs.to(device), machine),
        test_labels=split.test_labels.to(device),
    )
