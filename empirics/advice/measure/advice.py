"""One sentence of advice, which follows from the intervals."""

from __future__ import annotations

from dataclasses import dataclass

from tsla.empirics.advice.measure.table import shown_interval
from tsla.empirics.moments.estimators import MIN_GROUPS, Estimate
from tsla.theory.constants import shown
from tsla.theory.text import number

NEARLY_ALL = 0.1
"""A smaller step does nearly all where it leaves no more than this part of the reduction to smoothing."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Findings:
    """What the advice follows from; ``ratio`` and ``beyond`` as in :func:`reading`, the rest as in :class:`Measurement`."""

    theta: float
    batch_size: int
    s2: Estimate
    ratio: Estimate
    beyond: Estimate
    delta_below_1: str
    groups: int
    trusted: bool
    exact: bool
    silent: bool

    @property
    def step(self) -> str:
        """The control of C17, in words."""
        return f"a step {shown(round(100 * self.theta, 6))} % smaller"

    @property
    def smoothing(self) -> str:
        """What is advised on, in words."""
        return f"smoothing at theta = {shown(self.theta)}"

    def lowers(self) -> str:
        """The reduction and its interval; ``Smoothing ... lowers the variance by ...``."""
        by = self.size(Estimate(1 - self.ratio.value, 1 - self.ratio.high, 1 - self.ratio.low, self.ratio.standard_error))
        return f"{self.smoothing.capitalize()} lowers the variance at batch size {self.batch_size} by {by}"

    def size(self, estimate: Estimate) -> str:
        """A number, and its interval where it has one."""
        return number(estimate.value) if self.exact else shown_interval(estimate.value, estimate.low, estimate.high)


def advice(found: Findings) -> str:
    """One sentence: the first rule whose premise the intervals establish. "Variance" is the second moment about ∇F, bias included."""
    if not found.trusted:
        return f"The intervals rest on {found.groups} batches, which is fewer than {MIN_GROUPS}: measure more examples."
    if found.s2.low <= 0:
        more = "nothing to lower" if found.exact else "measure more examples"
        return f"No variance is established: {more}."
    if found.silent:
        return f"Every smoothing-label gradient is 0, so that smoothing is {found.step} (C17), and nothing beyond: not for variance's sake."
    if found.ratio.low > 1 + ROUNDING:
        excess = Estimate(found.ratio.value - 1, found.ratio.low - 1, found.ratio.high - 1, found.ratio.standard_error)
        raises = f"{found.smoothing.capitalize()} raises the variance at batch size {found.batch_size} by {found.size(excess)}"
        return f"{raises}: not for variance's sake."
    if found.ratio.high < 1 - ROUNDING:
        return f"{found.lowers()}{_beyond_a_smaller_step(found)}."
    if found.exact:
        return f"{found.smoothing.capitalize()} changes nothing: it leaves the variance as it is."
    ratio = found.size(found.ratio)
    return (
        f"Whether {found.smoothing} lowers the variance is open (ratio {ratio}; delta < 1 is {found.delta_below_1}): measure more examples."
    )


def _beyond_a_smaller_step(found: Findings) -> str:
    """How much of an established reduction the control of C17 does too."""
    beyond, little, much = found.beyond, NEARLY_ALL * (1 - found.ratio.high), NEARLY_ALL * (1 - found.ratio.low)
    left = found.size(Estimate(-beyond.value, -beyond.high, -beyond.low, beyond.standard_error))
    if beyond.low > ROUNDING:
        return f", and {found.step} lowers it by {found.size(beyond)} more: not for variance's sake"
    if beyond.low >= -little:
        return f", all but at most {number(max(-beyond.low, 0.0) + 0.0)} of which {found.step} does too: not for variance's sake"
    if beyond.high <= -much:
        return f", {left} of which {found.step} does not: for variance's sake, smoothing does more than a smaller step"
    if beyond.high < 0:
        share = f"whether that is more than {100 * NEARLY_ALL:.0f} % of it is open"
        return f", {left} of which {found.step} does not; {share}: measure more examples"
    return f"; whether that is more than {found.step} does is open ({left} more): measure more examples"
