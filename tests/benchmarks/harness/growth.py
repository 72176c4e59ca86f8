"""What is timed at several sizes, and the exponent of its growth."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

from tests.benchmarks.harness import timing
from tsla.empirics.runs.progress import Progress
from tsla.empirics.statistics.intervals import Interval

Work = Callable[[], object]


@dataclass(frozen=True)
class Rung:
    """Work of one size: ``clock`` makes it and says what it took."""

    size: float
    clock: Callable[[], timing.Call]


@dataclass(frozen=True)
class Ladder:
    """What is timed at growing ``sizes``, in so many ``rounds`` at most; ``rung`` prepares a size."""

    what: str
    grows_with: str
    sizes: tuple[int, ...]
    rung: Callable[[int], Rung]
    rounds: int = 99


@dataclass(frozen=True)
class Row:
    """Median ``seconds`` at each of the ``sizes``; ``clean``: whether no median is of disturbed rounds alone."""

    what: str
    grows_with: str
    sizes: tuple[float, ...]
    seconds: tuple[float, ...]
    clean: bool

    @property
    def exponent(self) -> Interval:
        """Of the growth, with Student's 95 % interval, as if the scatter about the line were independent and normal."""
        fit = stats.linregress(np.log(self.sizes), np.log(self.seconds))
        reach = stats.t.ppf(0.975, len(self.sizes) - 2) * fit.stderr
        return Interval(*(np.asarray(fit.slope + side * reach) for side in (0, -1, 1)))

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        last, span = self.seconds[-1], f"{self.sizes[0]:,.0f}, {self.sizes[-1]:,.0f}"
        shown = f"{last:.3g} s" if last >= 1 else f"{1e3 * last:.3g} ms"
        return self.what, self.grows_with, span, f"{'' if self.clean else '~'}{self.exponent}", shown


def climb(ladder: Ladder, rounds: int, progress: Progress) -> Row:
    """Time all sizes of a ladder, each once a round."""
    rungs = [ladder.rung(size) for size in ladder.sizes]
    clocks = {str(size): rung.clock for size, rung in zip(ladder.sizes, rungs, strict=True)}
    each = dict.fromkeys(clocks, min(rounds, ladder.rounds))
    calls = timing.interleaved(clocks, each, lambda what: progress.advance(f"{ladder.what}, {what}"))
    medians, clean = [], True
    for found in calls.values():
        kept = [call.seconds for call in found if call and not call.disturbed]
        clean &= bool(kept)
        medians.append(statistics.median(kept or [call.seconds for call in found if call]))
    return Row(ladder.what, ladder.grows_with, tuple(rung.size for rung in rungs), tuple(medians), clean)


def rung(size: float, work: Work, seconds: float) -> Rung:
    """Work that is repeated until it has taken so many seconds, about."""
    work()  # what is made at a first call is made
    once = timing.timed(work).seconds
    return Rung(size, partial(timing.timed, work, repeats=max(1, math.ceil(seconds / once))))
