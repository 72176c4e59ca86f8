"""The one-sided tests raise false alarms no more often than they say."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tests.refusals import refusals
from tsla.empirics.statistics.betting import p_values, refutes
from tsla.empirics.statistics.intervals import holm
from tsla.theory.constants import Array
from tsla.theory.testing.planted import assert_rejects

Refutes = Callable[[Array, Array, float], np.ndarray]  # samples (instances, n), bounds (instances,), level -> what is refuted
REPETITIONS = 2000
# Laws with a long right tail and a long left tail: F after one noisy step from 0 on w²/2, and F - F* of the cosine after one from its top.
TAILS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "right": (lambda z: z**2 / 2, 0.5),
    "left": (lambda z: 1 + np.cos(0.5 * z), 1 + np.exp(-1 / 8)),
}


def keeps_its_level(test: Refutes, replicas: int, level: float) -> None:
    """In repetitions, of new samples of both laws, it refutes a bound that is exactly the mean, the hardest true one, no more often than at
    a true rate of at most the level (exact binomial test)."""
    rng, means = np.random.default_rng(0), np.array([mean for _, mean in TAILS.values()])
    drawn = np.stack([of(rng.standard_normal((REPETITIONS, replicas))) for of, _ in TAILS.values()], axis=1)
    alarms = sum(bool(test(samples, means, level).any()) for samples in drawn)
    assert stats.binomtest(alarms, REPETITIONS, level, alternative="greater").pvalue > 1e-4


def t_test(samples: Array, bounds: Array, level: float) -> np.ndarray:
    return np.asarray(holm(stats.ttest_1samp(samples, bounds[:, None], axis=-1, alternative="greater").pvalue) <= level)


def mean_exceeds(samples: Array, bounds: Array, level: float) -> np.ndarray:
    return np.asarray(samples.mean(axis=-1) > bounds)


@pytest.mark.parametrize("replicas", [5, 200])
@pytest.mark.parametrize("level", [0.001, 0.05])
def test_false_alarms(replicas: int, level: float) -> None:
    keeps_its_level(refutes, replicas, level)


@pytest.mark.parametrize(("wrong", "replicas"), [(mean_exceeds, 200), (t_test, 5)])
def test_tests_with_more_false_alarms_are_rejected(wrong: Refutes, replicas: int) -> None:
    assert_rejects(lambda test: keeps_its_level(test, replicas, 0.001), wrong)


def test_the_p_value_is_the_inverse_of_the_mean_wealth() -> None:
    samples = np.array([0.5, 3.0, 2.0])
    wealth = np.mean([np.prod([1 + bet * (x / 0.8 - 1) for x in samples]) for bet in np.geomspace(1 / 64, 0.95, 8)])
    assert wealth > 1
    assert p_values(samples, 0.8) == pytest.approx(1 / wealth, rel=1e-12)
    assert p_values(samples, 10.0) == 1


def test_the_wealth_is_a_fair_game() -> None:
    """Its expectation is 1 on samples whose mean is the bound, whatever their law: here of two values, over all 2^5 outcomes."""
    p, high = 0.3, 4.0
    outcomes = np.array(np.meshgrid(*[[0, 1]] * 5)).reshape(5, -1).T
    weights = (p**outcomes * (1 - p) ** (1 - outcomes)).prod(axis=1)
    capped = p_values(high * outcomes, p * high)
    assert weights @ (1 / capped) >= 1  # 1/p is the wealth, and 1 where that is less
    assert all(weights[capped <= level].sum() <= level for level in capped)


def test_a_bound_among_many_is_refuted_only_by_more() -> None:
    high, low = np.full(20, 1.6), np.full((19, 20), 0.5)
    assert refutes(high, 1.0, level=0.01)
    assert not refutes(np.vstack([high, low]), 1.0, level=0.01).any()  # 20 p-values, of which the least is 1/1000


def test_shapes() -> None:
    rng = np.random.default_rng(0)
    samples = rng.exponential(size=(3, 400)) * np.array([[1.0], [2.0], [1.0]])
    assert refutes(samples, 1.0).tolist() == [False, True, False]
    assert refutes(samples, [0.4, 3.0, 1.0]).tolist() == [True, False, False]
    assert refutes(samples[1], 1.0).shape == ()


test_refusals = refusals(
    operator.call,
    (lambda: p_values([1.0, -1.0], 1.0), "samples = -1 must be a finite number at least 0"),
    (lambda: p_values([1.0], 0.0), "bound = 0 must be a finite number above 0"),
    (lambda: p_values([], 1.0), r"samples has shape \(0,\); a test needs \(\.\.\., n\) with n at least 1"),
    (lambda: refutes([1.0], 1.0, 0.0), "level = 0 must be a finite number above 0 and at most 1"),
)
