"""The one-sided tests raise false alarms no more often than they say, and refute bounds that are too small by half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.planted import assert_rejects
from tsla.empirics.experiments import power_of_tests as bound_tests
from tsla.empirics.experiments.power_of_tests import FalseAlarms, Instance, false_alarm_rate, holm, near_instances, p_values, power, refutes
from tsla.empirics.runs import records
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.theory.constants import Array
from tsla.theory.plan import Stage


def instance(name: str, *, eta: float, steps: int, start: float) -> Instance:
    stage = Stage(np.asarray(eta), np.asarray(0.0), np.asarray(float(steps)))
    return Instance(
        claim="C4",
        name=name,
        problem=problems.get(name),
        oracle=Oracle(1.0),
        stages=(stage,),
        quantity="gap",
        bound=1.0,
        start=start,
    )


# Samples with a long right tail (a squared normal number), and with a long left tail: after one step from there F - F* of the cosine is
# 2 - ηξ²/2 or so, at most 2, and ξ² is squared normal.
RIGHT = instance("stall", eta=1.0, steps=1, start=1.0)
LEFT = instance("cosine", eta=0.5, steps=1, start=np.pi)
TAILS = (RIGHT, LEFT)


def keeps_its_level(alarms: FalseAlarms) -> None:
    assert alarms.p_value > 1e-4


def t_test(samples: Array, bounds: Array, level: float) -> np.ndarray:
    return holm(stats.ttest_1samp(samples, bounds[:, None], axis=-1, alternative="greater").pvalue, level)


def mean_exceeds(samples: Array, bounds: Array, level: float) -> np.ndarray:
    return samples.mean(axis=-1) > bounds


@pytest.mark.parametrize("replicas", [5, 200])
@pytest.mark.parametrize("level", [0.001, 0.05])
def test_false_alarms(replicas: int, level: float) -> None:
    keeps_its_level(false_alarm_rate(TAILS, replicas=replicas, level=level))


@pytest.mark.parametrize(("wrong", "replicas"), [(mean_exceeds, 200), (t_test, 5)])
def test_tests_with_more_false_alarms_are_rejected(wrong: Callable[[Array, Array, float], np.ndarray], replicas: int) -> None:
    alarms = false_alarm_rate(TAILS, replicas=replicas, test=wrong)
    assert_rejects(keeps_its_level, alarms)
    assert alarms.rate > 5 * alarms.level


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


def test_holm() -> None:
    assert holm(np.array([0.02, 0.001, 0.3, 0.012]), 0.05).tolist() == [True, True, False, True]
    assert holm(np.array([0.02, 0.001, 0.3, 0.018]), 0.05).tolist() == [False, True, False, False]  # 0.018 > 0.05/3 stops it
    assert holm(np.array(0.04), 0.05)


def test_shapes() -> None:
    rng = np.random.default_rng(0)
    samples = rng.exponential(size=(3, 400)) * np.array([[1.0], [2.0], [1.0]])
    assert refutes(samples, 1.0).tolist() == [False, True, False]
    assert refutes(samples, [0.4, 3.0, 1.0]).tolist() == [True, False, False]
    assert refutes(samples[1], 1.0).shape == ()


def halved_bounds_are_refuted(found: set[str]) -> None:
    assert found == {"C4", "C5", "C7", "C8", "C12", "C16"}


def test_power() -> None:
    table = power()
    halved_bounds_are_refuted(set(table["claim"][table["refuted"]]))
    assert (table["ratio"] > 0.5).all()
    assert (table["ratio"] <= 1 + 1e-9).all()
    assert not holm(table["p_bound"].to_numpy(), 0.001).any()
    assert table["measured"].to_numpy() == pytest.approx(table["exact"].to_numpy(), rel=0.1)
    few = power(replicas=3)
    assert_rejects(halved_bounds_are_refuted, set(few["claim"][few["refuted"]]))


def test_instances_are_of_true_constants() -> None:
    """The bounds hold exactly, and a tenth less than the tight ones is below what is exact."""
    for near in near_instances():
        assert near.exact <= near.bound * (1 + 1e-9)
        assert near.exact > near.bound * (0.5 if near.claim == "C8" else 0.9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: p_values([1.0, -1.0], 1.0), "samples = -1 must be a finite number at least 0"),
        (lambda: p_values([1.0], 0.0), "bound = 0 must be a finite number above 0"),
        (lambda: p_values([], 1.0), "samples has shape (0,); a test needs (..., n) with n at least 1"),
        (lambda: refutes([1.0], 1.0, 0.0), "level = 0 must be a finite number above 0 and at most 1"),
        (lambda: false_alarm_rate(TAILS, replicas=0), "replicas = 0 must be a whole number, at least 1"),
    ],
)
def test_refusals(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        call()
    assert str(caught.value) == message


def test_the_document_has_the_table_of_the_record() -> None:
    root = Path(__file__).parents[3]
    rows = records.read(root / "records" / "power_of_tests.parquet").table
    assert bound_tests.table(rows) in (root / bound_tests.DOCUMENT).read_text(encoding="utf-8")
