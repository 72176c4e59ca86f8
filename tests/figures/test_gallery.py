"""Every figure is drawn from records alone, twice to the same bytes, and its lines are the numbers that the theory gives."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from inspect import getsource
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tests.figures.miniature import STALL, miniature
from tsla.empirics.experiments.registry import ARMS
from tsla.empirics.experiments.study import third_verdicts
from tsla.empirics.experiments.study.findings import Finding
from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures import gallery, style
from tsla.figures.drawing import draw as draw_file
from tsla.figures.drawing import draw_all
from tsla.theory.testing.planted import Rejects

MODULES = gallery.modules()
T_975 = 12.706204736  # Student's t(0.975, 1): the miniature records have two seeds


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``draw`` writes."""
    return tmp_path_factory.mktemp("again")


@pytest.fixture(scope="module")
def draw(source: Path, again: Path) -> Callable[[str], Figure]:
    """Each figure is drawn once more, to a file of its name, and only looked at."""

    @cache
    def figure(name: str) -> Figure:
        found: list[Figure] = []

        def kept(load: Callable[[str], Record]) -> Figure:
            found.append(MODULES[name].draw(load))
            return found[0]

        draw_file(again / f"{name}.svg", kept, lambda record: records.read(source / f"{record}.parquet"))
        return found[0]

    return figure


# --- all figures


def test_all_are_drawn_to_files_of_their_names(drawn: list[Path]) -> None:
    folder = drawn[0].parent
    assert drawn == [folder / f"{name}.svg" for name in sorted(MODULES)]
    assert set(folder.iterdir()) == set(drawn)
    assert all(path.read_text(encoding="utf-8").rstrip().endswith("</svg>") for path in drawn)
    assert plt.get_fignums() == []


def test_figures_of_the_same_records_have_the_same_bytes(drawn: list[Path], again: Path, draw: Callable[[str], Figure]) -> None:
    for path in drawn:
        draw(path.stem)
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_figures_of_another_record_have_other_bytes(source: Path, drawn: list[Path], tmp_path: Path) -> None:
    def other(name: str) -> Record:
        found = records.read(source / f"{name}.parquet")
        return replace(found, table=found.table.assign(grad2=2 * found.table["grad2"])) if name == "stall" else found

    changed = [path for path in drawn if 'load("stall")' in getsource(MODULES[path.stem])]
    assert changed
    for path in changed:
        assert draw_file(tmp_path / path.name, MODULES[path.stem].draw, other).read_bytes() != path.read_bytes(), path.name


def test_a_missing_record_is_named_with_the_command_that_makes_it(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "records", ignore=shutil.ignore_patterns("rates.parquet"))
    with pytest.raises(ValueError, match=r"rates\.parquet does not exist; `tsla records rates` makes it$"):
        draw_all(tmp_path / "records", tmp_path / "figures")


@pytest.mark.parametrize("name", MODULES)
def test_every_panel_says_what_it_shows_and_shows_something(name: str, draw: Callable[[str], Figure]) -> None:
    assert len(MODULES[name].CAPTION) > 100
    assert MODULES[name].CAPTION.endswith(".")
    figure = draw(name)
    scales = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    assert all(ax.get_ylabel() for ax in scales)
    panels = [ax for ax in figure.axes if ax not in scales]
    for ax in panels:
        column = [other for other in panels if other.get_subplotspec().colspan == ax.get_subplotspec().colspan]
        assert ax.has_data()
        assert column[0].get_title() or ax.get_ylabel()
        assert column[-1].get_xlabel()
    assert scales or figure.legends or any(ax.get_legend() for ax in figure.axes)


def test_looks_tell_methods_apart_without_colour() -> None:
    looks = [(str(look["linestyle"]), look["marker"]) for look in style.METHODS.values()]
    assert len(set(looks)) == len(looks)
    assert set(style.METHODS) == set(style.LABELS)
    assert set(style.METHODS) >= set(ARMS)


def test_house_style_ends_with_its_context() -> None:
    before = plt.rcParams["svg.hashsalt"], plt.rcParams["font.size"]
    with style.house_style():
        assert plt.rcParams["svg.hashsalt"] == "tsla"
    assert (plt.rcParams["svg.hashsalt"], plt.rcParams["font.size"]) == before


# --- the numbers behind them


def labelled(ax: Axes, label: str) -> Line2D:
    (found,) = [line for line in ax.get_lines() if line.get_label() == label]
    return found


def draws_the_regimes(wrong_by: float) -> None:
    """``wrong_by`` is what the drawn numbers are multiplied with: 1 for those of the figure."""
    with style.house_style():
        figure = MODULES["regimes"].draw(lambda name: Record(*miniature_record(name)))
    plt.close(figure)
    mu, F0 = 0.1755, 9 + 3 * math.sin(3) ** 2  # of the sine valley
    for q, ax in enumerate(figure.axes, start=1):
        sgd, tsla = labelled(ax, "SGD"), labelled(ax, "TSLA")
        eps = np.asarray(sgd.get_xdata())
        assert (eps.min(), eps.max()) == pytest.approx((1e-3, 0.7))
        assert wrong_by * np.asarray(sgd.get_ydata()) == pytest.approx(np.ceil(4 * F0 * 16 / eps**4), rel=1e-9)  # C4 at η = ε²/(2Lσ²)
        delta = 0.2 * eps**q
        both = np.ceil(8 / mu * np.log(mu * F0 * (1 + delta) / delta)) + np.ceil(16 * 8 * delta / (mu * eps**4))  # C7 and C8
        assert wrong_by * np.asarray(tsla.get_ydata()) == pytest.approx(both, rel=1e-9)


def miniature_record(name: str) -> tuple[pd.DataFrame, dict[str, object], dict[str, object], str]:
    table, configs = miniature(name)
    return table, {"configs": list(configs)}, {}, f"tsla records {name}"


def test_lines_of_the_regimes_are_the_bounds(rejects: Rejects) -> None:
    rejects(draws_the_regimes, right=1.0, wrong=1.01)


def test_markers_of_the_regimes_are_what_was_needed(draw: Callable[[str], Figure]) -> None:
    table = miniature("regimes")[0]
    for q, ax in enumerate(draw("regimes").axes, start=1):
        for method, at_q in (("sgd", 1), ("tsla", q), ("lsr", q)):
            look = style.METHODS[method]
            (markers,) = [line for line in ax.get_lines() if line.get_marker() == look["marker"]]
            needed = table[(table["method"] == method) & (table["q"] == at_q)].groupby("eps")["needed"].first()
            assert np.asarray(markers.get_xdata()).tolist() == needed.index.tolist()
            assert np.asarray(markers.get_ydata()) == pytest.approx(needed.to_numpy(), nan_ok=True)


def test_lsr_has_no_line_where_it_never_arrives(draw: Callable[[str], Figure]) -> None:
    axes = draw("regimes").axes
    delta = 0.2 * 0.7
    assert 2 * delta / (1 + delta) < 0.7**2  # at q = 1 only the largest targets are above the floor
    line = np.asarray(labelled(axes[0], "LSR").get_ydata())
    assert np.isnan(line[:40]).all()
    assert np.isfinite(line[-1])
    assert np.isfinite(np.asarray(labelled(axes[1], "LSR").get_ydata())).all()


def test_bands_of_the_training_curves_are_means_over_the_seeds(draw: Callable[[str], Figure]) -> None:
    table = miniature("digits")[0]
    axes = draw("training_curves").axes
    for row, arms in ((axes[:3], ("sgd", "lsr", "tsla")), (axes[4:7], ("sgd", "shrink", "shrink-tsla"))):
        for ax, column in zip(row, ("train_loss", "test_loss", "test_accuracy"), strict=True):
            for method in arms:
                means = table[table["method"] == method].groupby("epoch")[column].mean()
                assert labelled(ax, style.LABELS[method]).get_ydata() == pytest.approx(means.to_numpy())


def test_a_run_that_diverged_is_not_left_out_of_the_mean() -> None:
    def without_losses(name: str) -> Record:
        table, *about = miniature_record(name)
        return Record(table.assign(test_loss=table["test_loss"].where((table["seed"] != 1) | (table["epoch"] == 0))), *about)

    with style.house_style(), pytest.raises(ValueError, match="test_loss = nan must be a finite number"):
        MODULES["training_curves"].draw(without_losses)
    plt.close("all")


def test_differences_at_the_end_are_paired(draw: Callable[[str], Figure]) -> None:
    table = miniature("digits")[0]
    last = table[table["epoch"] == 2].pivot_table(index="seed", columns="method", values="test_accuracy")
    axes = draw("training_curves").axes
    for ax in (axes[3], axes[7]):
        (points,) = [line for line in ax.get_lines() if line.get_marker() == "o"]
        pairs = [label.get_text().split(" - ") for label in ax.get_yticklabels()]
        assert points.get_xdata() == pytest.approx([100 * (last[method] - last[baseline]).mean() for method, baseline in pairs])


def test_dots_of_the_slack_are_the_worst_over_the_bound(draw: Callable[[str], Figure]) -> None:
    (ax,) = draw("slack").axes
    dots = np.concatenate([np.asarray(dots.get_offsets()) for dots in ax.collections])
    rates = miniature("rates")[0].groupby(["claim", "instance", "T"])[["mean_grad2", "bound"]].mean()
    for (claim, *_), row in [*rates.iterrows(), (("C4",), {"mean_grad2": 0.5, "bound": 1.0})]:  # the last is a certificate
        (y,) = [y for y, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True) if label.get_text() == claim]
        nearby = dots[np.abs(dots[:, 1] - y) < 0.5, 0]
        assert np.isclose(nearby, row["mean_grad2"] / row["bound"]).any()


def test_exact_variance_is_the_mean_over_the_seeds_of_the_exact_formula(draw: Callable[[str], Figure]) -> None:
    table = miniature("digits")[0]
    rows = table[(table["method"] == "sgd") & (table["epoch"] == 0)]
    ax = draw("variance_against_theta").axes[0]
    for label, formula in (
        ("exact", lambda m, t: (1 - t) ** 2 * m["s2"] + t**2 * m["shat2"] + 2 * t * (1 - t) * m["c"]),
        ("lemma V(θ)", lambda m, t: (1 - t) * m["s2"] + t * m["shat2"]),
        ("step (1-θ)η instead", lambda m, t: (1 - t) ** 2 * m["s2"] + t**2 * m["grad2"]),
    ):
        line = labelled(ax, label)
        theta = np.asarray(line.get_xdata())
        expected = np.mean([formula(m, theta) / m["s2"] for _, m in rows.iterrows()], axis=0)
        assert line.get_ydata() == pytest.approx(expected, rel=1e-9)


def test_delta_is_drawn_with_students_band(draw: Callable[[str], Figure]) -> None:
    table = miniature("digits")[0]
    ax = draw("delta_along_training").axes[0]
    for method in ("sgd", "lsr"):
        rows = table[(table["method"] == method) & table["s2"].notna()]
        delta = (rows["shat2"] / rows["s2"]).groupby(rows["epoch"]).agg(["mean", "std"])
        line = labelled(ax, f"δ, on the path of {style.LABELS[method]}")
        assert np.asarray(line.get_xdata()).tolist() == [0, 2]
        assert line.get_ydata() == pytest.approx(delta["mean"].to_numpy())
        top = delta["mean"] + T_975 * delta["std"] / math.sqrt(2)
        heights = np.concatenate([path.vertices[:, 1] for band in ax.collections for path in band.get_paths()])
        assert all(np.isclose(heights, height).any() for height in top)


def test_levels_of_the_stall(draw: Callable[[str], Figure]) -> None:
    (ax,) = draw("stall_and_cure").axes
    levels = {line.get_ydata()[0] for line in ax.get_lines() if line.get_color() == "0.4"}
    assert sorted(levels) == pytest.approx(sorted([2 * 0.1 / 1.1, 0.1 / 1.1**2, 0.5**2]))
    table = miniature("stall")[0]
    for method in STALL["methods"]:
        rows = table[(table["method"] == method) & (table["step"] > 0)]
        assert np.asarray(labelled(ax, style.LABELS[method]).get_ydata()).tolist() == rows["grad2"].tolist()


def rival_over_tsla(delta: float, share: float, *, sharpened: bool) -> float:
    """Samples of PL-aware SGD (C15b) or of LSR under A4, whichever is fewer, over TSLA's (C8), at κ = σ² = 1 and without burn-ins."""
    eps2, V = share, 2 * delta / (1 + delta)
    rivals = [8 / eps2] + ([2 * V / (eps2 - V)] if eps2 > V else [])
    return min(rivals) / (16 * delta / eps2**2 / (1 + delta if sharpened else 1))


@pytest.mark.parametrize("sharpened", [False, True])
def test_map_of_the_fair_verdict(sharpened: bool, draw: Callable[[str], Figure]) -> None:
    ax = draw("fair_verdict").axes[int(sharpened)]
    corners, ratio = ax.collections[0].get_coordinates(), 10 ** np.asarray(ax.collections[0].get_array())
    delta, share = ((np.sqrt(x[:-1, :-1] * x[1:, 1:])) for x in (corners[..., 0], corners[..., 1]))  # centres of the cells
    for i in np.ndindex(5, 5):
        at = tuple(40 + 50 * np.array(i))
        assert ratio[at] == pytest.approx(rival_over_tsla(delta[at], share[at], sharpened=sharpened), rel=0.1)
    assert ratio.max() < (2 if sharpened else 1)
    assert (ratio.max() > 1) == sharpened


def test_bounds_of_the_rates(draw: Callable[[str], Figure]) -> None:
    table = miniature("rates")[0]
    drawn = {tuple(np.asarray(line.get_ydata(), dtype=float)) for ax in draw("bound_and_measured").axes for line in ax.get_lines()}
    for _, rows in table.groupby(["instance", "method"]):
        by_T = rows.groupby("T")
        for expected in (by_T["bound"].first(), by_T["mean_grad2"].mean()):
            assert any(np.allclose(expected, values, rtol=1e-12, atol=0) for values in drawn if len(values) == 4)


def draws_the_findings(in_favour: int, *, figure: Figure, found: list[Finding]) -> None:
    """Of the third round, in units of what matters: E3 with what is in favour to the right, and hollow where a setting can't tell."""
    (ax,) = [ax for ax in figure.axes if ax.get_title() == "E3"]
    markers = [(float(np.ravel(line.get_xdata())[0]), line.get_markerfacecolor()) for line in ax.get_lines() if line.get_marker() != "None"]
    for one in (one for one in found if one.claim == "E3"):
        there = [colour == "white" for x, colour in markers if np.isclose(x, in_favour * float(one.interval.estimate) / 0.005)]
        assert there == [one.power < 0.8 or one.at_edge]


def test_markers_of_the_forest_are_the_findings(draw: Callable[[str], Figure], source: Path, rejects: Rejects) -> None:
    made = third_verdicts.made(lambda name: records.read(source / f"{name}.parquet").table)
    check = partial(draws_the_findings, figure=draw("forest"), found=third_verdicts.found(made))
    rejects(check, right=1, wrong=-1)
