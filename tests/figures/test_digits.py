"""Numbers over the seeds of a record, on numbers small enough to follow."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from tsla.figures.digits import apart, differences, over_seeds


def table() -> pd.DataFrame:
    """Two methods, three seeds out of order, two epochs; values that differ from row to row, and nan in one column at the last epoch."""
    rows = pd.DataFrame(product(("lsr", "sgd"), (2, 0, 1), (1, 0)), columns=["method", "seed", "epoch"])
    accuracy = 0.5 + 0.1 * rows["seed"] + 0.01 * (rows["method"] == "lsr") * (rows["seed"] + 1) + 0.2 * rows["epoch"]
    return rows.assign(test_accuracy=accuracy, grad2=(0.5 * (1 + rows["seed"])).where(rows["epoch"] == 0))


def test_mean_over_the_seeds_with_students_interval() -> None:
    interval = over_seeds(table(), "test_accuracy", method="sgd", epoch=0)
    half = 4.302652730 * 0.1 / np.sqrt(3)  # t(0.975, 2) = 4.302652730
    assert [float(interval.low), float(interval.estimate), float(interval.high)] == pytest.approx([0.6 - half, 0.6, 0.6 + half])


def test_difference_is_paired_by_seed() -> None:
    """Differences of 0.01, 0.02, 0.03, though the accuracies themselves are spread by 0.1."""
    found = differences(table(), "test_accuracy", method="lsr", baseline="sgd", epoch=0)
    assert found == pytest.approx([0.01, 0.02, 0.03])
    assert differences(table(), "test_accuracy", method="sgd", baseline="lsr", epoch=0) == pytest.approx(-found)


@pytest.mark.parametrize(("method", "epoch"), [("adam", 0), ("sgd", 7)])
def test_rows_that_are_not_there(method: str, epoch: int) -> None:
    with pytest.raises(ValueError, match=f"the record has no row of method '{method}' at epoch {epoch}"):
        over_seeds(table(), "test_accuracy", method=method, epoch=epoch)


def test_a_seed_that_one_of_the_two_lacks_and_other_seeds_are_no_pairs() -> None:
    rows = table()
    of_lsr = rows["method"] == "lsr"
    for wrong in (rows[of_lsr | (rows["seed"] != 1)], rows.assign(seed=rows["seed"] + of_lsr)):
        with pytest.raises(ValueError, match="lsr and sgd have other seeds at epoch 0"):
            differences(wrong, "test_accuracy", method="lsr", baseline="sgd", epoch=0)


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
