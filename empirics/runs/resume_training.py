"""Where a run is, in a file from which a killed run goes on to the same bits."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from tsla.empirics.runs import tensors
from tsla.empirics.runs.files import StateOfRun
from tsla.empirics.runs.records import config_hash, environment

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


class StateFile(StateOfRun):
    """Tensors, numbers and names in a file of torch's."""

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

    def save_if_due(self, state: Callable[[], Mapping[str, Any]], *, within_epoch: bool = False, over: bool = False) -> None:
        """Save what ``state`` returns, if the last time is long enough ago or the run is over."""
        if over or self.is_due(seconds=SECONDS if within_epoch else 0.0, share=SHARE):
            self.save(lambda path: tensors.save(path, {"identity": self.identity, **state()}))
