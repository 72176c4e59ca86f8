"""Every figure is drawn from its numbers alone, to the same bytes again from their CSV, and they are what theory and records give."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from tests.figures.conftest import Again
from tests.figures.miniature import STALL
from tsla.empirics.experiments.registry import ARMS
from tsla.empirics.experiments.study import third_verdicts
from tsla.empirics.experiments.study.findings import Finding
from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures import gallery, style
from tsla.figures.drawing import draw_gallery, draw_one
from tsla.figures.gallery import Load
from tsla.figures.gallery.smoothing_buys import PLACES
from tsla.theory.testing.planted import Rejects, assert_rejects

MODULES = gallery.modules()
T_975 = 12.706204736  # Student's t(0.975, 1): the miniature records have two seeds
Change = Callable[[pd.DataFrame], pd.DataFrame]
Holds = Callable[[pd.DataFrame, Load], None]
"""Asserts that a figure's numbers are what follows from the records."""


@pytest.fixture(scope="module")
def load(source: Path) -> Load:
    return cache(lambda name: records.read(source / f"{name}.parquet"))


# --- all figures


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


# --- the numbers, by an independent computation, and planted in the records: a wrong column, a wrong method


def planted(load: Load, change: Change) -> Load:
    """The same records, each with a changed table."""

    def wrong(name: str) -> Record:
        found = load(name)
        return replace(found, table=change(found.table))

    return wrong


def swapped(*columns: str) -> Change:
    """Two columns exchanged, where a table has them."""
    there = dict(zip(columns, reversed(columns), strict=True))
    return lambda table: table.rename(columns=there) if set(columns) <= set(table) else table


def taken(column: str, other: str) -> Change:
    """One column in place of another, where a table has both."""
    return lambda table: table.assign(**{column: table[other]}) if {column, other} <= set(table) else table


def exchanged(column: str, *values: str) -> Change:
    """Two values of a column exchanged, such as two methods."""
    there = dict(zip(values, reversed(values), strict=True))
    return lambda table: table.assign(**{column: table[column].replace(there)}) if column in table else table


def has(numbers: pd.DataFrame, column: str, expected: Any, **where: Any) -> None:
    """The column, in the rows where the others have these values, is what is expected."""
    rows = numbers
    for name, value in where.items():
        rows = rows[rows[name] == value]
    assert rows[column].to_numpy(dtype=float) == pytest.approx(np.asarray(expected, dtype=float), rel=1e-9), where


def regimes(numbers: pd.DataFrame, load: Load) -> None:
    mu, F0 = 0.1755, 9 + 3 * math.sin(3) ** 2  # of the sine valley
    eps = np.geomspace(1e-3, 0.7, 60)
    needed = load("regimes").table.dropna(subset="needed").groupby(["method", "q", "eps"], as_index=False)["needed"].first()
    for q in (1, 2, 3, 4):
        has(numbers, "samples", np.ceil(4 * F0 * 16 / eps**4), q=q, method="sgd", kind="asked for")  # C4 at η = ε²/(2Lσ²)
        delta = 0.2 * eps**q
        both = np.ceil(8 / mu * np.log(mu * F0 * (1 + delta) / delta)) + np.ceil(16 * 8 * delta / (mu * eps**4))  # C7 and C8
        has(numbers, "samples", both, q=q, method="tsla", kind="asked for")
        for method, at_q in (("sgd", 1), ("tsla", q), ("lsr", q)):
            there = needed[(needed["method"] == method) & (needed["q"] == at_q)]
            has(numbers, "samples", there["needed"], q=q, method=method, kind="needed")
    never = numbers[(numbers["q"] == 1) & (numbers["method"] == "lsr") & (numbers["kind"] == "asked for")]
    assert 0 < len(never) < len(eps) / 2  # at q = 1 only the largest targets are above the floor


def training_curves(numbers: pd.DataFrame, load: Load) -> None:
    table = load("digits").table
    for column, scale in (("train_loss", 1), ("test_loss", 1), ("test_accuracy", 100)):
        by_run = scale * table.pivot_table(index=["epoch", "seed"], columns="method", values=column)
        has(numbers, "mean", by_run["shrink"].groupby("epoch").mean(), outcome=column, less="nothing", method="shrink")
        for less, baseline in (("sgd", "sgd"), ("control", "shrink")):
            difference = (by_run["lsr"] - by_run[baseline]).groupby("epoch").agg(["mean", "std"])
            has(numbers, "mean", difference["mean"], outcome=column, less=less, method="lsr")
            low = difference["mean"] - T_975 * difference["std"] / math.sqrt(2)
            has(numbers, "low", low, outcome=column, less=less, method="lsr")


def variance_against_theta(numbers: pd.DataFrame, load: Load) -> None:
    table = load("digits").table
    theta = np.linspace(0, 1, 41)
    for curve, formula in (
        ("exact", lambda m, t: (1 - t) ** 2 * m["s2"] + t**2 * m["shat2"] + 2 * t * (1 - t) * m["c"]),
        ("lemma V(θ)", lambda m, t: (1 - t) * m["s2"] + t * m["shat2"]),
        ("step (1-θ)η", lambda m, t: (1 - t) ** 2 * m["s2"] + t**2 * m["grad2"]),
    ):
        for epoch in (0, 2):
            rows = table[(table["method"] == "sgd") & (table["epoch"] == epoch)]
            has(numbers, "mean", np.mean([formula(m, theta) / m["s2"] for _, m in rows.iterrows()], axis=0), curve=curve, epoch=epoch)


def delta_along_training(numbers: pd.DataFrame, load: Load) -> None:
    table = load("digits").table.dropna(subset="s2")
    for quantity, over in (("delta", "shat2"), ("delta0", "grad2")):
        delta = (table[over] / table["s2"]).groupby([table["method"], table["epoch"]]).agg(["mean", "std"])
        for method in ("sgd", "lsr"):
            has(numbers, "mean", delta.loc[method, "mean"], quantity=quantity, method=method)
            high = delta.loc[method, "mean"] + T_975 * delta.loc[method, "std"] / math.sqrt(2)
            has(numbers, "high", high, quantity=quantity, method=method)


def critical_batch(numbers: pd.DataFrame, load: Load) -> None:
    m, theta = load("digits").table.dropna(subset="s2"), load("digits").config["configs"][0]["theta"]
    for t in (theta, 1.0):
        noise = (1 - t) ** 2 * m["s2"] + t**2 * m["nu2"] + 2 * t * (1 - t) * m["c"]
        size = ((m["s2"] - noise) / (t**2 * m["beta2"])).groupby([m["method"], m["epoch"]]).agg(["median", "min"])
        for method in ("sgd", "lsr"):
            has(numbers, "median", size.loc[method, "median"], method=method, theta=t)
            has(numbers, "low", size.loc[method, "min"], method=method, theta=t)


def bias_and_noise(numbers: pd.DataFrame, load: Load) -> None:
    table = load("study_paths").table
    table = table[(table["setting"] == "mlp, digits, 20 % noise") & (table["arm"] == "none")]
    theta = np.linspace(0, 1, 41)
    for epoch in (0, 20):
        m = table[table["epoch"] == epoch].drop(columns=["setting", "arm"]).mean()
        bias, x = theta**2 * m["beta2"], m["eta_L"] / 16
        noise = x * ((1 - theta) ** 2 * m["s2"] + theta**2 * m["nu2"] + 2 * theta * (1 - theta) * m["c"])
        for part, value in (("bias", bias), ("noise", noise), ("floor", bias + noise)):
            has(numbers, part, value / (x * m["s2"]), epoch=epoch)
        best = x * (m["s2"] - m["c"]) / (m["beta2"] + x * (m["s2"] + m["nu2"] - 2 * m["c"]))
        has(numbers, "best", np.full(41, best), epoch=epoch)


def stall_and_cure(numbers: pd.DataFrame, load: Load) -> None:
    table = load("stall").table
    for method in STALL["methods"]:
        rows = table[(table["method"] == method) & (table["step"] > 0)]
        for column, of in (("mean", "grad2"), ("low", "low"), ("high", "high")):
            has(numbers, column, rows[of], method=method)
    levels = numbers[["floor", "stall", "target"]].drop_duplicates().to_numpy()
    assert levels.tolist() == [pytest.approx([2 * 0.1 / 1.1, 0.1 / 1.1**2, 0.5**2])]


def bound_and_measured(numbers: pd.DataFrame, load: Load) -> None:
    for (instance, method), rows in load("rates").table.groupby(["instance", "method"]):
        by_T = rows.groupby("T")
        has(numbers, "bound", by_T["bound"].first(), instance=instance, method=method)
        has(numbers, "mean", by_T["mean_grad2"].mean(), instance=instance, method=method)


def slack(numbers: pd.DataFrame, load: Load) -> None:
    has(numbers, "mean", [0.5], claim="C4", kind="worst case")  # of the miniature certificates
    rates = load("rates").table
    ratio = (rates["mean_grad2"] / rates["bound"]).groupby([rates["claim"], rates["instance"], rates["T"]]).agg(["mean", "sem"])
    runs = numbers[numbers["kind"] == "run"]
    for claim, rows in ratio.groupby("claim"):
        drawn = runs[runs["claim"] == claim]
        for column, expected in (("mean", rows["mean"]), ("low", rows["mean"] - 4.30265272975 * rows["sem"])):  # t(0.975, 2)
            assert all(np.isclose(drawn[column], value, rtol=1e-9).any() for value in expected)
    regimes = load("regimes").table
    mean = (regimes["mean_grad2"] / regimes["eps"] / regimes["eps"]).groupby([regimes[of] for of in ("claim", "method", "q")]).mean()
    for (claim, *_), value in mean.items():  # type: ignore[misc]
        assert np.isclose(runs.loc[runs["claim"] == claim, "mean"], value, rtol=1e-9).any()


def best_drop(numbers: pd.DataFrame, load: Load) -> None:
    table = load("study").table
    last = table[(table["epoch"] == 20) & (table["setting"] == "mlp, digits, 20 % noise")].pivot_table(
        index="seed", columns="arm", values=["train_loss", "test_loss", "test_accuracy"]
    )
    for outcome, values in (
        ("loss", np.log(last["train_loss"])),
        ("test loss", np.log(last["test_loss"])),
        ("accuracy", last["test_accuracy"]),
    ):
        for drop, arm in ((4, "tsla-0.3-4"), (20, "lsr-0.3")):
            less = (values[arm] - values["none"]).mean()
            has(numbers, "mean", [less], setting="mlp, digits, 20 % noise", outcome=outcome, theta=0.3, drop=drop)


def tempered(numbers: pd.DataFrame, load: Load) -> None:
    names = ["test_loss", "tempered"]
    table, study = (load(name).table.query("epoch == 20 and setting == 'mlp, digits, 0 % noise'") for name in ("study_tempering", "study"))
    last = np.log(table.pivot_table(index="seed", columns="arm", values=names))
    ece = 100 * study.pivot_table(index="seed", columns="arm", values="test_ece")
    for outcome, values in (*((name, last[name]) for name in names), ("test_ece", ece)):
        for method, arm in (("lsr", "lsr-0.3"), ("tsla", "tsla-0.3-4")):
            less = (values[arm] - values["none"]).mean()
            has(numbers, "mean", [less], setting="mlp, digits, 0 % noise", method=method, outcome=outcome)


def measured_rates(numbers: pd.DataFrame, load: Load) -> None:
    table = load("measured_rates").table
    for method, q in (("sgd", 0), ("sgd-pl", 0), ("lsr", 2), ("tsla", 1), ("tsla", 2), ("tsla", 3)):
        rows = table[(table["method"] == method) & (table["q"] == q)]
        for column, samples in (("exponent", "needed"), ("single_exponent", "single"), ("planned_exponent", "planned")):
            slope = -np.polyfit(np.log(rows["eps"]), np.log(rows[samples]), 1)[0]
            has(numbers, column, [slope], method=method, q=q)


@cache
def third_round(load: Load) -> list[Finding]:
    return third_verdicts.found(third_verdicts.read(lambda name: load(name).table))


def forest(numbers: pd.DataFrame, load: Load) -> None:
    """E3 and E1 of the third round, in units of what matters: a higher accuracy is in favour, and a lower variance."""
    for claim, unit in (("E3", 0.005), ("E1", -0.01)):
        found = [one for one in third_round(load) if one.claim == claim]
        for setting in {one.setting for one in found}:
            means = [float(one.interval.estimate) / unit for one in found if one.setting == setting]
            has(numbers, "mean", means, claim=claim, setting=setting)


FROM_RECORDS: tuple[tuple[Holds, tuple[Change, ...]], ...] = (
    (regimes, (swapped("needed", "steps"), exchanged("method", "sgd", "tsla"))),
    (training_curves, (swapped("train_loss", "test_loss"), exchanged("method", "lsr", "shrink"))),
    (variance_against_theta, (swapped("s2", "shat2"), exchanged("method", "sgd", "lsr"))),
    (delta_along_training, (swapped("shat2", "grad2"), exchanged("method", "sgd", "lsr"))),
    (critical_batch, (swapped("nu2", "beta2"), exchanged("method", "sgd", "lsr"))),
    (bias_and_noise, (swapped("nu2", "beta2"), exchanged("arm", "none", "lsr-0.3"))),
    (stall_and_cure, (swapped("low", "grad2"), exchanged("method", "lsr", "tsla"))),
    (bound_and_measured, (taken("mean_grad2", "bound"), exchanged("method", "sgd", "lsr"))),
    (slack, (taken("mean_grad2", "bound"), exchanged("claim", "C4", "C5"))),
    (best_drop, (swapped("train_loss", "test_loss"), exchanged("arm", "none", "lsr-0.3"))),
    (tempered, (swapped("tempered", "test_loss"), exchanged("arm", "lsr-0.3", "tsla-0.3-4"))),
    (measured_rates, (swapped("exponent", "single_exponent"), exchanged("method", "sgd", "lsr"))),
    (forest, (swapped("test_accuracy", "test_loss"),)),
)
"""What the numbers of the figure of that name must be, and errors in its records."""


@pytest.mark.parametrize(
    ("check", "error"),
    [
        pytest.param(check, error, id=f"{check.__name__}-{kind}")
        for check, errors in FROM_RECORDS
        for kind, error in zip(("column", "method"), errors, strict=False)
    ],
)
def test_the_csv_holds_what_follows_from_the_records(
    check: Holds, error: Change, load: Load, rejects: Rejects, numbers: Callable[[str], pd.DataFrame]
) -> None:
    def holds(given: Load) -> None:
        check(numbers(check.__name__) if given is load else MODULES[check.__name__].numbers(given), load)

    rejects(holds, right=load, wrong=planted(load, error))


# --- the numbers that follow from theory alone


def fair_verdict(wrong_by: float, numbers: pd.DataFrame) -> None:
    """Samples of PL-aware SGD (C15b) or LSR under A4, whichever is fewer, over TSLA's (C8), at κ = σ² = 1 and without burn-ins."""
    for name, sharpened in (("tsla", False), ("sharpened", True)):
        rows = numbers[numbers["map"] == name].iloc[::37]
        for delta, eps2, ratio in rows[["x", "share", "ratio"]].to_numpy():
            V = 2 * delta / (1 + delta)
            rivals = [8 / eps2] + ([2 * V / (eps2 - V)] if eps2 > V else [])
            assert wrong_by * ratio == pytest.approx(min(rivals) / (16 * delta / eps2**2 / (1 + delta if sharpened else 1)), rel=1e-6)
        largest = numbers.loc[numbers["map"] == name, "ratio"].max()
        assert largest < (2 if sharpened else 1)
        assert (largest > 1) == sharpened


def phases(wrong_by: float, numbers: pd.DataFrame) -> None:
    """Among the paper's three: C4, C5 and C7 with C8, at σ² = F0 = μ = 1 and so L = κ."""
    rows = numbers[numbers["rivals"] == "C9"]
    kappa, delta, eps2 = (rows[name].to_numpy() for name in ("kappa", "delta", "share"))
    V = 2 * delta / (1 + delta)
    with np.errstate(divide="ignore"):
        samples = {
            "sgd": np.ceil(4 / eps2 * kappa * np.maximum(1, 2 / eps2)),
            "lsr": np.where(eps2 > V, np.ceil(2 * kappa / np.maximum(np.minimum(eps2 / 2, eps2 - V), 0)), np.inf),
            "tsla": np.ceil(np.maximum(kappa * np.log((1 + delta) / delta), 0)) + np.ceil(16 * kappa * delta / eps2**2),
        }
    assert wrong_by * rows["samples"].to_numpy() == pytest.approx(np.min(list(samples.values()), axis=0), rel=1e-9, abs=1)
    at = np.select([rows["fewest"] == name for name in samples], list(samples.values()))
    assert at == pytest.approx(rows["samples"].to_numpy(), rel=1e-9, abs=1)
    fair = numbers[numbers["rivals"] == "C15"]
    assert (fair["samples"].to_numpy() <= rows["samples"].to_numpy()).all()
    assert "tsla" not in set(fair["fewest"])  # C15: nowhere the shortest


def smoothing_buys(wrong_by: float, numbers: pd.DataFrame) -> None:
    """C18 as it is put into words: the samples it buys, and W in its two branches."""
    samples = numbers[numbers["panel"] == "samples"]
    e, delta = samples["parameter"].to_numpy(), samples["x"].to_numpy()
    assert wrong_by * samples["value"].to_numpy() == pytest.approx(1 - np.where(delta >= e, e * (1 / delta - 1), 1 - e), rel=6e-3)
    W = numbers[numbers["curve"] == "W"]
    x, t, d = W["parameter"].to_numpy(), W["x"].to_numpy(), 0.1
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(x * (1 - t) <= (1 - x) * t * d**0.5, t**2 * d + (1 - t) ** 2 * x / (1 - x), x * (1 - t + t * d**0.5) ** 2)
    assert wrong_by * W["value"].to_numpy() == pytest.approx(np.where(x == 1, (1 - t + t * d**0.5) ** 2, floor), rel=1e-9)
    least = numbers[numbers["curve"] == "θ°"].set_index("parameter")["value"]
    assert all(least[scale] <= W.loc[W["parameter"] == scale, "value"].min() * (1 + 1e-9) for scale in PLACES)


@pytest.mark.parametrize("check", [fair_verdict, phases, smoothing_buys], ids=lambda check: check.__name__)
def test_the_csv_holds_what_follows_from_theory(
    check: Callable[..., None], numbers: Callable[[str], pd.DataFrame], rejects: Rejects
) -> None:
    rejects(partial(check, numbers=numbers(check.__name__)), right=1.0, wrong=1.02)


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
        times = ax.get_title().split("TSLA asks for ")[1].removesuffix(" times the fewest")
        assert float(times.replace(",", "")) == pytest.approx(samples["tsla"] / samples.min(), rel=0.01)
