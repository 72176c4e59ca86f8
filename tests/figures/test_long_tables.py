"""Tables that no page holds are what follows from the records, by an independent computation; errors are planted in the records."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.figures.planting import Change, exchanged, swapped, with_error
from tsla.empirics.runs import records
from tsla.empirics.statistics.power import paired_power
from tsla.figures.documents import table
from tsla.theory.testing.planted import Rejects

SETTING = "mlp, digits, 20 % noise"
Holds = Callable[[pd.DataFrame], None]


@cache
def long(name: str, folder: Path = ROOT / "records") -> pd.DataFrame:
    _, made = table(name, folder=folder)
    return pd.DataFrame(made.rows())


def of_record(name: str, **where: object) -> pd.DataFrame:
    rows = records.read(ROOT / "records" / f"{name}.parquet").table
    for column, value in where.items():
        rows = rows[np.isclose(rows[column], value)] if isinstance(value, float) else rows[rows[column] == value]
    return rows


def along(rows: pd.DataFrame) -> None:
    path = of_record("study_paths", setting=SETTING, arm="none").dropna(subset="s2")
    path = path.assign(δ=path["shat2"] / path["s2"], δ0=path["grad2"] / path["s2"])
    for name, column in {"F": "train_loss", "‖∇F‖²": "grad2", "ηL": "eta_L", "δ": "δ", "δ0": "δ0"}.items():
        own = rows[rows["setting"] == SETTING].set_index("epoch")[name]
        assert own.to_numpy() == pytest.approx(path.groupby("epoch")[column].mean()[own.index].to_numpy())


def own_paths(rows: pd.DataFrame) -> None:
    paths = of_record("study_paths", setting=SETTING)
    logs = np.log(paths.pivot_table(index=["epoch", "seed"], columns="arm", values="s2"))
    less = (logs["lsr-0.1"] - logs["none"]).groupby("epoch").mean()
    own = rows[rows["setting"] == SETTING].set_index("epoch")["at equal epochs"]
    assert own.to_numpy() == pytest.approx(less[own.index].to_numpy())


def accuracy(rows: pd.DataFrame) -> None:
    """At the step size of ``none``."""
    last = of_record("study", setting=SETTING, epoch=20)
    own = rows[(rows["setting"] == SETTING) & (rows["step size"] == "that of none")]
    assert len(own) > 3
    for row in own.to_dict("records"):
        arm, none = (
            last[(last["arm"] == of) & np.isclose(last["eta"], row["η"])].set_index("seed")["test_accuracy"] for of in (row["arm"], "none")
        )
        assert row["accuracy less none"] == pytest.approx((arm - none).mean())
        assert row["accuracy of none"] == pytest.approx(none.mean())


def epochs_left(rows: pd.DataFrame) -> None:
    """At the step sizes that accuracy is best at in the tuning runs."""
    tuning = of_record("study_tuning", setting=SETTING)
    own = rows[(rows["setting"] == SETTING) & (rows["outcome"] == "accuracy")]
    assert own["epochs left"].nunique() > 3
    for row in own.iloc[::5].to_dict("records"):
        found = []
        for arm in (f"tsla-0.3-{row['epochs smoothed']}", "none"):
            eta = tuning[tuning["arm"] == arm].groupby("eta")["accuracy"].mean().idxmax()
            there = of_record("study", setting=SETTING, arm=arm, eta=eta, epoch=row["epochs smoothed"] + row["epochs left"])
            found.append(there.set_index("seed")["test_accuracy"])
        assert row["less none"] == pytest.approx((found[0] - found[1]).mean())


def decay(rows: pd.DataFrame) -> None:
    """Of each claim and setting the dropped arm less the other end, and either less ``none``; two of them make the third."""
    assert set(rows.groupby(["claim", "setting"]).size()) == {3}
    for _, own in rows.groupby(["claim", "setting"]):
        between, dropped, other = own["difference"]
        assert between == pytest.approx(dropped - other)
    name = f"{SETTING}, step decay"
    last = of_record("study_decay", setting=name, epoch=20).groupby(["arm", "eta"])["test_accuracy"].mean()
    accuracy = {f"{arm} (η = {eta:g})": float(mean) for (arm, eta), mean in last.to_dict().items()}
    for row in rows[(rows["setting"] == name) & (rows["claim"] == "E3")].to_dict("records"):
        one, other = row["compared"].split(" less ")
        assert row["difference"] == pytest.approx(accuracy[one] - accuracy[other], rel=1e-4)


def third_along(rows: pd.DataFrame) -> None:
    """Of the direction (1-θ)g + θĝ at θ = 0.1."""
    name = rows["setting"].iloc[0]
    path = of_record("study_mlp_paths", setting=name, arm="none").dropna(subset="s2")
    signal = (0.9 + 0.1 * path["alignment"] / path["grad2"]).groupby(path["epoch"]).mean()
    own = rows[rows["setting"] == name].set_index("epoch")["along ∇F, over ‖∇F‖ (below 0: uphill)"]
    assert own.to_numpy() == pytest.approx(signal[own.index].to_numpy())


CHECKS: dict[str, tuple[Holds, str, Change]] = {  # table: what holds of it, and a record with an error
    "study.along": (along, "study_paths", swapped("shat2", "grad2")),
    "study.own_paths": (own_paths, "study_paths", exchanged("arm", "none", "lsr-0.1")),
    "study.accuracy": (accuracy, "study", swapped("train_loss", "test_accuracy")),
    "study.epochs_left": (epochs_left, "study", swapped("train_loss", "test_accuracy")),
    "study.decay": (decay, "study_decay", swapped("train_loss", "test_accuracy")),
    "study_third.along": (third_along, "study_mlp_paths", swapped("alignment", "grad2")),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_long_table_is_what_follows_from_the_records(name: str, tmp_path: Path, rejects: Rejects) -> None:
    check, record, change = CHECKS[name]
    source = ROOT / "records"
    rejects(lambda folder: check(long(name, folder)), right=source, wrong=with_error(source, tmp_path, record, change))


@pytest.mark.parametrize("name", ["study.comparisons", "study_third.comparisons", "study_third.predictions"])
def test_in_a_family_a_p_value_is_larger_than_by_itself(name: str) -> None:
    rows = long(name).dropna(subset="p (Holm)")
    assert (rows["p (Holm)"] >= rows["p"]).all()
    assert (rows["p (Holm)"] > rows["p"]).any()


@pytest.mark.parametrize("name", ["study.comparisons", "study_third.comparisons"])
def test_so_many_seeds_see_what_matters_and_one_less_does_not(name: str) -> None:
    for row in long(name).iloc[::7].to_dict("records"):
        size, seeds = row["matters"] / row["standard deviation"], row["seeds needed"]
        assert paired_power(seeds, size) >= 0.8
        assert seeds == 2 or paired_power(seeds - 1, size) < 0.8


def test_a_mean_regret_lies_between_the_least_and_the_largest() -> None:
    rows = long("planner.regrets")
    assert ((rows["least"] <= rows["regret"]) & (rows["regret"] <= rows["largest"])).all()
