"""Where a run is, in a file from which a killed run goes on to the same bits."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.runs.files import StateOfRun

SECONDS = 30.0
"""Least time between two snapshots."""
SHARE = 0.05
"""Largest part of the time that goes into writing them: large states are written less often."""

Arrays = Mapping[str, NDArray[Any]]


class Snapshot(StateOfRun):
    """Arrays in a file of NumPy's."""

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

    def save_if_due(self, arrays: Callable[[], Arrays], *, over: bool = False) -> None:
        """Save what ``arrays`` returns, if the last time is long enough ago or the run is over."""
        if over or self.is_due(seconds=SECONDS, share=SHARE):
            self.save(lambda path: self._write(path, arrays()))

    def _write(self, path: Path, arrays: Arrays) -> None:
        with path.open("wb") as file:
            np.savez(file, **{"identity": np.array(self.identity), **arrays})  # type: ignore[arg-type]  # no name is allow_pickle
