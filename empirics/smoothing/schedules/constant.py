"""LSR: smoothing all along."""

from __future__ import annotations

from tsla.empirics.smoothing.schedules._schedule import FromStart


class Constant(FromStart):
    """``theta`` all the time: label-smoothed SGD (C5)."""

    method = "lsr"

    @property
    def theta(self) -> float:
        """The constant."""
        return self.start
