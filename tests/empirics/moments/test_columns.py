"""From measured moments to the quantities of the theory, on numbers small enough to follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.planted import assert_rejects
from tsla.empirics.moments.columns import apart, differences, measured, over_seeds, samples
from tsla.theory.moments import Moments

MOMENTS = {"grad2": 0.5, "s2": 4.0, "shat2": 1.0, "c": 0.5, "beta2": 0.25, "nu2": 0.75}


def table() -> pd.DataFrame:
    """Two methods, three seeds out of order, two epochs of which the first has moments; values that differ from row to row."""
    rows = [
        {
            "method": method,
            "seed": seed,
            "epoch": epoch,
            "train_loss": 1.0,
            "test_accuracy": 0.5 + 0.1 * seed + 0.01 * (method == "lsr") * (seed + 1) + 0.2 * epoch,
        }
        | {name: value * (1 + seed) if epoch == 0 else np.nan for name, value in MOMENTS.items()}
        for method in ("lsr", "sgd")
        for seed in (2, 0, 1)
        for epoch in (1, 0)
    ]
    return pd.DataFrame(rows)


def test_only_rows_with_moments_are_kept_and_the_table_is_left_alone() -> None:
    given = table()
    before = given.copy()
    found = measured(given, theta=0.3, batch_size=4)
    assert set(found["epoch"]) == {0}
    assert len(found) == 6
    pd.testing.assert_frame_equal(given, before)


def test_a_diverged_run_is_not_left_out() -> None:
    rows = table()
    rows.loc[3, "train_loss"] = np.nan
    with pytest.raises(ValueError, match="the run of lsr, seed 0, diverged"):
        measured(rows, theta=0.3, batch_size=4)


def test_quantities_of_single_examples() -> None:
    found = measured(pd.DataFrame([{"train_loss": 1.0} | MOMENTS]), theta=0.0, batch_size=1).iloc[0]
    assert found["delta"] == 1 / 4
    assert found["delta0"] == 0.5 / 4
    assert found["theta_star"] == pytest.approx((4 - 0.5) / (4 + 1 - 2 * 0.5))
    assert found["ratio"] == found["shrink_ratio"] == 1
    assert found["beyond"] == found["bias_share"] == 0


def agrees_with_the_moments_of_a_batch(measure: Callable[..., pd.DataFrame]) -> None:
    """The same through :class:`Moments`, whose batch law is checked against all batches of a small network."""
    for theta, B in ((0.3, 16), (1.0, 2), (0.5, 1)):
        found = measure(pd.DataFrame([{"train_loss": 1.0} | MOMENTS]), theta=theta, batch_size=B).iloc[0]
        batch = Moments(**MOMENTS).at_batch_size(B)
        smoothed, shrunk = batch.second_moment(theta), (1 - theta) ** 2 * batch.s2 + theta**2 * batch.grad2
        assert found["ratio"] == pytest.approx(smoothed / batch.s2, rel=1e-12)
        assert found["shrink_ratio"] == pytest.approx(shrunk / batch.s2, rel=1e-12)
        assert found["beyond"] == pytest.approx((smoothed - shrunk) / batch.s2, rel=1e-12)
        assert found["bias_share"] == pytest.approx(theta**2 * 0.25 / batch.s2, rel=1e-12)


def test_quantities_of_a_batch() -> None:
    agrees_with_the_moments_of_a_batch(measured)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda table, *, theta, batch_size: measured(table, theta=theta, batch_size=1),
        lambda table, *, theta, batch_size: measured(table, theta=1 - theta, batch_size=batch_size),
        lambda table, *, theta, batch_size: measured(table.assign(beta2=0.0, nu2=1.0), theta=theta, batch_size=batch_size),
    ],
    ids=["single examples", "theta the other way round", "a bias that averages out"],
)
def test_planted_batch_quantities_are_rejected(wrong: Callable[..., pd.DataFrame]) -> None:
    assert_rejects(agrees_with_the_moments_of_a_batch, wrong)


def test_samples_come_in_the_order_of_the_seeds() -> None:
    assert samples(table(), "test_accuracy", method="sgd", epoch=0) == pytest.approx([0.5, 0.6, 0.7])
    assert samples(table(), "test_accuracy", method="lsr", epoch=1) == pytest.approx([0.71, 0.82, 0.93])


def test_mean_over_the_seeds_with_students_interval() -> None:
    interval = over_seeds(table(), "test_accuracy", method="sgd", epoch=0)
    assert float(interval.estimate) == pytest.approx(0.6)
    assert float(interval.high) == pytest.approx(0.6 + 4.302652730 * 0.1 / np.sqrt(3))  # t(0.975, 2) = 4.302652730
    assert float(interval.low) == pytest.approx(0.6 - 4.302652730 * 0.1 / np.sqrt(3))


def test_difference_is_paired_by_seed() -> None:
    """Differences of 0.01, 0.02, 0.03, though the accuracies themselves are spread by 0.1."""
    found = differences(table(), "test_accuracy", method="lsr", baseline="sgd", epoch=0)
    assert found == pytest.approx([0.01, 0.02, 0.03])
    assert differences(table(), "test_accuracy", method="sgd", baseline="lsr", epoch=0) == pytest.approx(-found)


@pytest.mark.parametrize(("method", "epoch"), [("adam", 0), ("sgd", 7)])
def test_rows_that_are_not_there(method: str, epoch: int) -> None:
    with pytest.raises(ValueError, match=f"the record has no row of method '{method}' at epoch {epoch}"):
        over_seeds(table(), "test_accuracy", method=method, epoch=epoch)


def test_a_seed_that_one_of_the_two_lacks() -> None:
    rows = table()
    rows = rows[(rows["method"] == "lsr") | (rows["seed"] != 1)]
    with pytest.raises(ValueError, match="lsr and sgd have other seeds at epoch 0"):
        differences(rows, "test_accuracy", method="lsr", baseline="sgd", epoch=0)


def test_other_seeds_are_no_pairs() -> None:
    rows = table()
    rows.loc[rows["method"] == "lsr", "seed"] += 1
    with pytest.raises(ValueError, match="lsr and sgd have other seeds at epoch 0"):
        differences(rows, "test_accuracy", method="lsr", baseline="sgd", epoch=0)


# --- a new run beside a record


KEYS = ("method", "seed", "epoch")


def test_rows_that_are_the_same_are_equal_to_the_last_bit() -> None:
    some = table().sample(frac=0.5, random_state=0)  # nan in both are equal
    assert str(apart(some, table(), KEYS)) == "equal to the last bit"


@pytest.mark.parametrize(("new", "relative"), [(0.5 * (1 + 1e-9), 1e-9), (1.0, 0.5), (np.nan, np.inf)])
def test_the_largest_difference_is_found_with_its_place(new: float, relative: float) -> None:
    changed = table()
    at = (changed["method"] == "sgd") & (changed["seed"] == 0) & (changed["epoch"] == 0)
    changed.loc[at, "test_accuracy"] = new  # it was 0.5
    changed.loc[changed["seed"] == 2, "grad2"] *= 1 + 1e-12
    found = apart(changed, table(), KEYS)
    assert found.relative == pytest.approx(relative, rel=1e-5)
    assert found.where == "test_accuracy (method sgd, seed 0, epoch 0)"


def test_a_row_that_the_record_lacks() -> None:
    with pytest.raises(ValueError, match=r"the record has no .*'lsr', .*2, .*1.*; must have all rows"):
        apart(table(), table()[1:], KEYS)
