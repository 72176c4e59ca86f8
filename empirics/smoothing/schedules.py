"""Schedules of the smoothing strength θ: when to smooth how much, and when to stop.

A unit of time is whatever :meth:`Schedule.step` is called after: an epoch, or a training step. Schedules with ``needs_moments`` go by what
was measured along the run, of the same smoothing labels that the run is trained on.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from tsla.theory.constants import real, strength, whole
from tsla.theory.moments import Moments, Value


class Interval(Protocol):
    """An interval, of which schedules ask where it ends."""

    @property
    def high(self) -> float:
        """Its upper end."""


class Estimated(Protocol):
    """Moments that are estimates: their values, and intervals for what is linear in them."""

    @property
    def moments(self) -> Moments:
        """The values, which may lie where no moments can."""

    def interval(self, function: Callable[[Moments], Value], /) -> Interval:
        """The 95 % interval of a function of the moments."""


Observed = Moments | Estimated
"""Moments of single examples: exact, or estimated with intervals."""
State = dict[str, float]


class Schedule(ABC):
    """A smoothing strength that changes with time. What it was made with is configuration and no part of its state."""

    needs_moments: ClassVar[bool] = False
    state: ClassVar[tuple[str, ...]] = ("elapsed",)
    """Names of the attributes that change along a run: plain numbers."""

    def __init__(self) -> None:
        self.elapsed = 0

    @property
    @abstractmethod
    def theta(self) -> float:
        """The strength now, in [0, 1]: the θ of ``(1-θ) y + θ ŷ``."""

    def step(self) -> None:
        """A unit of time has passed."""
        self.elapsed += 1

    def observe(self, moments: Observed | None, *, eta_L: float | None = None) -> None:  # noqa: B027 - most have nothing to learn
        """Learn what was measured just now; None: nothing was. ``eta_L``: step size times largest curvature, for those who ask for it."""

    def state_dict(self) -> State:
        """What a run needs to go on: plain numbers."""
        return {name: getattr(self, name) for name in self.state}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from :meth:`state_dict`. Raises ValueError for the state of another kind of schedule."""
        if set(state) != set(self.state):
            raise ValueError(
                f"state has {', '.join(sorted(state)) or 'nothing'}; must have {', '.join(self.state)}, as of {type(self).__name__}"
            )
        for name, value in state.items():
            setattr(self, name, value)


class _FromStart(Schedule):
    """One that starts with ``theta``."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.start = float(strength(theta))


class Constant(_FromStart):
    """``theta`` all the time: label-smoothed SGD (C5)."""

    @property
    def theta(self) -> float:
        """The constant."""
        return self.start


class TwoStage(_FromStart):
    """``theta`` for ``drop`` units of time, and then 0: TSLA(s) with ``s = drop`` (C8)."""

    def __init__(self, theta: float, drop: int) -> None:
        super().__init__(theta)
        whole("drop", drop, at_least=0)
        self.drop = drop

    @property
    def theta(self) -> float:
        """The strength of the stage."""
        return self.start if self.elapsed < self.drop else 0.0


class _Decay(_FromStart):
    """One that comes to 0 after ``end`` units of time."""

    def __init__(self, theta: float, end: int) -> None:
        super().__init__(theta)
        whole("end", end, at_least=1)
        self.end = end

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return min(self.elapsed / self.end, 1.0)


class Linear(_Decay):
    """From ``theta`` along a line to 0, which is reached after ``end`` units of time."""

    @property
    def theta(self) -> float:
        """``theta (1 - t/end)``."""
        return self.start * (1 - self.progress)


class Cosine(_Decay):
    """From ``theta`` along half a cosine to 0, which is reached after ``end`` units of time."""

    @property
    def theta(self) -> float:
        """``theta (1 + cos(π t/end))/2``."""
        return self.start * (1 + math.cos(math.pi * self.progress)) / 2


class Annealed(Schedule):
    """``θ°(η)`` of the moments observed last, at most ``most``: the strength that is best at this step size and batch size (C12, C14).

    0 before the first observation, each of which needs ``eta_L``. C12 ends at ``eta_L = 1``; for more, 1 is taken.
    """

    needs_moments = True
    state = ("elapsed", "strength")

    def __init__(self, batch_size: int, most: float = 1.0) -> None:
        super().__init__()
        whole("batch_size", batch_size, at_least=1)
        self.batch_size = batch_size
        self.most = float(real("most", most, at_least=0, at_most=1))
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
        scale = min(float(real("eta_L", eta_L, above=0)), 1.0)
        values = moments if isinstance(moments, Moments) else moments.moments
        self.strength = float(values.at_batch_size(self.batch_size).clipped().theta_for_step(scale))


class Adaptive(_FromStart):
    """``theta`` until the variance advantage of smoothing a batch is no longer established, and then 0 for good.

    Established is: ``E‖g_LS - ∇F‖² < E‖h - ∇F‖²`` for the mean over ``batch_size`` examples (C11, C14), by the moments where they are
    exact, by the 95 % interval of the difference where they are estimates. ``beyond`` says what h is: "plain", the unsmoothed gradient
    g; "shrinkage", ``(1-θ) g``, so that what a smaller step would do as well does not count (C17).
    """

    needs_moments = True
    state = ("elapsed", "dropped")

    def __init__(self, theta: float, batch_size: int, *, beyond: str = "plain") -> None:
        super().__init__(theta)
        whole("batch_size", batch_size, at_least=1)
        if beyond not in CONTROLS:
            raise ValueError(f"beyond = {beyond!r} must be one of {', '.join(CONTROLS)}")
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
            return bool(self.excess(moments) < 0)
        return moments.interval(self.excess).high < 0

    def excess(self, moments: Moments) -> Value:
        """``E‖g_LS - ∇F‖² - E‖h - ∇F‖²`` of a batch at the strength before the drop: linear in the moments, which may be estimates."""
        return CONTROLS[self.beyond](moments.at_batch_size(self.batch_size), self.start)


CONTROLS = {"plain": Moments.excess, "shrinkage": Moments.beyond}
"""What :class:`Adaptive` compares with -> the excess of the smoothed direction's second moment over it."""
