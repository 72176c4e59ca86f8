"""A pilot is what the record says, pair by pair, and nothing is mixed in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.refusals import refusals
from tsla.empirics.statistics.pilot import conditions, pilot


def long(**changes: object) -> pd.DataFrame:
    """Two methods, 3 epochs, 4 seeds in another order for each, and something in common to each seed; not measured at epoch 1."""
    rng = np.random.default_rng(3)
    rows = [
        {"method": method, "seed": seed, "epoch": epoch, "loss": 10.0 * seed + (method == "b") * epoch + rng.normal(0, 0.1)}
        for method, seeds in (("a", (3, 1, 0, 2)), ("b", (0, 1, 2, 3)), ("other", (7,)))
        for seed in seeds
        for epoch in (2, 0, 1)
    ]
    frame = pd.DataFrame(rows)
    frame.loc[frame["epoch"] == 1, "loss"] = np.nan
    return frame.assign(**changes)


def test_pairs_by_method_and_seed() -> None:
    frame = long()
    found = pilot(frame, a="b", b="a", column="loss")
    assert (found.axis, found.checkpoint.tolist(), found.differences.shape) == ("epoch", [0, 2], (2, 4))
    value = frame.set_index(["method", "seed", "epoch"])["loss"]
    for i, epoch in enumerate((0, 2)):
        by_hand = [value["b", seed, epoch] - value["a", seed, epoch] for seed in range(4)]
        assert found.differences[i] == pytest.approx(by_hand, rel=1e-15)


def test_two_columns_and_one_column() -> None:
    frame = pd.DataFrame({"T": [5, 5, 9, 9], "seed": [0, 1] * 2, "x": [1.0, 2.0, 3.0, 4.0], "y": [0.0, 3.0, 1.0, 1.0]})
    two = pilot(frame, a="x", b="y", column=None)
    one = pilot(frame.assign(gain=frame["x"] - frame["y"]), a=None, b=None, column="gain")
    for found in (two, one):
        assert (found.axis, found.checkpoint.tolist(), found.differences.tolist()) == ("T", [5, 9], [[1, -1], [2, 3]])
    assert pilot(frame.drop(columns="T").assign(seed=range(4)), a="x", b="y", column=None).differences.tolist() == [[1, -1, 2, 3]]
    assert pilot(frame, a="x", b="y", column=None, where={"T": "9"}).differences.tolist() == [[2, 3]]


def test_replicas_pair_too_and_text_is_chosen_by_text() -> None:
    frame = pd.DataFrame({"method": ["a", "b"] * 4, "replica": [0, 0, 1, 1] * 2, "on": ["p"] * 4 + ["q"] * 4, "v": np.arange(8.0) ** 2})
    found = pilot(frame, a="b", b="a", column="v", where={"on": "q"})
    assert (found.axis, found.differences.tolist()) == (None, [[25 - 16, 49 - 36]])


def test_short_floats_pair_as_well() -> None:
    frame = long()
    short = frame.astype({"seed": np.float16, "epoch": np.float16})
    found, same = (pilot(table, **PAIRED, where={"epoch": "2"}) for table in (short, frame))
    assert found.differences.tolist() == same.differences.tolist()


def test_a_column_is_asked_one_thing() -> None:
    assert conditions(["epoch=5", "on=a=b", "epoch=5"]) == {"epoch": "5", "on": "a=b"}
    with pytest.raises(ValueError, match="where = 'epoch=20' must not follow epoch=5: a column holds one value"):
        conditions(["epoch=5", "epoch=20"])


def columns(**changes: object) -> pd.DataFrame:
    """One method of :func:`long`, with two columns to compare and the settings of the run."""
    rows = long()[lambda frame: frame["method"] == "a"]
    return rows.assign(x=rows["loss"] + 1, y=rows["loss"] ** 2, model="mlp", eta=0.1, theta=0.3, diverged=rows["seed"] == 2).assign(
        **changes
    )


def by_seed(first: object, second: object) -> Callable[[pd.DataFrame], list[object]]:
    return lambda frame: [first if seed < 2 else second for seed in frame["seed"]]


def twice(rows: pd.DataFrame, **changes: object) -> pd.DataFrame:
    """The rows, and once more with changes."""
    return pd.concat([rows, rows.assign(**changes)])


PAIRED = {"a": "a", "b": "b", "column": "loss"}
COLUMNS = {"a": "x", "b": "y", "column": None}
ONE = {"a": None, "b": None, "column": "x"}
LAST = {"where": {"epoch": "2"}}
ONCE = "a seed must have one row at each epoch; "
test_what_is_no_pilot_is_refused_and_what_is_mixed_is_named = refusals(
    lambda make, given: pilot(make(), **given),
    # what is asked for
    (long, PAIRED | {"column": "nope"}, "column = 'nope' must be a column of the record: method, seed, epoch, loss"),
    (long, PAIRED | {"column": None}, "column = None must be a column"),
    (long, PAIRED | {"b": None}, "a = 'a' and b = None go together"),
    (long, PAIRED | {"b": "a"}, "a = 'a' and b = 'a' must be two"),
    (long, PAIRED | {"b": "c"}, "b = 'c' must be a method of the record, .*: a, b, other"),
    (long, PAIRED | {"b": "other"}, "a = 'a' and b = 'other' must have the same epoch and seed"),
    (long, PAIRED | {"column": "method"}, "column = 'method' must hold numbers"),
    (long, {"a": "seed", "b": "loss", "column": "loss"}, "column = 'loss' has no use"),
    (long, PAIRED | {"where": {"epoch": "7"}}, "where epoch = 7: must leave some rows; .* 2, 0, 1"),
    (lambda: pd.concat([long(q=q) for q in range(20)]), PAIRED | {"where": {"q": "99"}}, "the column has 0, 1, 2, .* 6, 7, and 12 more$"),
    (long, PAIRED | {"where": {"epoch": "x"}}, "where epoch = x must be a number"),
    (long, PAIRED | {"where": {"q": "1"}}, "where = 'q' must be a column"),
    (long, PAIRED | {"where": {"epoch": "1"}}, "must hold values that are not missing"),
    (lambda: long().drop(columns="method"), PAIRED, "a column for a and b, = 'method' must be a column"),
    # methods, networks, step sizes, strengths and data that differ
    (lambda: twice(columns(), method="b"), COLUMNS, "these rows mix method; .* --where method=a .there are a; b"),
    (lambda: twice(columns(), method="b"), ONE, "these rows mix method; .* --where method=a"),
    (lambda: columns(method=by_seed("sgd", "lsr")), COLUMNS, "run alike; these rows mix method; .* method=lsr"),
    (lambda: columns(method=by_seed("sgd", "lsr")), COLUMNS | LAST, "run alike; these rows mix method"),
    (lambda: twice(columns(), model="resnet"), COLUMNS, "these rows mix model"),
    (lambda: columns(model=by_seed("mlp", "a resnet")), COLUMNS, "run alike; these rows mix model; .* 'model=a resnet'"),
    (lambda: twice(columns(), eta=0.3), COLUMNS, "these rows mix eta; .* eta=0.1 .there are 0.1; 0.3"),
    (lambda: columns(eta=by_seed(0.1, 0.3)), COLUMNS | LAST, "run alike; these rows mix eta"),
    (lambda: columns(theta=by_seed(0.1, 0.3)), COLUMNS | LAST, "run alike; these rows mix theta"),
    (lambda: long(theta=by_seed(0.1, 0.3)), PAIRED, "a: every seed must have been run alike; these rows mix theta"),
    (lambda: long(data=lambda rows: rows["method"]), PAIRED, "a and b must have the same data; they have a and b"),
    (lambda: pd.concat([long(q=1), long(q=2)]), PAIRED, f"{ONCE}these rows mix q; choose one, such as --where q=1 .there are 1; 2."),
    # rows that are there twice, or are not
    (lambda: columns().drop(columns="epoch").dropna(), COLUMNS, "a seed must have one row; the record holds rows more than once"),
    (lambda: columns().rename(columns={"epoch": "week"}).dropna(), COLUMNS, "these rows mix week; .* week=2"),
    (lambda: pd.concat([columns(), columns().head(1)]), COLUMNS, f"{ONCE}.* rows more than once"),
    (lambda: pd.concat([long(), long().head(1)]), PAIRED, f"{ONCE}.* rows more than once"),
    (lambda: columns(seed=lambda rows: rows["seed"].replace(3, np.nan)), COLUMNS, "seed must not be missing .* in 3"),
    (lambda: columns(epoch=lambda rows: rows["epoch"].replace(2, np.nan)), COLUMNS, "epoch must not be missing .* in 4"),
    (lambda: columns(seed=lambda rows: rows["seed"] + 4 * rows["epoch"]), ONE, "every epoch must have the same seeds"),
    (lambda: pd.DataFrame({"T": [1, 1, 2], "seed": [0, 1, 0], "x": [1.0, 2, 3]}), ONE, "every T must have the same"),
    (lambda: columns(y=lambda rows: rows["y"].where(rows["seed"] != 1)), COLUMNS, "'x' and b = 'y' must be missing together"),
    (lambda: columns().drop(columns="seed"), COLUMNS, "the record must have a column seed or replica"),
)


@pytest.mark.parametrize("given", [COLUMNS, ONE, COLUMNS | LAST])
def test_what_is_not_mixed_is_planned_with(given: dict[str, Any]) -> None:
    """A strength that adapts, a schedule of step sizes, and how a run ended, differ and are no settings."""
    rows = columns(
        theta=lambda frame: frame["loss"] / 9,
        eta=lambda frame: 0.1 / (1 + frame["epoch"]),
        phase=lambda frame: "at " + frame["epoch"].astype(str),
    )
    assert pilot(rows, **given).differences.shape[1] == 4
    either = long(claim=lambda frame: "C" + frame["method"], eta=lambda frame: frame["method"].map({"a": 0.1}).fillna(0.2))
    assert pilot(either, **PAIRED).differences.shape == (2, 4)
