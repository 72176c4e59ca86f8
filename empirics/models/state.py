"""Calls that leave a network, and the random states, as they were; where a network lies, and what a classifier returns."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel

from tsla.empirics.models.inputs import check_module, check_real


def buffer_copies(model: nn.Module) -> dict[str, Tensor]:
    """Copies of all buffers, by name."""
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


def with_own_buffers(model: nn.Module, inputs: Any) -> Any:
    """``model(inputs)``, where layers that update their buffers do so in copies."""
    return functional_call(model, buffer_copies(model), (inputs,))


@contextmanager
def private_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Within this context Python, NumPy and torch draw from ``seed``; afterwards the global states are what they were.

    What a dataset's transforms and a model's dropout draw is drawn from these.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        draw_from(seed, device)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002


@contextmanager
def in_float32() -> Iterator[None]:
    """Within this context torch makes new weights in float32, whatever its default type is; afterwards that is what it was."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def draw_from(seed: int, device: torch.device) -> None:
    """From now on Python, NumPy, and torch on the CPU and on this device draw from ``seed``, which is below 2^63."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def device_of(model: nn.Module) -> torch.device:
    """Where the model lies. Raises ValueError for one without a parameter that requires a gradient, and for one spread over ranks."""
    if isinstance(model, DistributedDataParallel):
        raise ValueError("model is DistributedDataParallel; must be the model inside, model.module, on one of the ranks")  # noqa: TRY004
    check_module(model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            return parameter.device
    raise ValueError("model has no parameter that requires a gradient")


def as_logits(outputs: Any, inputs: Sized, *, whose: str = "model") -> Tensor:
    """The outputs of a classifier, one row an example. Raises ValueError, naming ``whose`` they are, for outputs of another kind."""
    if not isinstance(outputs, Tensor) or outputs.ndim == 0 or len(outputs) != len(inputs):
        raise ValueError(f"{whose} must map examples (n, ...) to logits (n, classes)")
    check_real("logits", outputs)
    return outputs
