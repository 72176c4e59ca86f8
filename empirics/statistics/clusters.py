"""Intervals where samples of one cluster depend on each other: whole clusters are resampled, for they alone vary independently."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tsla.empirics.statistics.intervals import Interval
from tsla.theory.constants import Array, real

LEVEL, RESAMPLES = 0.95, 4000


def clustered(statistic: Callable[[Array], Array], samples: ArrayLike, clusters: ArrayLike) -> Interval:
    """A statistic of the means of all samples, with the 95 % percentile interval of the bootstrap over clusters, the same at every call.

    Shapes: ``samples`` (n, k); ``clusters`` (n,), which are equal for samples of one cluster; ``statistic`` maps means (..., k) to what it
    is of each. Its percentiles are taken further out than 95 %, as far as Student's t is wider than the normal law and the
    resampled variance too small: with m clusters at the normal tail of ``t √(m/(m-1))`` (Hesterberg, 2015, the expanded percentile
    interval). Raises ValueError for fewer than 2 clusters.
    """
    values = real("samples", samples)
    _, of = np.unique(np.asarray(clusters), return_inverse=True)
    m = int(of.max(initial=-1)) + 1
    if m < 2:
        raise ValueError(f"clusters has {m} of them; an interval needs at least 2")
    sizes = np.bincount(of)
    sums = np.zeros((m, values.shape[1]))
    np.add.at(sums, of, values)
    times = np.random.default_rng(0).multinomial(m, np.full(m, 1 / m), RESAMPLES)  # how often each cluster is drawn
    resampled = statistic((times @ sums) / (times @ sizes)[:, None])
    reach = stats.t.ppf((1 + LEVEL) / 2, m - 1) * np.sqrt(m / (m - 1))
    low, high = np.quantile(resampled, [stats.norm.cdf(-reach), stats.norm.cdf(reach)], axis=0)
    return Interval(np.asarray(statistic(values.mean(axis=0))), low, high)
