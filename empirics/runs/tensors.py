"""Files of tensors, numbers and names, in torch's format: written so that a full disk is called one, and read without running code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def save(path: Path, content: Mapping[str, Any]) -> None:
    """``torch.save``, but what the operating system says is raised as it is: torch hides it behind a RuntimeError of its own."""
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def load(path: Path) -> Any:
    """What a file of ``torch.save`` holds, on the CPU. Raises ValueError, saying what the file is not, where it is of another kind."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f"not a file of torch.save that loads with weights_only=True{_why(path)}") from error


def _why(path: Path) -> str:
    """The classes of what a file holds beside tensors, numbers and names, and what to do about them; empty where that can't be told."""
    try:
        classes = torch.serialization.get_unsafe_globals_in_checkpoint(path)  # reads their names, and runs nothing
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError):
        return ""
    beside = ", ".join(sorted(classes))
    return f": it holds {beside}, which would run code; save the weights alone, torch.save(model.state_dict(), ...)" if beside else ""
