"""A sweep is all runs of a grid, each as if run alone; what is done stays done, and what dies takes nothing with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.empirics.runs.parts import age, does_what_is_lost_and_no_more, rewritten
from tests.empirics.training.sweeping import FILE, recorded, tiny, written
from tsla import cli
from tsla.empirics.runs import provenance, records
from tsla.empirics.training import sweeps
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import Row, train
from tsla.empirics.training.sweeps import engine, one
from tsla.empirics.training.sweeps.dashboard import line
from tsla.empirics.training.sweeps.one import table
from tsla.theory.testing.planted import assert_rejects

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


# --- the results


def is_the_sweep(path: Path) -> None:
    """The record holds what :func:`train` yields for every configuration, in the order of the sweep."""
    record = records.read(path)
    configs = [TrainingConfig.of_flat(config) for config in record.config["configs"]]
    assert configs == list(sweeps.read(written(FILE)).configs)
    expected = pd.concat([pd.DataFrame(list(train(config))) for config in configs], ignore_index=True)
    pd.testing.assert_frame_equal(record.table[expected.columns], expected, check_dtype=False)


def test_the_record_is_every_run_as_if_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", str(written(FILE)), "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    assert out == "build/sweeps/tiny/tiny.parquet\n"
    is_the_sweep(path := Path(out.strip()))
    record = records.read(path)
    assert record.command == "tsla sweep sweep.toml"
    lines = err.splitlines()
    assert len(lines) == 8
    assert all(line.startswith(f"tiny {i + 1}/8  ") for i, line in enumerate(lines))
    assert any("lsr eta 1.0 seed 1  done  F " in line for line in lines)

    keys = ["method", "config_eta", "seed", "epoch"]
    parts, merged = (table.sort_values(keys, ignore_index=True) for table in (pd.read_parquet(path.parent / "runs"), record.table))
    pd.testing.assert_frame_equal(parts, merged)
    records.write(path, record.table.iloc[::-1].reset_index(drop=True), record.config, record.command)  # planted: the runs are swapped
    assert_rejects(is_the_sweep, path)


def test_runs_of_all_kinds_have_the_same_columns() -> None:
    measured = TrainingConfig("lsr", 0, epochs=2, drop=1, measure_at=(0,), model="mlp", train_size=64)
    (row, *_) = rows = list(train(measured))
    bare = [{name: value if name in ("method", "seed", "epoch") or name[:3] in ("eta", "the") else None for name, value in row.items()}]
    other = replace(measured, train_size=None, measure_at=(), folder="photos", data="folder")
    for name, (config, some) in {"a": (measured, rows), "b": (other, bare)}.items():
        records.write(Path(f"both/{name}.parquet"), table(config, some), {}, "")
    assert table(measured, rows).dtypes.equals(table(other, bare).dtypes)
    whole = pd.read_parquet("both")
    assert whole["train_size"].isna().sum() == 1
    assert list(whole["folder"].dropna()) == ["photos"]


# --- what is done stays done


def test_what_is_done_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Path("out/runs")
    does_what_is_lost_and_no_more(recorded, runs)
    parts = age(runs)
    recorded(FILE.replace("[fixed]", "[fixed]\nthreads = 2"))  # the same runs on another machine
    assert rewritten(runs) == set()
    elsewhere = provenance.environment() | {"code": "000000000000"}
    monkeypatch.setattr(provenance, "environment", lambda *_: elsewhere)
    tiny()
    assert rewritten(runs) == parts


# --- what fails, fails alone


@pytest.fixture
def failing() -> Iterator[pytest.MonkeyPatch]:
    """One of the eight runs raises in its second epoch, until this is undone."""

    def broken(config: TrainingConfig, **options: Any) -> Iterator[Row]:
        for row in train(config, **options):
            if (config.method, config.eta, config.seed, row["epoch"]) == ("sgd", 1.0, 1, 1):
                raise RuntimeError("no\nluck")
            yield row

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one, "train", broken)
        yield patch


def test_a_run_that_fails_is_listed_with_its_command_and_stops_no_other(
    failing: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sweep", str(written(FILE)), "--jobs", "1"]) == 1
    out, err = capsys.readouterr()
    record, runs = records.read(Path(out.strip())), Path("build/sweeps/tiny/runs")
    assert len(record.config["configs"]) == len(list(runs.iterdir())) == 7
    title, failure, command = err.splitlines()[-3:]
    assert title == "1 of 8 runs failed:"
    assert failure == "  sgd eta 1.0 seed 1: RuntimeError: no luck"

    failing.undo()
    assert_rejects(is_the_sweep, Path(out.strip()))
    assert cli.main([*shlex.split(command)[1:], "--out", "again.parquet"]) == 0
    again = records.read(Path("again.parquet"))
    assert TrainingConfig.of_flat(again.config) == sweeps.read(Path("sweep.toml")).configs[3]

    age(runs)
    assert cli.main(["sweep", "sweep.toml", "--jobs", "1"]) == 0
    assert len(rewritten(runs)) == 1
    is_the_sweep(Path(out.strip()))


def test_without_status_and_state_runs_go_on_and_one_that_fails_is_listed(failing: pytest.MonkeyPatch) -> None:
    Path("out").mkdir()
    Path("out/state").symlink_to("nowhere")  # so that neither can be written
    found = tiny()
    assert [(label, reason) for label, reason, _ in found.failed] == [("sgd eta 1.0 seed 1", engine.UNKNOWN)]
    assert found.record is not None
    assert len(records.read(found.record).config["configs"]) == 7
    failing.undo()
    is_the_sweep(recorded())


# --- the dashboard


def test_a_line_says_how_far_a_run_is_and_how_it_ended() -> None:
    seen = {"where": "host", "seconds": 12.4, "pid": 1, "ended": None}
    numbers = {"epoch": 3, "train_loss": 0.51234, "test_accuracy": 0.8765}
    assert line(seen, 20) == "epoch 0 of 20  12 s  on host"
    assert line(seen | numbers, 20) == "epoch 3 of 20  F 0.5123  test accuracy 0.876  12 s  on host"
    assert line(seen | numbers | {"ended": "done"}, 20) == "done  F 0.5123  test accuracy 0.876  12 s  on host"
    assert line(seen | {"ended": "failed", "error": "ValueError: no"}, 20) == "failed: ValueError: no  12 s  on host"
