"""Every figure is drawn from its numbers alone, and to the same bytes again from their CSV. The numbers are in ``test_numbers.py``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from tests.figures.conftest import Again
from tests.figures.planting import exchanged, planted, swapped
from tsla.empirics.experiments.registry import ARMS
from tsla.figures import gallery, style
from tsla.figures.drawing import draw_gallery, draw_one
from tsla.figures.gallery import Load
from tsla.theory.testing.planted import Rejects, assert_rejects

MODULES = gallery.modules()


def test_all_are_drawn_to_files_of_their_names_beside_their_numbers(drawn: list[Path]) -> None:
    folder = drawn[0].parent
    assert drawn == [folder / f"{name}.svg" for name in sorted(MODULES)]
    assert set(folder.iterdir()) == {*drawn, *(path.with_suffix(".csv") for path in drawn)}
    assert all(path.read_text(encoding="utf-8").rstrip().endswith("</svg>") for path in drawn)


@pytest.mark.parametrize("name", MODULES)
def test_the_csv_is_all_that_is_drawn(name: str, drawn: list[Path], again: Again) -> None:
    """The figure and the CSV that are made of it have the same bytes."""
    for suffix in (".svg", ".csv"):
        assert again(name)[0].with_suffix(suffix).read_bytes() == (drawn[0].parent / name).with_suffix(suffix).read_bytes()


def less_is_better(name: str, words: str) -> bool:
    """Losses, samples, variances and errors; not accuracies, critical batch sizes, or what a claim has in its favour."""
    return name not in ("forest", "slack", "critical_batch") and not re.search("accuracy|%", words)


@pytest.mark.parametrize("name", MODULES)
def test_every_panel_says_what_it_shows_at_a_size_that_can_be_read(name: str, again: Again) -> None:
    assert len(MODULES[name].CAPTION) > 100
    assert MODULES[name].CAPTION.endswith(".")
    figure = again(name)[1]
    assert figure.get_suptitle()
    assert figure.get_figwidth() in (style.COLUMN, style.PAGE)
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 7  # type: ignore[attr-defined]
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    for ax in panels:
        column = [other for other in panels if other.get_subplotspec().colspan == ax.get_subplotspec().colspan]  # type: ignore[union-attr]
        assert ax.has_data()
        assert column[0].get_title() or ax.get_ylabel()
        assert column[-1].get_xlabel()
    better = [ax.get_xlabel() + ax.get_ylabel() for ax in panels]
    assert any(re.search("better|tighter|ε²/σ²", words) for words in better)
    wrong = [words for words in better if re.search("[↑→] (better|tighter)" if less_is_better(name, words) else "[↓←] better", words)]
    assert not wrong


def test_figures_of_another_record_have_other_bytes(load: Load, drawn: list[Path], tmp_path: Path) -> None:
    (path,) = [path for path in drawn if path.stem == "stall_and_cure"]
    other = MODULES["stall_and_cure"].numbers(planted(load, lambda table: table.assign(grad2=2 * table["grad2"])))
    assert draw_one(tmp_path / path.name, MODULES["stall_and_cure"], other).read_bytes() != path.read_bytes()


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_other_formats_have_stable_bytes_too(form: str, source: Path, tmp_path: Path) -> None:
    once, twice = (draw_gallery(source, tmp_path / folder, ["critical_batch"], form=form) for folder in ("once", "twice"))
    assert [path.name for path in once] == [f"critical_batch.{form}"]
    assert once[0].read_bytes() == twice[0].read_bytes()


def test_a_missing_record_is_named_with_the_command_that_makes_it_and_nothing_is_written(source: Path, tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    shutil.copy(source / "regimes.parquet", tmp_path / "records")
    with pytest.raises(ValueError, match=r"rates\.parquet does not exist; `tsla records rates` makes it$"):
        draw_gallery(tmp_path / "records", tmp_path / "figures", ["regimes", "bound_and_measured"])
    assert not (tmp_path / "figures").exists()


def test_looks_tell_methods_apart_without_colour() -> None:
    for table in (style.METHODS.values(), style.SHADES):
        looks = [(str(look["linestyle"]), look["marker"]) for look in table]
        assert len(set(looks)) == len(looks)
    assert not {look["color"] for look in style.METHODS.values()} & {look["color"] for look in style.SHADES}
    assert set(style.METHODS) == set(style.LABELS)
    assert set(style.METHODS) >= set(ARMS)


def test_house_style_ends_with_its_context() -> None:
    before = plt.rcParams["svg.hashsalt"], plt.rcParams["font.size"]
    with style.house_style():
        assert plt.rcParams["svg.hashsalt"] == "tsla"
    assert (plt.rcParams["svg.hashsalt"], plt.rcParams["font.size"]) == before


def test_labels_do_not_stand_on_each_other_and_keep_their_order() -> None:
    with style.house_style():
        figure, ax = plt.subplots()
        for height in (0.5, 0.5, 0.51, 0.0, 1.0):
            ax.plot([0, 1], [0.5, height], label=str(height))
        style.label_ends(ax)
        figure.canvas.draw()
    boxes = sorted(
        (Text.get_window_extent(text).extents[[1, 3]].tolist(), float(text.get_text())) for text in ax.texts
    )  # without the lines
    assert all(low[1] <= high[0] + 1 for (low, _), (high, _) in pairwise(boxes))
    assert [height for _, height in boxes] == sorted(height for _, height in boxes)
    plt.close(figure)


def test_a_run_that_diverged_is_not_left_out_of_the_mean(load: Load) -> None:
    gone = planted(load, lambda table: table.assign(test_loss=table["test_loss"].where((table["seed"] != 1) | (table["epoch"] == 0))))
    with pytest.raises(ValueError, match="test_loss = nan must be a finite number"):
        MODULES["training_curves"].numbers(gone)


# --- the drawing


@pytest.mark.parametrize(("name", "column"), [("regimes", "samples"), ("stall_and_cure", "mean"), ("training_curves", "mean")])
def test_each_method_is_drawn_in_its_colour(name: str, column: str, numbers: Callable[[str], pd.DataFrame], again: Again) -> None:
    def shows(figure: Figure) -> None:
        drawn = [(line.get_color(), set(np.asarray(line.get_ydata(), dtype=float))) for ax in figure.axes for line in ax.get_lines()]
        for method, rows in numbers(name).groupby("method"):
            inked = set().union(*(values for colour, values in drawn if colour == style.METHODS[str(method)]["color"]))
            assert set(rows[column]) <= inked

    shows(again(name)[1])
    for wrong in (exchanged("method", "sgd", "tsla")(numbers(name)), numbers(name).assign(**{column: 1.1 * numbers(name)[column]})):
        with style.house_style():
            assert_rejects(shows, MODULES[name].draw(wrong))
    plt.close("all")


def test_axes_are_those_of_their_panels(again: Again) -> None:
    assert all(left > right for left, right in (ax.get_xlim() for ax in again("regimes")[1].axes))
    assert [ax.get_xlabel() for ax in again("fair_verdict")[1].axes[:3]] == ["δ", "δ", "β²/σ²"]
    lines = [line for ax in again("best_drop")[1].axes for line in ax.get_lines() if str(line.get_label()).startswith("θ")]
    assert lines
    assert all(max(line.get_xdata()) < 20 for line in lines)  # type: ignore[type-var, arg-type]


def test_titles_hold_their_panels_numbers(numbers: Callable[[str], pd.DataFrame], again: Again) -> None:
    titles = [ax.get_title() for ax in again("forest")[1].axes]
    said = numbers("forest").groupby("claim")["word"]
    counts = [f"{(words == 'supported').sum()} of {len(words)}" for _, words in said]
    assert sorted(title.split("\n")[1] for title in titles if not title.endswith("0 of 0")) == sorted(counts)
    asked = numbers("regimes").query("kind == 'asked for' and eps == eps.min()")
    for ax, q in zip(again("regimes")[1].axes, (1, 2, 3, 4), strict=True):
        samples = asked[asked["q"] == q].set_index("method")["samples"]
        row, times = ax.get_title().removesuffix(" times the fewest").split(": TSLA asks for ")
        assert row == f"δ ∝ ε{('', '²', '³', '⁴')[q - 1]}"
        assert float(times.replace(",", "")) == pytest.approx(samples["tsla"] / samples.min(), rel=0.01)


def words_from_records(load: Load) -> dict[str, set[str]]:
    """Titles and labels with numbers in them. The slopes are those of the bound and of the mean, from 256 steps on."""
    digits = load("digits").table.query("method == 'sgd'").dropna(subset="s2")
    deltas = (digits["shat2"] / digits["s2"]).groupby(digits["epoch"]).mean()
    rates = (
        load("rates")
        .table.query("method == 'sgd' and T >= 256 and instance != 'attained'")
        .groupby(["instance", "T"])
        .mean(numeric_only=True)
    )
    logs = {instance: np.log(rows.reset_index()[["T", "bound", "mean_grad2"]]) for instance, rows in rates.groupby("instance")}
    slopes = {name: [np.polyfit(of["T"], of[column], 1)[0] for column in ("bound", "mean_grad2")] for name, of in logs.items()}
    return {
        "variance_against_theta": {f"epoch {epoch}, δ = {delta:.2f}" for epoch, delta in deltas.items()},
        "bound_and_measured": {f"{name}: {bound:.2f}, {mean:.2f}" for name, (bound, mean) in slopes.items()},
    }


@pytest.mark.parametrize(
    ("name", "error"), [("variance_against_theta", ("shat2", "grad2")), ("bound_and_measured", ("bound", "mean_grad2"))]
)
def test_words_in_a_panel_hold_what_follows_from_the_records(
    name: str, error: tuple[str, str], load: Load, again: Again, rejects: Rejects
) -> None:
    said = {text.get_text() for ax in again(name)[1].axes for text in (ax.title, *ax.texts)}

    def are_said(given: Load) -> None:
        assert words_from_records(given)[name] <= said

    rejects(are_said, right=load, wrong=planted(load, swapped(*error)))


def test_a_target_is_named_at_its_own_curve(numbers: Callable[[str], pd.DataFrame], again: Again) -> None:
    samples = numbers("smoothing_buys").query("panel == 'samples'")
    names = {text.get_text(): text.xy for text in again("smoothing_buys")[1].axes[0].texts}  # type: ignore[attr-defined]
    assert set(names) == {f"e = {e:g}" for e in samples["parameter"]}
    for e, curve in samples.groupby("parameter"):
        assert names[f"e = {e:g}"] in set(zip(curve["x"], curve["value"], strict=True))
