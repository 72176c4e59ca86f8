"""Smoothing that fades along a line."""

from __future__ import annotations

from tsla.empirics.smoothing.schedules._schedule import Decay


class Linear(Decay):
    """From ``theta`` along a line to 0, which is reached after ``end`` units of time."""

    method = "linear"

    @property
    def theta(self) -> float:
        """``theta (1 - t/end)``."""
        return self.start * (1 - self.progress)
