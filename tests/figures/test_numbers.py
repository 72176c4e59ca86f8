"""The numbers of a figure are what follows from the records, or from theory alone, by an independent computation."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.figures.miniature import STALL
from tests.figures.planting import Change, exchanged, planted, swapped, taken
from tsla.empirics.experiments.study import third_verdicts
from tsla.empirics.experiments.study.findings import Finding
from tsla.figures import gallery
from tsla.figures.gallery import Load
from tsla.figures.gallery.smoothing_buys import PLACES
from tsla.theory.testing.planted import Rejects

MODULES = gallery.modules()
T_975 = 12.706204736  # Student's t(0.975, 1): the miniature records have two seeds
Holds = Callable[[pd.DataFrame, Load], None]
"""Asserts that a figure's numbers are what follows from the records."""


# --- from records; planted in these: a wrong column, a wrong method


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
        size = ((m["s2"] - noise) / (t**2 * m["beta2"])).groupby([m["method"], m["epoch"]]).agg(["median", "min", "max"])
        for method, (column, of) in product(("sgd", "lsr"), (("median", "median"), ("low", "min"), ("high", "max"))):
            has(numbers, column, size.loc[method, of], method=method, theta=t)


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
    """Of the third round, in units of what matters: a higher accuracy is in favour, and a lower variance or loss."""
    for claim, unit in (("E3", 0.005), ("E1", -0.01), ("E2", -0.01), ("E2 by accuracy", 0.005), ("E5", 0.005)):
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


# --- those that follow from theory alone


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
