"""The runs of ResNet-20: an arm that drops is the run of the arm that never drops, to the last bit, until it does."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tsla.empirics.experiments.study.third import SCRATCH
from tsla.empirics.runs import records
from tsla.theory.testing.planted import assert_rejects

MEASURED = ["train_loss", "test_loss", "test_accuracy", "test_ece", "s2", "shat2", "c", "grad2"]


def are_one_run_until_they_part(rows: pd.DataFrame) -> None:
    for _, of_seed in rows.groupby(["setting", "seed"]):
        arms = {arm: run.set_index("epoch")[MEASURED] for arm, run in of_seed.groupby("arm")}
        for drop in (10, 15):
            pd.testing.assert_frame_equal(arms["lsr-0.1"].loc[:drop], arms[f"tsla-0.1-{drop}"].loc[:drop], rtol=0, atol=0)
            assert arms["lsr-0.1"].loc[20, "train_loss"] > arms[f"tsla-0.1-{drop}"].loc[20, "train_loss"]


def test_arms_are_one_run_until_they_part() -> None:
    rows = records.read(records.FOLDER / f"{SCRATCH}.parquet").table
    are_one_run_until_they_part(rows)
    assert_rejects(are_one_run_until_they_part, rows.assign(arm=rows["arm"].replace({"none": "lsr-0.1", "lsr-0.1": "none"})))


@pytest.mark.parametrize("page", ["study_third", "findings"])
def test_the_pages_say_what_dropping_gains(page: str) -> None:
    rows = records.read(records.FOLDER / f"{SCRATCH}.parquet").table
    late = rows[(rows["epoch"] >= 18) & ~rows["setting"].str.contains("BatchNorm")]
    ends = late.pivot_table(index="seed", columns="arm", values="test_accuracy")
    gains = 100 * (ends["tsla-0.1-10"] - ends["lsr-0.1"])
    assert f"{gains.min():.2f} to {gains.max():.2f} points above smoothing to the end" in Path(f"docs/{page}.md").read_text("utf-8")
