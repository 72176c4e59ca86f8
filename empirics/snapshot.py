"""Where a run is, in a file from which a killed run goes on to the same bits."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.files import replacing

SECONDS = 30.0
"""Least time between two snapshots."""
SHARE = 0.05
"""Largest part of the time that goes into writing them: large states are written less often."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass
class Snapshot:
    """The file at ``path``, of the run whose configuration, versions, code and machine give ``identity``."""

    path: Path
    identity: str
    last: float = field(default_factory=time.monotonic)
    cost: float = 0.0

    def load(self) -> dict[str, NDArray[Any]] | None:
        """What was saved, None where there is no file. Raises ValueError where the file is another run's, or no snapshot."""
        try:
            with self.path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                arrays = dict(file)
        except FileNotFoundError:
            return None
        except (OSError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"state = {self.path} must be a snapshot of a run; it is not one: {error}") from error
        if str(arrays.get("identity", "")) != self.identity:
            raise ValueError(f"state = {self.path} must be a snapshot of this very run; it is another's: remove it, or choose another file")
        return arrays

    def save_if_due(self, arrays: Callable[[], Arrays]) -> None:
        """Save what ``arrays`` returns, if the last time is long enough ago."""
        start = time.monotonic()
        if start - self.last < max(SECONDS, self.cost / SHARE):
            return
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, **{"identity": np.array(self.identity), **arrays()})  # type: ignore[arg-type]  # no name is allow_pickle
        self.last = time.monotonic()
        self.cost = self.last - start

    def remove(self) -> None:
        """Remove the file: the run is over."""
        self.path.unlink(missing_ok=True)
