"""One sentence of advice, which follows from the intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsla.empirics.advice.measure.table import below_1, shown_interval
from tsla.empirics.moments.estimators import MIN_GROUPS, Estimate
from tsla.theory.constants import shown
from tsla.theory.text import number

if TYPE_CHECKING:
    from tsla.empirics.advice.measure.results import Reading

NEARLY_ALL = 0.1
"""A smaller step does nearly all where it leaves no more than this part of the reduction to smoothing."""
ROUNDING = 1e-9


def advice(found: Reading) -> str:
    """One sentence: the first rule whose premise the intervals establish. "Variance" is the second moment about ∇F, bias included."""
    ratio, smoothing = found.ratio, f"smoothing at theta = {shown(found.setting.theta)}"
    at_batch_size = f"the variance at batch size {found.setting.batch_size} by"
    if not found.trusted:
        return f"The intervals rest on {found.groups} batches, which is fewer than {MIN_GROUPS}: measure more examples."
    if found.s2.low <= 0:
        more = "nothing to lower" if found.exact else "measure more examples"
        return f"No variance is established: {more}."
    if found.silent:
        step = _smaller_step(found)
        return f"Every smoothing-label gradient is 0, so that smoothing is {step} (C17), and nothing beyond: not for variance's sake."
    if ratio.low > 1 + ROUNDING:
        excess = Estimate(ratio.estimate - 1, ratio.low - 1, ratio.high - 1, ratio.standard_error)
        return f"{smoothing.capitalize()} raises {at_batch_size} {_size(found, excess)}: not for variance's sake."
    if ratio.high < 1 - ROUNDING:
        reduction = Estimate(1 - ratio.estimate, 1 - ratio.high, 1 - ratio.low, ratio.standard_error)
        return f"{smoothing.capitalize()} lowers {at_batch_size} {_size(found, reduction)}{_beyond_a_smaller_step(found)}."
    if found.exact:
        return f"{smoothing.capitalize()} changes nothing: it leaves the variance as it is."
    delta = below_1(found.delta, trusted=found.trusted)
    return f"Whether {smoothing} lowers the variance is open (ratio {_size(found, ratio)}; delta < 1 is {delta}): measure more examples."


def _beyond_a_smaller_step(found: Reading) -> str:
    """How much of an established reduction the control of C17 does too."""
    beyond, little, much = found.beyond, NEARLY_ALL * (1 - found.ratio.high), NEARLY_ALL * (1 - found.ratio.low)
    step = _smaller_step(found)
    left = _size(found, Estimate(-beyond.estimate, -beyond.high, -beyond.low, beyond.standard_error))
    if beyond.low > ROUNDING:
        return f", and {step} lowers it by {_size(found, beyond)} more: not for variance's sake"
    if beyond.low >= -little:
        return f", all but at most {number(max(-beyond.low, 0.0) + 0.0)} of which {step} does too: not for variance's sake"
    if beyond.high <= -much:
        return f", {left} of which {step} does not: for variance's sake, smoothing does more than a smaller step"
    if beyond.high < 0:
        share = f"whether that is more than {100 * NEARLY_ALL:.0f} % of it is open"
        return f", {left} of which {step} does not; {share}: measure more examples"
    return f"; whether that is more than {step} does is open ({left} more): measure more examples"


def _smaller_step(found: Reading) -> str:
    """The control of C17, in words."""
    return f"a step {shown(round(100 * found.setting.theta, 6))} % smaller"


def _size(found: Reading, estimate: Estimate) -> str:
    """A number, and its interval where it has one."""
    return number(estimate.estimate) if found.exact else shown_interval(estimate)
