"""Autocast is for the model: its calls run under what it met, and sums of products do not run in half precision."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import wraps
from typing import Any, TypeVar, cast

import torch

Function = TypeVar("Function", bound=Callable[..., Any])
_DEVICES = ("cpu", "cuda")


def without_autocast(function: Function) -> Function:
    """The same function, without autocast."""

    @wraps(function)
    def exact(*args: Any, **kwargs: Any) -> Any:
        if not any(map(torch.is_autocast_enabled, _DEVICES)):  # what follows would cost more than a small product
            return function(*args, **kwargs)
        with _autocast({device: (False, torch.get_autocast_dtype(device)) for device in _DEVICES}):
            return function(*args, **kwargs)

    return cast("Function", exact)


def autocast_as_now() -> Callable[[], AbstractContextManager[Any]]:
    """To be called later, for the autocast of this moment."""
    now = {device: (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)) for device in _DEVICES}
    return lambda: _autocast(now)


def _autocast(wanted: dict[str, tuple[bool, torch.dtype]]) -> ExitStack:
    stack = ExitStack()
    for device, (enabled, dtype) in wanted.items():
        if enabled != torch.is_autocast_enabled(device):
            stack.enter_context(torch.autocast(device, dtype, enabled))
    return stack
