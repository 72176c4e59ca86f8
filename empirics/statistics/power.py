"""How many seeds it takes to tell two methods apart: a paired t-test, planned from the differences of a pilot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tsla.empirics.statistics.intervals import ROUNDING, probability
from tsla.theory.constants import real, shown, single, whole

LEVEL, POWER, CONFIDENCE = 0.05, 0.8, 0.95
MOST = 10**9
"""Seeds beyond which there is no point in counting."""
SMALLEST = 1e-9
"""A noncentrality up to which the power is the level, to 1e-15; at 0 SciPy's noncentral F is wrong (1.17: ``ncf.sf`` is negative there)."""
LARGEST = 1e4
"""A noncentrality from which on only the estimated standard deviation is random, to 1e-9; SciPy's series stops converging beyond 1e5."""

FARTHEST = 1e150
"""A critical value whose square overflows; beyond it the tail is below 1e-145 up to the largest noncentrality, as that of Cauchy is."""


@dataclass(frozen=True)
class Need:
    """Seeds that a paired t-test needs; ``low`` and ``high`` where the pilot's standard deviation is at the ends of its interval.

    effect, sd:  the difference to be found, and the standard deviation of the differences, in units of the column
    d:           ``effect/sd``, the standardised effect
    achieved:    the power at n seeds: at least that asked for, as n is whole
    """

    n: int
    low: int
    high: int
    effect: float
    sd: float
    d: float
    achieved: float


def paired_power(n: int, d: float, *, level: float = LEVEL) -> float:
    """Probability that the two-sided paired t-test of n normal differences rejects at ``level``, ``d`` = mean/standard deviation. Exact.

    The square of a noncentral t is a noncentral F of 1 and n-1 degrees of freedom and noncentrality ``n d²``; SciPy's noncentral t itself
    is nan in the far tail (1.17: ``nct.cdf(-4.3, 2, 35)``). Raises ValueError outside the ranges.
    """
    whole("n", n, at_least=2)
    reach = float(stats.t.isf(probability("level", level) / 2, n - 1))
    shift = abs(single("d", d)) * math.sqrt(n)
    if shift > LARGEST:
        return float(stats.chi2.cdf((n - 1) * min(shift / reach, 1e100) ** 2, n - 1))
    if reach > FARTHEST:
        return 0.0
    return float(stats.ncf.sf(reach**2, 1, n - 1, shift**2)) if shift > SMALLEST else level


def seeds_for(d: float, *, level: float = LEVEL, power: float = POWER) -> int:
    """The smallest n whose :func:`paired_power` is at least ``power``. Raises ValueError for ``d = 0`` and where n is above 1e9."""
    size = abs(single("d", d))
    probability("level", level)
    probability("power", power)
    if power <= level:
        raise ValueError(f"power = {shown(power)} must be above level = {shown(level)}: less is had by rejecting at random")
    if size == 0:
        raise ValueError("d = 0 must not be 0: no number of seeds finds an effect that is not there")
    low, high = 1, 2
    while paired_power(high, size, level=level) < power:
        if high == MOST:
            raise ValueError(f"d = {shown(size)} must be larger: at power {shown(power)} it takes more than {MOST:.0e} seeds")
        low, high = high, min(2 * high, MOST)
    while high - low > 1:  # power grows with n
        middle = (low + high) // 2
        low, high = (low, middle) if paired_power(middle, size, level=level) >= power else (middle, high)
    return high


def sd_interval(sd: float, m: int) -> tuple[float, float]:
    """The 95 % interval of a standard deviation that m normal samples gave, exact: ``(m-1) s²/σ²`` is chi-square of m-1 degrees."""
    whole("m", m, at_least=2)
    squares = (m - 1) * single("sd", sd, at_least=0) ** 2
    high, low = (squares / float(stats.chi2.ppf(q, m - 1)) for q in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return float(np.sqrt(low)), float(np.sqrt(high))


def need(differences: ArrayLike, *, effect: float | None = None, level: float = LEVEL, power: float = POWER) -> Need:
    """Seeds to find ``effect`` in differences like these of a pilot, shape (m,), with a two-sided paired t-test.

    ``effect``: the smallest difference worth finding, in units of the column; by default the pilot's own mean, which says how many seeds
    would find *that*, and is as uncertain as it is: the interval is that of the standard deviation alone. Raises ValueError for fewer than
    2 differences, for differences that are all equal, and for an effect of 0.

    A short pilot may have too little spread by chance. So the test at the seeds that it asks for finds the effect less often than ``power``
    says: by how much after ten is measured (docs/intervals.md).
    """
    values = real("differences", differences)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"differences has shape {values.shape}, one for each seed of the pilot; must be (m,), m at least 2")
    sd = float(np.std(values, ddof=1))
    if sd <= ROUNDING * float(np.abs(values).max()):
        raise ValueError(f"differences = {shown(values[0])} must not all be equal: the pilot has no spread to plan with")
    wanted = float(np.mean(values)) if effect is None else single("effect", effect)
    if wanted == 0:
        raise ValueError("effect = 0 must not be 0: no number of seeds finds an effect that is not there")
    n = seeds_for(wanted / sd, level=level, power=power)
    low, high = (_seeds_or_most(wanted / end, level, power) for end in sd_interval(sd, len(values)))
    return Need(n, low, high, wanted, sd, wanted / sd, paired_power(n, wanted / sd, level=level))


def _seeds_or_most(d: float, level: float, power: float) -> int:
    """The end of an interval may lie beyond what is counted; there it is MOST."""
    try:
        return seeds_for(d, level=level, power=power)
    except ValueError:
        return MOST
