"""Intervals over clusters cover what they should, where intervals over samples do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tsla.empirics.statistics.clusters import clustered
from tsla.empirics.statistics.intervals import student_t
from tsla.theory.constants import Array
from tsla.theory.testing.planted import Rejects

Clusters = Callable[[Array], Array]
"""From the cluster of each sample to what is given for it."""
RUNS = 120


def lead(rates: Array) -> Array:
    """A hit rate less that of the better of two rules that do not look."""
    hits, lowered = rates[..., 0], rates[..., 1]
    return hits - np.maximum(lowered, 1 - lowered)


def coverage(given: Clusters, *, hits: float, m: int = 26) -> tuple[float, float]:
    """How often the interval of a lead covers it, and how often it lies above: m clusters, each with 10 to 100 samples that agree."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(RUNS):
        of = np.repeat(np.arange(m), rng.integers(10, 101, m))
        samples = np.stack([rng.random(m) < hits, rng.random(m) < 0.7], axis=1)[of].astype(float)
        found.append(clustered(lead, samples, given(of)))
    low, high = (np.array([getattr(one, end) for one in found]) for end in ("low", "high"))
    return float(((low <= hits - 0.7) & (hits - 0.7 <= high)).mean()), float((low > hits - 0.7).mean())


def clusters(of: Array) -> Array:
    return of


def samples(of: Array) -> Array:
    """As if some thirty samples in a row were a cluster."""
    return np.arange(len(of)) // 30


def covers(given: Clusters) -> None:
    """As it says, within three standard errors; and where there is no lead, one is found in no more than half of the rest."""
    covered, _ = coverage(given, hits=0.9)
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / RUNS)
    _, above = coverage(given, hits=0.7)
    assert above < 0.025 + 3 * np.sqrt(0.025 * 0.975 / RUNS)


def test_an_interval_over_clusters_covers(rejects: Rejects) -> None:
    rejects(covers, right=clusters, wrong=samples)


def test_an_interval_over_five_clusters_covers_too_little_and_claims_nothing() -> None:
    """As docs/branches.md says."""
    covered, above = coverage(clusters, hits=0.9, m=5)
    assert (covered, above) == (pytest.approx(0.8, abs=0.06), 0)


def test_the_estimate_is_of_all_samples_and_of_any_shape() -> None:
    found = clustered(lambda means: np.stack([means, 2 * means], axis=-2), [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], ["a", "a", "b"])
    assert found.estimate == pytest.approx(np.array([[1, 1], [2, 2]]) / 3)
    assert found.low.tolist() == [[0, 0], [0, 0]]  # one cluster drawn twice
    assert found.high.tolist() == [[0.5, 1], [1, 2]]


def agrees_with_student(given: Clusters) -> None:
    """The mean of ten normal clusters of one size has Student's interval, to 3 %."""
    means = stats.norm.ppf((np.arange(10) + 0.5) / 10)
    of = np.repeat(np.arange(10), 3)
    found, exact = clustered(lambda rates: rates, means[of][:, None], given(of)), student_t(means)
    assert (found.low[0], found.high[0]) == pytest.approx((float(exact.low), float(exact.high)), rel=0.03)


def test_few_clusters_are_as_wide_as_student_has_them(rejects: Rejects) -> None:
    rejects(agrees_with_student, right=clusters, wrong=lambda of: np.arange(len(of)))


def test_one_cluster_has_no_interval() -> None:
    with pytest.raises(ValueError, match="clusters has 1 of them; an interval needs at least 2"):
        clustered(lambda means: means, [[1.0], [2.0]], [3, 3])
