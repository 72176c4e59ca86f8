"""What a schedule is, and what the schedules share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from tsla.theory.constants import said, single, whole
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


def of_single(found: Value) -> float:
    """What was found of moments. Raises ValueError where they are arrays: a schedule has one strength."""
    if np.ndim(found):
        raise ValueError(f"moments have shape {np.shape(found)}; must be single numbers")
    return float(found)


class Schedule(ABC):
    """A smoothing strength that changes with time. What it was made with is configuration and no part of its state."""

    method: ClassVar[str] = ""
    """What `tsla train --method` calls it. A class that does not say so itself is for loops of one's own."""
    made_of: ClassVar[tuple[str, ...]] = ("theta",)
    """The fields of a :class:`tsla.TrainingConfig` that it is made of, in the order of its arguments."""
    needs_moments: ClassVar[bool] = False
    state: ClassVar[tuple[str, ...]] = ("elapsed",)
    """Names of the attributes that change along a run: plain numbers."""
    limits: ClassVar[Mapping[str, Mapping[str, Any]]] = {"elapsed": {"at_least": 0, "integral": True}}
    """What numbers they can be, as of :func:`tsla.theory.constants.real`; any where it does not say."""

    _made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        """Whatever the arguments are, the repr has to show them."""
        schedule = super().__new__(cls)
        schedule._made_with = (arguments, named)
        return schedule

    def __init__(self) -> None:
        self.elapsed = 0

    def __repr__(self) -> str:
        """The call that made it, without its state."""
        arguments, named = self._made_with
        return f"{type(self).__name__}({', '.join([*map(repr, arguments), *(f'{name}={value!r}' for name, value in named.items())])})"

    @property
    @abstractmethod
    def theta(self) -> float:
        """The strength now, in [0, 1]: the θ of ``(1-θ) y + θ ŷ``."""

    def step(self) -> None:
        """A unit of time has passed."""
        self.elapsed += 1

    def values(self, T: int) -> list[float]:
        """θ at each of the next ``T`` units of time, from this one on, if nothing more is observed; for a plot. The schedule stays here."""
        whole("T", T, at_least=0)
        ahead, found = copy(self), list[float]()
        for _ in range(T):
            found.append(ahead.theta)
            ahead.step()
        return found

    def observe(self, moments: Observed | None, *, eta_L: float | None = None) -> None:  # noqa: B027 - most have nothing to learn
        """Learn what was measured just now; None: nothing was. ``eta_L``: step size times largest curvature, for those who ask for it."""

    def state_dict(self) -> State:
        """What a run needs to go on: plain numbers."""
        return {name: getattr(self, name) for name in self.state}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from :meth:`state_dict`. Raises ValueError for the state of another kind, and for a number outside ``limits``."""
        if not isinstance(state, Mapping):
            raise ValueError(f"state = {said(state)} must be a mapping, as of state_dict")  # noqa: TRY004 - bad input is a ValueError
        if set(state) != set(self.state):
            has = ", ".join(sorted(map(str, state))) or "nothing"
            raise ValueError(f"state has {has}; must have {', '.join(self.state)}, as of {type(self).__name__}")
        values = {
            name: value if isinstance(value, bool) else single(f"state[{name!r}]", value, **self.limits.get(name, {}))
            for name, value in state.items()
        }
        for name, value in values.items():
            setattr(self, name, type(getattr(self, name))(value))  # a file may hold every number as a float


class FromStart(Schedule):
    """One that starts with ``theta``."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.start = single("theta", theta, at_least=0, at_most=1)


class Decay(FromStart):
    """One that comes to 0 after ``end`` units of time."""

    made_of = ("theta", "epochs")

    def __init__(self, theta: float, end: int) -> None:
        super().__init__(theta)
        whole("end", end, at_least=1)
        self.end = end

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return min(self.elapsed / self.end, 1.0)
