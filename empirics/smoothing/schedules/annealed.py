"""Smoothing with θ°(η) of measured moments."""

from __future__ import annotations

from typing import ClassVar

from tsla.empirics.smoothing.schedules._schedule import Observed, Schedule, of_single
from tsla.theory.constants import batch, single
from tsla.theory.moments import Moments


class Annealed(Schedule):
    """``θ°(η)`` of the moments observed last, at most ``most``: the strength that is best at this step size and batch size (C12, C14).

    0 before the first observation, each of which needs ``eta_L``. C12 ends at ``eta_L = 1``; for more, 1 is taken.
    """

    method = "annealed"
    made_of = ("batch_size",)
    needs_moments = True
    state = ("elapsed", "strength")
    limits: ClassVar = {**Schedule.limits, "strength": {"at_least": 0, "at_most": 1}}

    def __init__(self, batch_size: int, most: float = 1.0) -> None:
        super().__init__()
        batch(batch_size)
        self.batch_size = batch_size
        self.most = single("most", most, at_least=0, at_most=1)
        self.strength = 0.0

    @property
    def theta(self) -> float:
        """``min(θ°, most)``."""
        return min(self.strength, self.most)

    def observe(self, moments: Observed | None, *, eta_L: float | None = None) -> None:
        """Take θ° of these moments; of estimates the values, moved to where moments can be. Raises ValueError without ``eta_L > 0``."""
        if moments is None:
            return
        if eta_L is None:
            raise ValueError("eta_L = None must be the step size times the largest curvature, above 0")
        scale = min(single("eta_L", eta_L, above=0), 1.0)
        values = moments if isinstance(moments, Moments) else moments.moments
        self.strength = of_single(values.at_batch_size(self.batch_size).clipped().theta_for_step(scale))
