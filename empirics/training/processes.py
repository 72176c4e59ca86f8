"""One run on several processes, each with its part of every batch: the steps are those of one process, to rounding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from tsla.empirics.smoothing.schedules import State


def rank() -> int:
    """Which of the processes this is, from 0."""
    return distributed.get_rank() if _several() else 0


def size() -> int:
    """How many there are."""
    return distributed.get_world_size() if _several() else 1


def local_rank() -> int:
    """Which of the processes of this machine this is: torchrun says so."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()


@contextmanager
def group(device: str) -> Iterator[None]:
    """Within this context the processes that torchrun started belong together; a process on its own stays so."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    on_gpus = device != "cpu" and torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(local_rank())
    distributed.init_process_group("nccl" if on_gpus else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def share(batch: int) -> tuple[slice, float]:
    """Which of the ``batch`` examples are this process's, and the weight of their mean loss.

    The processes' gradients are averaged, each counting the same. So that the average is the gradient of the mean over the whole batch, a
    mean over m examples has weight ``m · size / batch``. A process that no example is left for takes the first one, with weight 0.
    """
    own = range(rank(), batch, size())
    return (slice(rank(), None, size()), len(own) * size() / batch) if own else (slice(0, 1), 0.0)


def joined(model: nn.Module, device: torch.device) -> nn.Module:
    """The model, its gradients averaged over the processes. Raises ValueError for BatchNorm on CPUs, where statistics are not shared."""
    if size() == 1:
        return model
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        if device.type == "cpu":
            raise ValueError("norm = batch must be group for several processes on CPUs: each would normalise by its own part of a batch")
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    return DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)


def agreed(state: State) -> State:
    """The state of the first process, for all of them: measurements on different devices may differ by rounding."""
    if size() == 1:
        return state
    told = [state]
    distributed.broadcast_object_list(told, src=0)
    return told[0]


def wait() -> None:
    """Until all processes are here."""
    if size() > 1:
        distributed.barrier()
