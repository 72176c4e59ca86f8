"""Smoothing as long as its measured advantage lasts."""

from __future__ import annotations

from typing import ClassVar

from tsla.empirics.smoothing.schedules._schedule import FromStart, Observed, of_single
from tsla.theory.constants import batch, must_be_one_of
from tsla.theory.moments import Moments, Value


class Adaptive(FromStart):
    """``theta`` until the variance advantage of smoothing a batch is no longer established, and then 0 for good.

    Established is: ``E‖g_LS - ∇F‖² < E‖h - ∇F‖²`` for the mean over ``batch_size`` examples (C11, C14), by the moments where they are
    exact, by the 95 % interval of the difference where they are estimates. ``beyond`` says what h is: "plain", the unsmoothed gradient
    g; "shrinkage", ``(1-θ) g``, so that what a smaller step would do as well does not count (C17).
    """

    method = "adaptive"
    made_of = ("theta", "batch_size")
    needs_moments = True
    state = ("elapsed", "dropped")
    limits: ClassVar = {**FromStart.limits, "dropped": {"at_least": 0, "at_most": 1, "integral": True}}

    def __init__(self, theta: float, batch_size: int, *, beyond: str = "plain") -> None:
        super().__init__(theta)
        batch(batch_size)
        must_be_one_of("beyond", beyond, CONTROLS)
        self.batch_size, self.beyond = batch_size, beyond
        self.dropped = False

    @property
    def theta(self) -> float:
        """The strength before the drop, or 0."""
        return 0.0 if self.dropped else self.start

    def observe(self, moments: Observed | None, *, eta_L: float | None = None) -> None:
        """Drop where these moments don't establish the advantage. Estimates must be of 4 groups at least (ValueError)."""
        if moments is not None and not self.dropped:
            self.dropped = not self.established(moments)

    def established(self, moments: Observed) -> bool:
        """Whether these moments say that smoothing lowers the second moment of the batch direction below that of its control."""
        if isinstance(moments, Moments):
            return of_single(self.excess(moments)) < 0
        return moments.interval(self.excess).high < 0

    def excess(self, moments: Moments) -> Value:
        """``E‖g_LS - ∇F‖² - E‖h - ∇F‖²`` of a batch at the strength before the drop: linear in the moments, which may be estimates."""
        return CONTROLS[self.beyond](moments.at_batch_size(self.batch_size), self.start)


CONTROLS = {"plain": Moments.excess, "shrinkage": Moments.beyond}
"""What :class:`Adaptive` compares with -> the excess of the smoothed direction's second moment over it."""
