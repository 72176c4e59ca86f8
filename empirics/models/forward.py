"""Forward passes that leave the model as it was: layers that update their buffers do so in copies."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


def buffer_copies(model: nn.Module) -> dict[str, Tensor]:
    """Copies of all buffers, by name."""
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


def with_own_buffers(model: nn.Module, inputs: Tensor) -> Any:
    """``model(inputs)``, with copies of the buffers."""
    return functional_call(model, buffer_copies(model), inputs)


def as_logits(outputs: Any, inputs: Tensor, *, whose: str = "model") -> Tensor:
    """The outputs of a classifier, ``(n, classes)``. Raises ValueError, naming ``whose`` they are, for outputs of another kind."""
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or len(outputs) != len(inputs):
        raise ValueError(f"{whose} must map examples (n, ...) to logits (n, classes)")
    return outputs
