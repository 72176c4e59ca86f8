"""The figure of the measured rates draws what the record holds: samples needed with their intervals, plans, and predicted slopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsla.empirics.experiments.rates import grids as rate_configs
from tsla.empirics.experiments.rates import samples as rates
from tsla.empirics.runs.records import Record
from tsla.figures import style
from tsla.figures.gallery import measured_rates
from tsla.theory.testing.planted import assert_rejects


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    drawn = {(method, q) for _, method, q in measured_rates.PANELS}
    configs = [c for c in rate_configs.CONFIGS if c["problem"] in ("stall", "slow_valley") and (c["method"], c["q"]) in drawn]
    return pd.concat([rates.measure({**c, "replicas": 3, "compiled": False, "eps": c["eps"][:3]}) for c in configs], ignore_index=True)


@pytest.fixture
def draw() -> Iterator[Callable[[pd.DataFrame], Figure]]:
    with style.house_style():
        yield lambda table: measured_rates.draw(lambda name: Record(table, {}, {}, f"tsla records {name}"))
    plt.close("all")


def drawn(ax: Axes) -> list[tuple[float, ...]]:
    return [tuple(np.asarray(line.get_ydata(), dtype=float)) for line in ax.get_lines()]


def shows(table: pd.DataFrame, figure: Figure) -> None:
    for ax, (_, method, q) in zip(figure.axes, measured_rates.PANELS, strict=True):
        curves = table[(table["method"] == method) & (table["q"] == q)]
        assert len(curves) >= 3
        for _, rows in curves.groupby("problem"):
            for column in ("needed", "single", "planned"):
                assert any(np.allclose(line, rows[column]) for line in drawn(ax) if len(line) == 3), (method, column)
            slope = [line for line in drawn(ax) if len(line) == 3 and line[-1] == rows["needed"].iloc[-1]]
            ratio = (rows["eps"].iloc[0] / rows["eps"].iloc[-1]) ** rows["predicted"].iloc[0]
            assert any(line[-1] / line[0] == pytest.approx(ratio) for line in slope)


def test_numbers_are_those_of_the_record(table: pd.DataFrame, draw: Callable[[pd.DataFrame], Figure]) -> None:
    figure = draw(table)
    shows(table, figure)
    for wrong in ("needed", "single", "planned", "predicted"):
        assert_rejects(lambda other: shows(other, figure), table.assign(**{wrong: table[wrong] * 1.1}))


def test_intervals_are_drawn_but_for_a_target_that_was_not_reached(table: pd.DataFrame, draw: Callable[[pd.DataFrame], Figure]) -> None:
    ax = draw(table).axes[0]
    ends = np.concatenate([segment[:, 1] for lines in ax.collections for segment in lines.get_segments()])
    rows = table[table["method"] == "sgd"]
    for column in ("needed_low", "needed_high"):
        assert all(np.isclose(ends, value).any() for value in rows[column])
    figure = draw(table.assign(needed_high=np.inf))
    assert not any(segment.size for lines in figure.axes[0].collections for segment in lines.get_segments())
