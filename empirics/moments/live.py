"""The instruments that decide about smoothing, shown while a network is trained, with one sentence on what they say now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tsla.empirics.moments.estimators import MIN_GROUPS, Estimates
from tsla.empirics.moments.estimators.intervals import limit_ratio
from tsla.empirics.runs.display import Display
from tsla.empirics.statistics.intervals import IntervalOf
from tsla.theory.constants import batch, real, said
from tsla.theory.moments import Moments, Value
from tsla.theory.text import aligned

THETA = 0.1
BARS = "▁▂▃▄▅▆▇█"
SHOWN = 16
"""Latest values that a row draws."""
NEARLY_ALL = 0.1
"""A smaller step does as well where it leaves no more than this part of the reduction to smoothing."""
STEP_LOWERS_MORE, STEP_DOES_AS_WELL = ", but a smaller step lowers it more.", ", but a smaller step does as well."
SMOOTHING_LOWERS_MORE, OPEN = ", and by more than a smaller step does.", ". Whether a smaller step does as well is open."
NO_VARIANCE, UNSURE = "There is no variance to lower.", "Whether smoothing lowers the variance now is open."
ABOUT = """g and ĝ are the gradients at the label and at the smoothing label.
Their variance is the mean squared distance from the mean of g.
  δ             variance of ĝ over that of g, in a batch
  variance      the same for the direction of smoothing
  smaller step  the same for a plain step of (1-theta)eta
  B_c           batch size below which smoothing lowers the variance
None of them says anything of test accuracy or test loss."""

Instruments = Mapping[str, IntervalOf[float]]
"""What a row is called -> its number and its interval, which is a point of an exact number."""


class Live:
    """Shows, in a notebook or on a terminal, the loss, δ of a batch, the variance beside that of a smaller step, and B_c against B.

        monitor = MomentsMonitor(model, dataset, live=Live(theta=0.1, batch_size=64, page=Path("live.html")))

    theta, batch_size:  of the smoothing that is asked about
    page:               also a page that a browser shows and reads again by itself
    unit:               what time is counted in

    Raises ValueError outside the ranges, and for a page that can't be written.
    """

    def __init__(self, *, theta: float = THETA, batch_size: int = 16, page: Path | None = None, unit: str = "step") -> None:
        real("theta", theta, above=0, at_most=1)
        batch(batch_size)
        if page is not None and not isinstance(page, Path):
            raise ValueError(f"page = {said(page)} must be a Path")
        self._theta, self._batch_size, self._unit = theta, batch_size, unit
        self._display = Display(page)
        self._seen: list[dict[str, IntervalOf[float]]] = []

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave the last text where it is shown."""
        self._display.close()

    def update(self, time: int, moments: Moments | Estimates, loss: float | None = None) -> None:
        """Show what was measured of single examples at this ``time``; ``loss`` where it is known."""
        found = instruments(moments, self._theta, self._batch_size)
        self._seen.append({} if loss is None else {"loss": _point(loss)})
        self._seen[-1].update(found)
        said, when = _said(moments, found), f"{self._unit} {time:,}"
        self._display.show("\n".join([when, self._table(), said, "", ABOUT]), f"{when}: {said}")

    def _table(self) -> str:
        names = list(dict.fromkeys(name for seen in self._seen for name in seen if name != "  less"))
        notes = {"variance": f"smoothed, theta = {self._theta:g}", "  smaller step": "plain", "B_c": f"batches are of {self._batch_size}"}
        rows = []
        for name in names:
            values = [seen[name].estimate if name in seen else float("nan") for seen in self._seen]
            latest = self._seen[-1].get(name)
            title = f"δ of {self._batch_size}" if name == "δ" else name
            rows.append([title, "-" if latest is None else _shown(name, latest), drawn(values[-SHOWN:]), notes.get(name, "")])
        return aligned(rows, said=str)  # a browser has every sign


def instruments(moments: Moments | Estimates, theta: float, batch_size: int) -> Instruments:
    """Of single examples' moments: δ of a batch (C14), its variance with smoothing (C11) and with a smaller step (C17), both over that
    without, the first less the second as "  less", and B_c(θ) (C14).
    """  # noqa: D205 - the summary needs two lines

    def of(function: Callable[[Moments], Value], over: Callable[[Moments], Value]) -> IntervalOf[float]:
        if isinstance(moments, Moments):
            return _point(float(limit_ratio(np.asarray(function(moments)), np.asarray(over(moments)))))
        return moments.interval(function, over=over)

    def over_plain(function: Callable[[Moments], Value]) -> IntervalOf[float]:
        return of(lambda m: function(m.at_batch_size(batch_size)), lambda m: m.at_batch_size(batch_size).s2)

    return {
        "δ": over_plain(lambda m: m.shat2),
        "variance": over_plain(lambda m: m.second_moment(theta)),
        "  smaller step": over_plain(lambda m: m.shrunk.second_moment(theta)),
        "  less": over_plain(lambda m: m.beyond(theta)),
        "B_c": of(lambda m: m.gain(theta), lambda m: m.bias(theta)),
    }


def _said(moments: Moments | Estimates, found: Instruments) -> str:
    """The sentence; ratios to a variance of 0 establish nothing."""
    if isinstance(moments, Moments):
        return NO_VARIANCE if moments.s2 == 0 else sentence(found["variance"], found["  less"], trusted=True)
    trusted = moments.groups >= MIN_GROUPS
    return UNSURE if trusted and moments.moments.s2 == 0 else sentence(found["variance"], found["  less"], trusted=trusted)


def sentence(variance: IntervalOf[float], beyond: IntervalOf[float], *, trusted: bool) -> str:
    """What the intervals establish; ``beyond`` is the variance with smoothing less that with a smaller step."""
    if not trusted:
        return "Too few examples were measured to say anything."
    if variance.low > 1:
        return "Smoothing raises the variance now."
    if not variance.high < 1:
        return UNSURE
    return f"Smoothing lowers the variance now{beside_a_smaller_step(variance, beyond)}"


def beside_a_smaller_step(variance: IntervalOf[float], beyond: IntervalOf[float], rounding: float = 0.0) -> str:
    """What the control of C17 does where smoothing lowers the variance: one of four ends of a sentence."""
    if beyond.low > rounding:
        return STEP_LOWERS_MORE
    if beyond.low >= -NEARLY_ALL * (1 - variance.high):
        return STEP_DOES_AS_WELL
    return SMOOTHING_LOWERS_MORE if beyond.high < 0 else OPEN


def drawn(values: list[float]) -> str:
    """A bar for each value between the least and the largest; a dot for what is not finite."""
    finite = [value for value in values if isfinite(value)]
    low, span = min(finite, default=0.0), max(finite, default=0.0) - min(finite, default=0.0)
    return "".join(BARS[round((len(BARS) - 1) * (value - low) / span) if span else 0] if isfinite(value) else "·" for value in values)


def _point(value: float) -> IntervalOf[float]:
    return IntervalOf(value, value, value)


def _shown(name: str, of: IntervalOf[float]) -> str:
    """Three digits. A B_c that is not above 0 is none."""
    value, low, high = ("none" if name == "B_c" and end <= 0 else f"{end:.3g}" for end in (of.estimate, of.low, of.high))
    return value if of.low == of.high else f"{value} [{low}, {high}]"


def live_of(live: Any) -> Live | None:
    """What the argument ``live`` of a monitor means: True is a view at θ = 0.1 in batches of 16, a path that with a page."""
    if live is None or live is False or isinstance(live, Live):
        return live or None
    if live is True or isinstance(live, str | Path):
        return Live(page=None if live is True else Path(live))
    raise ValueError(f"live = {said(live)} must be True, the path of a page, or a Live, which knows theta and the batch size")
