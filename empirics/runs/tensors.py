"""Files of tensors: written so that a full disk is called one."""

from __future__ import annotations

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
