"""Where a run is, in a file from which a killed run goes on to the same bits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tsla.empirics.runs.files import replacing

SECONDS = 30.0
"""Least time between two states that are no milestones."""
INSTEAD = "remove it, or choose another file"
SHARE = 0.05
"""Largest part of the time that goes into writing them: large states are written less often."""
LOG = logging.getLogger(__name__)
"""What is worth a line on standard error, which is where Python puts it unless told otherwise."""


class Codec(Protocol):
    """What kind of file a state is: :mod:`tsla.empirics.runs.arrays` or :mod:`tsla.empirics.runs.tensors`."""

    def save(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write the content. Raises OSError where the operating system does."""

    def load(self, path: Path) -> Any:
        """What the file holds, of which no code is run. Raises ValueError, saying what it is or is not, where it is no such file."""


@dataclass
class StateFile:
    """The file at ``path`` that holds where the run is that ``identity`` is of.

    The run can do without: where the file can't be written, a line on standard error says so once, and the run goes on.
    """

    path: Path
    identity: str
    codec: Codec
    last: float = field(default_factory=time.monotonic)
    cost: float = 0.0
    warned: bool = False

    def load(self) -> dict[str, Any] | None:
        """What was saved, None where there is no file. Raises ValueError where the file is another run's, damaged, or no state."""
        try:
            content = self.codec.load(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"state = {self.path} can't be read: {error.strerror or error}; must be the state of a run") from error
        except ValueError as error:
            raise ValueError(f"state = {self.path} must be the state of a run; it is {error}; {INSTEAD}") from error
        if not isinstance(content, dict) or str(content.get("identity")) != self.identity:
            raise ValueError(f"state = {self.path} must be the state of this very run; it is another's: {INSTEAD}")
        return content

    def save_if_due(self, state: Callable[[], Mapping[str, Any]], *, milestone: bool = False, over: bool = False) -> None:
        """Save what ``state`` returns, if the last time is long enough ago or the run is over.

        That is SECONDS, but at a milestone, and so long that writing takes no more than a SHARE of the time.
        """
        enough = max(0.0 if milestone else SECONDS, self.cost / SHARE)
        if over or time.monotonic() - self.last >= enough:
            self._save({"identity": self.identity, **state()})

    def _save(self, content: Mapping[str, Any]) -> None:
        start = time.monotonic()
        try:
            with replacing(self.path) as temporary:
                self.codec.save(temporary, content)
        except OSError as error:
            if not self.warned:
                LOG.warning("state = %s can't be written: %s; the run goes on without", self.path, error.strerror or error)
            self.warned = True
        self.last = time.monotonic()
        self.cost = self.last - start
