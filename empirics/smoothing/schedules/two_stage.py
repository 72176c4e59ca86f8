"""TSLA: smoothing, and then none."""

from __future__ import annotations

from tsla.empirics.smoothing.schedules._schedule import FromStart
from tsla.theory.constants import whole


class TwoStage(FromStart):
    """``theta`` for ``drop`` units of time, and then 0: TSLA(s) with ``s = drop`` (C8)."""

    method = "tsla"
    made_of = ("theta", "drop")

    def __init__(self, theta: float, drop: int) -> None:
        super().__init__(theta)
        whole("drop", drop, at_least=0)
        self.drop = drop

    @property
    def theta(self) -> float:
        """The strength of the stage."""
        return self.start if self.elapsed < self.drop else 0.0
