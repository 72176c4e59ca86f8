"""Where a run is, in a file from which a killed run goes on to the same bits."""

from __future__ import annotations

import hashlib
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tsla.empirics.files import replacing
from tsla.empirics.records import config_hash, environment

SECONDS = 30.0
"""Least time between two states within an epoch; at the end of an epoch there is no such limit."""
SHARE = 0.05
"""Largest part of the time that goes into writing them: large states are written less often."""


def identity(config: Mapping[str, Any], model: nn.Module, module: str, **more: Any) -> str:
    """What tells runs apart: the configuration, the initial weights, versions, machine, the code of ``module``, and whatever ``more``."""
    digest = hashlib.sha256()
    for weights in model.state_dict().values():
        digest.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return config_hash({"config": dict(config), "environment": environment(module), "weights": digest.hexdigest(), **more})


@dataclass
class StateFile:
    """The file at ``path``, of the run that ``identity`` is of: tensors, numbers and names, written whole or not at all."""

    path: Path
    identity: str
    last: float = field(default_factory=time.monotonic)
    cost: float = 0.0

    def load(self) -> dict[str, Any] | None:
        """What was saved, None where there is no file. Raises ValueError where the file is another run's, or no state."""
        if not self.path.exists():
            return None
        try:
            found = torch.load(self.path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
            raise ValueError(f"state = {self.path} must be the state of a run; it is not one") from error
        if not isinstance(found, dict) or found.get("identity") != self.identity:
            raise ValueError(f"state = {self.path} must be the state of this very run; it is another's: remove it, or choose another file")
        return found

    def save_if_due(self, state: Callable[[], Mapping[str, Any]], *, within_epoch: bool = False) -> None:
        """Save what ``state`` returns, if the last time is long enough ago."""
        start = time.monotonic()
        if start - self.last < max(SECONDS if within_epoch else 0.0, self.cost / SHARE):
            return
        with replacing(self.path) as temporary:
            torch.save({"identity": self.identity, **state()}, temporary)
        self.last = time.monotonic()
        self.cost = self.last - start
