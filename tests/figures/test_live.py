"""What the report shows of its own runs is what was run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.figures.miniature import PLANS, RECHECKED, miniature
from tsla.empirics.experiments.registry import ARMS
from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures import live, style
from tsla.theory.testing.planted import assert_rejects


@pytest.fixture
def of(source: Path, fresh: Path) -> dict[str, Record]:
    """What was run, by name, and "record": the record of digits."""
    return {path.stem: records.read(path) for path in fresh.iterdir()} | {"record": records.read(source / "digits.parquet")}


def shows(record: Record, fresh: Record) -> None:
    """The figure has, in each panel, the live rows of an arm, and mean and range of the record's."""
    table = miniature("digits")[0]
    with style.house_style():
        figure = live.draw(record, fresh)
    plt.close(figure)
    panels = iter(figure.axes)
    for column in ("train_loss", "test_loss", "test_accuracy"):
        for method in ARMS:
            ax = next(panels)
            by_epoch = table[table["method"] == method].groupby("epoch")[column]
            mean, one = (np.asarray(line.get_ydata()) for line in ax.get_lines())
            assert np.allclose(mean, by_epoch.mean())
            assert np.array_equal(one, table[(table["method"] == method) & (table["seed"] == 0)][column])
            heights = ax.collections[0].get_paths()[0].vertices[:, 1]
            assert np.isclose([heights.min(), heights.max()], [by_epoch.min().min(), by_epoch.max().max()]).all()


def test_live_rows_are_drawn_over_the_record(of: dict[str, Record]) -> None:
    shows(of["record"], of["digits"])
    other = miniature("digits")[0]
    assert_rejects(lambda seed_1: shows(of["record"], seed_1), replace(of["digits"], table=other[other["seed"] == 1]))


def test_whether_the_live_rows_are_those_of_the_record_is_said(of: dict[str, Record]) -> None:
    assert live.comparison(of["record"], of["digits"]) == "The 15 live rows of seed 0 and those of the record: equal to the last bit."
    table = of["digits"].table
    other = replace(of["digits"], table=table.assign(test_loss=table["test_loss"] * (1 + 1e-6 * (table["epoch"] == 2))))
    assert "apart by at most 1e-06 of a number, of test_loss (method " in live.comparison(of["record"], other)
    whole = miniature("digits")[0]
    assert " live rows of seed 1 and " in live.comparison(of["record"], replace(of["digits"], table=whole[whole["seed"] == 1]))


def test_tables_have_a_row_for_each_plan_and_part(of: dict[str, Record]) -> None:
    head, *plans = live.plans(of["plans"])
    assert [row[0] for row in plans] == [config["method"] for config in PLANS]
    for row, planned in zip(plans, of["plans"].table.to_dict("records"), strict=True):
        promised, measured = (dict(zip(head, row, strict=True))[title] for title in ("promised, ε²", "measured E‖∇F‖²"))
        assert promised == f"{planned['bound']:.3g}"
        assert measured == "{measured:.3g} [{low:.3g}, {high:.3g}]".format(**planned)
    head, *parts = live.rechecked(of["recheck"])
    assert [dict(zip(head, row, strict=True))["current"] for row in parts] == ["yes", "no"]
    assert [row[0] for row in parts] == RECHECKED["record"].tolist()
