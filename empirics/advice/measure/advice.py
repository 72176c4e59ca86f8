"""What a measurement says of the variance, in a few sentences, which follow from the intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsla.empirics.moments.estimators import MIN_GROUPS, Estimate
from tsla.empirics.moments.live import NEARLY_ALL, OPEN, STEP_DOES_AS_WELL, STEP_LOWERS_MORE, beside_a_smaller_step
from tsla.theory.constants import shown

if TYPE_CHECKING:
    from tsla.empirics.advice.measure.results import Reading

ROUNDING = 1e-9
MORE = "Measure more examples."


def advice(found: Reading) -> str:
    """The answer in the first sentence, the numbers in the others: the first rule whose premise the intervals establish.

    "Variance" is the second moment about ∇F, bias included.
    """
    ratio, smoothing = found.ratio, f"smoothing at theta = {shown(found.setting.theta)}"
    if not found.trusted:
        few = f"The intervals rest on {found.groups} batches, which is fewer than {MIN_GROUPS}."
        return f"Whether smoothing lowers the variance is open. {few} Measure more batches, or smaller ones."
    if found.s2.low <= 0:
        return "There is no variance to lower." if found.exact else f"Whether there is a variance to lower is open. {MORE}"
    if found.silent:
        step = f"Every gradient at the smoothing label is 0, so that smoothing is {_smaller_step(found)} (C17)."
        return f"Smoothing is a smaller step, and nothing else. {step}"
    at_batch_size = f"the variance of a batch of {found.setting.batch_size} by"
    if ratio.low > 1 + ROUNDING:
        return f"Smoothing raises the variance. {smoothing.capitalize()} raises {at_batch_size} {_percent(found, _less(ratio, 1))}."
    if ratio.high < 1 - ROUNDING:
        answer, beside = _beside_a_smaller_step(found)
        return f"{answer} {smoothing.capitalize()} lowers {at_batch_size} {_percent(found, _reversed(_less(ratio, 1)))}. {beside}"
    if found.exact:
        return f"Smoothing changes nothing. {smoothing.capitalize()} leaves the variance as it is."
    size = f"{smoothing.capitalize()} changes {at_batch_size} {_percent(found, _less(ratio, 1))}."
    return f"Whether smoothing lowers the variance is open. {size} {MORE}"


def _beside_a_smaller_step(found: Reading) -> tuple[str, str]:
    """The answer, and how much of an established reduction the control of C17 does too."""
    beyond, step = found.beyond, _smaller_step(found).capitalize()
    end = beside_a_smaller_step(found.ratio, beyond, ROUNDING)
    answer = f"Smoothing lowers the variance{end}"
    share, left = f"{100 * NEARLY_ALL:.0f} %", f"{step} leaves {_percent(found, _reversed(beyond))} more of it."
    if end == STEP_LOWERS_MORE:
        return answer, f"{step} lowers it by {_percent(found, beyond)} more."
    if end == STEP_DOES_AS_WELL:
        most = f"{100 * max(-beyond.low, 0.0):.3g} %"
        return answer, f"{step} leaves at most {most} more of it. That is less than {share} of what smoothing lowers."
    if end == OPEN:
        return answer, f"{left} {MORE}"
    much = NEARLY_ALL * (1 - found.ratio.low)
    return answer, left if beyond.high <= -much else f"{left} Whether that is more than {share} is open. {MORE}"


def _smaller_step(found: Reading) -> str:
    """The control of C17, in words."""
    return f"a step {shown(round(100 * found.setting.theta, 6))} % smaller"


def _less(estimate: Estimate, by: float) -> Estimate:
    return Estimate(estimate.estimate - by, estimate.low - by, estimate.high - by, estimate.standard_error)


def _reversed(estimate: Estimate) -> Estimate:
    """Of the other sign."""
    return Estimate(-estimate.estimate, -estimate.high, -estimate.low, estimate.standard_error)


def _percent(found: Reading, estimate: Estimate) -> str:
    """A part of ``s²/B``, and its interval where it has one."""
    value, low, high = (f"{100 * end:.3g}" for end in (estimate.estimate, estimate.low, estimate.high))
    return f"{value} %" if found.exact else f"{value} % [{low}, {high}]"
