"""Smoothing that fades along half a cosine."""

from __future__ import annotations

import math

from tsla.empirics.smoothing.schedules._schedule import Decay


class Cosine(Decay):
    """From ``theta`` along half a cosine to 0, which is reached after ``end`` units of time."""

    method = "cosine"

    @property
    def theta(self) -> float:
        """``theta (1 + cos(π t/end))/2``."""
        return self.start * (1 + math.cos(math.pi * self.progress)) / 2
