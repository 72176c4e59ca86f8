"""What the report runs itself is what the record ran, and what it finds of the records it writes down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tsla.empirics.experiments import live
from tsla.empirics.experiments.recheck import Rechecked
from tsla.empirics.experiments.registry import ARMS, EXPERIMENTS, Config
from tsla.empirics.runs import records
from tsla.theory.methods import METHODS


def test_a_seed_of_every_arm_is_trained_as_it_was_for_the_record_and_every_plan_is_run() -> None:
    run, configs = live.RUNS["digits"]
    assert run is EXPERIMENTS["digits"].run
    assert [config["method"] for config in configs] == list(ARMS)
    assert all(config in EXPERIMENTS["digits"].configs for config in configs)
    assert [config["method"] for config in live.RUNS["plans"][1]] == list(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_keeps_its_promise(method: str) -> None:
    (row,) = live.plan(live.PLAN | {"method": method}).to_dict("records")
    assert (row["method"], row["bound"], row["replicas"]) == (method, 0.25, 20)
    assert row["low"] < row["measured"] < row["high"] < row["bound"]


def made_up(config: Config) -> pd.DataFrame:
    return pd.DataFrame({"method": [config["method"]] * 2, "row": [0, 1]})


def test_records_have_the_configurations_in_their_order(tmp_path: Path) -> None:
    configs = tuple({"method": method} for method in "cab")
    live.run(tmp_path, {"digits": (made_up, configs), "plans": (made_up, configs[:1])})
    digits, plans = (records.read(tmp_path / f"{name}.parquet") for name in ("digits", "plans"))
    assert digits.table["method"].tolist() == list("ccaabb")
    assert digits.config == {"configs": list(configs)}
    assert (plans.table["method"].tolist(), plans.command) == (list("cc"), "tsla report")


@pytest.mark.parametrize("difference", [0.0, 0.5])
def test_what_is_not_current_is_said_and_written_down(difference: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made_up_check(names: list[str], *, folder: Path) -> Iterator[Rechecked]:
        return (Rechecked(name, str(folder), 1.0, difference * (name == "stall"), 0.0, "") for name in reversed(names))

    monkeypatch.setattr(live, "recheck", made_up_check)
    for name in ("stall", "digits", "of_others"):
        (tmp_path / f"{name}.parquet").touch()
    assert live.check(tmp_path, tmp_path / "live") == (difference == 0)
    table = records.read(tmp_path / "live" / "recheck.parquet").table
    assert table["record"].tolist() == ["digits", "stall"]
    assert table["current"].tolist() == [True, difference == 0]
