"""Intervals, tests and effect sizes for what was measured: means, paired differences, shares, families of tests; slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tsla.theory.constants import Array, real, shown, single, whole

ROUNDING = 8 * np.finfo(np.float64).eps
"""A spread of differences below this part of the largest value is none."""
LARGE = 2.0**500
"""Samples above it are counted in a power of 2, which changes no digit: their squares would overflow."""

Number = TypeVar("Number", float, Array)


@dataclass(frozen=True, eq=False)
class IntervalOf(Generic[Number]):
    """An estimate with a two-sided confidence interval: three numbers, or arrays of one shape."""

    estimate: Number
    low: Number
    high: Number

    def __str__(self) -> str:
        """Of a single number: ``estimate [low, high]`` to three digits, "-" where there is none."""
        estimate, low, high = (f"{float(value):.3g}" for value in (self.estimate, self.low, self.high))
        return f"{estimate} [{low}, {high}]" if np.isfinite(self.estimate) else "-"


Interval = IntervalOf[Array]
"""Of arrays, shape () for a single number."""


def student_t(samples: ArrayLike, *, level: float = 0.95, axis: int = 0) -> Interval:
    """Mean of ``samples`` along ``axis``, with Student's interval, exact for independent normal samples.

    Shapes: that of ``samples`` without ``axis``. An end beyond float64 is infinite. Raises ValueError for fewer than 2 samples.
    """
    values = real("samples", samples)
    n = values.shape[axis] if values.ndim else 1
    if n < 2:
        raise ValueError(f"samples has {n} along axis {axis}; an interval needs at least 2")
    largest = np.max(np.abs(values), axis=axis, keepdims=True)
    unit = np.where(largest > LARGE, np.ldexp(1.0, np.frexp(largest)[1] - 1), 1.0)
    counted, unit = values / unit, np.squeeze(unit, axis=axis)
    mean, error = np.mean(counted, axis=axis), np.std(counted, axis=axis, ddof=1) / np.sqrt(n)
    reach = stats.t.ppf((1 + probability("level", level)) / 2, n - 1) * error
    with np.errstate(over="ignore"):
        return Interval(np.asarray(mean * unit), np.asarray((mean - reach) * unit), np.asarray((mean + reach) * unit))


def paired(a: ArrayLike, b: ArrayLike) -> Interval:
    """Mean of ``a - b`` along the first axis, with Student's 95 % interval: sharper than two intervals where a and b share their seeds."""
    first, second = real("a", a), real("b", b)
    if first.shape != second.shape:
        raise ValueError(f"a has shape {first.shape} and b has {second.shape}; pairs need the same shape")
    return student_t(first - second)


def effect_size(differences: ArrayLike, *, axis: int = 0) -> Array:
    """Cohen's d_z of paired differences: their mean over their standard deviation (Cohen, 1988).

    Where they are all equal, to rounding: 0 if they are 0, else infinite. Shapes and what is raised: as of :func:`student_t`.
    """
    values = real("differences", differences)
    mean = student_t(values, axis=axis).estimate
    spread = np.std(values, axis=axis, ddof=1)
    without_spread = np.where(mean == 0, 0.0, np.copysign(np.inf, mean))
    equal = spread <= ROUNDING * np.abs(values).max(axis=axis)
    return np.where(equal, without_spread, mean / np.where(equal, 1.0, spread))


def paired_p_value(differences: ArrayLike, *, axis: int = 0) -> Array:
    """Two-sided p-value of Student's t-test that paired differences have mean 0, exact for independent normal ones.

    It is below 1 - level where their interval of :func:`student_t` leaves 0 out. Shapes and what is raised: as there.
    """
    size = np.abs(effect_size(differences, axis=axis))
    n = np.shape(differences)[axis]
    return np.asarray(2 * stats.t.sf(size * np.sqrt(n), n - 1))


def holm(p_values: ArrayLike) -> Array:
    """Holm's step-down adjustment of the p-values of a family, shape (m,) (Holm, 1979).

    Rejecting where the adjusted value is at most α makes at least one false rejection with probability at most α, whatever depends on
    what: the i-th smallest becomes the largest of ``(m-j+1) p_j`` over j <= i, at most 1. Raises ValueError outside [0, 1].
    """
    p = real("p_values", p_values, at_least=0, at_most=1)
    if p.ndim != 1:
        raise ValueError(f"p_values has shape {p.shape}; a family is (m,)")
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def log_log_slope(x: ArrayLike, y: ArrayLike) -> float:
    """Exponent p of ``y ≈ a x^p``: the least-squares slope of log y on log x.

    Shapes: ``x`` and ``y`` both (n,), n at least 2. Both positive, x not constant, or ValueError. It has no interval: what scatters about
    the line is no chance where a curve only looks straight. Where y is a mean over replicas, these are resampled.
    """
    horizontal, vertical = real("x", x, above=0), real("y", y, above=0)
    if horizontal.ndim != 1 or horizontal.shape != vertical.shape:
        raise ValueError(f"x has shape {horizontal.shape} and y has {vertical.shape}; a slope needs two of the same shape (n,)")
    if len(horizontal) < 2:
        raise ValueError(f"x has {len(horizontal)} points; a slope needs at least 2")
    if (horizontal == horizontal[0]).all():
        raise ValueError(f"x = {shown(horizontal[0])} everywhere; a slope needs at least two different x")
    return float(stats.linregress(np.log(horizontal), np.log(vertical)).slope)


def share(events: int, trials: int, *, level: float = 0.95) -> IntervalOf[float]:
    """The probability of an event that came so often in independent trials, with Wilson's interval (1927).

    Raises ValueError unless ``0 <= events <= trials`` and ``trials`` is at least 1.
    """
    whole("trials", trials, at_least=1)
    whole("events", events, at_least=0, at_most=trials)
    ends = stats.binomtest(events, trials).proportion_ci(probability("level", level), method="wilson")
    return IntervalOf(events / trials, float(ends.low), float(ends.high))


def probability(name: str, value: float) -> float:
    """The value, between 0 and 1. Raises ValueError, which calls it by ``name``, where it is not."""
    found = single(name, value, above=0)
    if found >= 1:
        raise ValueError(f"{name} = {shown(found)} must be below 1")
    return found
