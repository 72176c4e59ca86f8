"""Every figure as a picture: it looks as it did, no word stands on another, and grey paper tells apart what means different things."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.figures import grey, pictures
from tests.figures.conftest import Again
from tests.figures.pictures import Change, as_it_is, seen
from tsla.figures import gallery, style, swept
from tsla.theory.commands.swept import Answers, Sweep
from tsla.theory.testing.planted import Rejects


@pytest.fixture(scope="session")
def reference() -> dict[str, list[str]]:
    found = pictures.reference()
    if found["matplotlib"] != mpl.__version__:
        pytest.skip(f"the pictures have the layout of Matplotlib {found['matplotlib']}, and this is {mpl.__version__}")
    figures: dict[str, list[str]] = found["figures"]
    return figures


def looks_as_it_did(figure: Figure, name: str, reference: dict[str, list[str]]) -> None:
    apart = pictures.cells_apart(pictures.as_text(figure), reference[name])
    assert apart <= pictures.CELLS, f"{apart} cells differ; if they should, `python -m tests.figures.pictures`"


def has_no_words_on_others(figure: Figure) -> None:
    assert seen(figure).words_on_words() == []


def is_told_apart_in_grey(figure: Figure) -> None:
    assert [pair for marks in grey.drawn(figure) for pair in grey.alike_in_grey(marks)] == []


@pytest.mark.parametrize("name", gallery.modules())
def test_it_looks_as_it_did(name: str, again: Again, reference: dict[str, list[str]]) -> None:
    looks_as_it_did(again(name)[1], name, reference)


@pytest.mark.parametrize("name", gallery.modules())
def test_no_words_stand_on_others_and_grey_tells_marks_apart(name: str, again: Again) -> None:
    has_no_words_on_others(again(name)[1])
    is_told_apart_in_grey(again(name)[1])


def test_the_columns_of_a_sweep_are_told_apart_in_grey() -> None:
    columns = {f"part {i}": np.array([1.0, 2.0 + i]) for i in range(len(style.METHODS))}
    with style.house_style():
        figure = swept.lines(Answers(Sweep("theta", np.array([0.1, 0.2]), log=False), "samples", columns))
    is_told_apart_in_grey(figure)
    plt.close(figure)


@pytest.mark.parametrize(
    ("values", "scale"), [((1.0, 2.0), "log"), ((np.nan, 2.0), "log"), ((0.0, 2.0), "linear"), ((-1.0, 2.0), "linear")]
)
def test_the_axis_of_a_sweep_is_logarithmic_where_all_numbers_can_be_drawn_on_it(values: tuple[float, ...], scale: str) -> None:
    columns = {"total": np.array(values), "other": np.array([1.0, 1.0])}
    with style.house_style():
        figure = swept.lines(Answers(Sweep("theta", np.array([0.1, 0.2]), log=True), "samples", columns))
    plt.close(figure)
    (ax,) = figure.axes
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel()) == ("log", scale, "theta")


# --- planted: what is made of a figure before it is laid out


def without_its_last_line(figure: Figure) -> None:
    figure.axes[0].get_lines()[-1].remove()


def with_its_legend_elsewhere(figure: Figure) -> None:
    figure.axes[0].get_legend().set_loc("lower left")  # type: ignore[union-attr]  # slack has one


def with_a_label_on_another(figure: Figure) -> None:
    one, other, *_ = figure.axes[0].texts
    other.set_position(one.get_position())


def with_two_lines_as_light_as_each_other(figure: Figure) -> None:
    for colour in ("#0072B2", "#C0392B"):
        figure.axes[0].plot([1, 2], [1, 2], color=colour, label=colour)


def with_areas_without_hatches(figure: Figure) -> None:
    for ax in figure.axes:
        for area in ax.collections:
            area.hatches = [None]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "wrong"), [("stall_and_cure", without_its_last_line), ("slack", with_its_legend_elsewhere)])
def test_a_lost_line_and_a_moved_legend_are_seen(
    name: str, wrong: Change, again: Again, reference: dict[str, list[str]], rejects: Rejects
) -> None:
    rejects(lambda change: looks_as_it_did(again(name, change)[1], name, reference), right=as_it_is, wrong=wrong)


@pytest.mark.parametrize(
    ("check", "name", "wrong"),
    [
        (has_no_words_on_others, "slack", with_a_label_on_another),
        (is_told_apart_in_grey, "slack", with_two_lines_as_light_as_each_other),
        (is_told_apart_in_grey, "fair_verdict", with_areas_without_hatches),
    ],
)
def test_overlaps_and_what_only_a_colour_tells_apart_are_refused(
    check: Callable[[Figure], None], name: str, wrong: Change, again: Again, rejects: Rejects
) -> None:
    rejects(lambda change: check(again(name, change)[1]), right=as_it_is, wrong=wrong)
