"""Experiments are run once, go on where they were killed, and give the same table either way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.empirics.runs.parts import age, does_what_is_lost_and_no_more, rewritten
from tsla.empirics.experiments import bounds as synthetic
from tsla.empirics.experiments import runner as runs
from tsla.empirics.experiments.registry import ARMS, EXPERIMENTS, Experiment
from tsla.empirics.experiments.runner import make_records
from tsla.empirics.runs import provenance, records
from tsla.empirics.simulation.simulate import Trajectory, simulate

TINY = EXPERIMENTS["rates"].configs[0] | {"name": "tiny", "problem": "stall", "problem_options": {}, "replicas": 2, "T": [4]}
CONFIGS = tuple(TINY | {"seed": seed} for seed in (3, 1, 2))


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    provenance.environment()  # it is cached, and must remember the real number of cores
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """The folder of the parts that are kept."""
    return tmp_path / "build" / "rates"


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Make the record of "rates", shrunk to three tiny runs."""
    monkeypatch.setattr(runs, "EXPERIMENTS", {"rates": Experiment("rates", synthetic.rates, CONFIGS)})

    def run() -> Path:
        (path,) = make_records(["rates"], out=tmp_path / "records", build=tmp_path / "build")
        return path

    return run


def test_the_record_is_all_configurations_in_their_order_and_progress_names_them(
    make: Callable[[], Path], parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = records.read(path := make())
    assert path == tmp_path / "records" / "rates.parquet"
    pd.testing.assert_frame_equal(record.table, pd.concat([synthetic.rates(config) for config in CONFIGS], ignore_index=True))
    assert record.config == {"experiment": "rates", "configs": list(CONFIGS)}
    assert record.command == "tsla records rates"
    assert (record.seeds, record.rows) == ((1, 2, 3), (2, 2, 2))
    assert record.environment == provenance.environment("tsla.empirics.experiments.bounds")
    assert len(list(parts.iterdir())) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "runs: 3/3" in err
    assert "(rates stall sgd 2)" in err


def test_what_is_done_is_not_done_again(make: Callable[[], Path], parts: Path) -> None:
    does_what_is_lost_and_no_more(make, parts)


def test_a_killed_call_goes_on_where_it_was(make: Callable[[], Path], parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make().read_bytes()
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()

    def killed(*_: object, **how: int) -> Trajectory:
        if how["seed"] == 2:
            raise KeyboardInterrupt
        return simulate(*_, **how)

    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "simulate", killed)
        with pytest.raises(KeyboardInterrupt):
            make()
    done = age(parts)
    assert len(done) == 2
    assert not (tmp_path / "records" / "rates.parquet").exists()
    assert make().read_bytes() == whole
    assert rewritten(parts) == set(parts.iterdir()) - done


def test_a_growing_record_is_there_as_soon_as_one_part_is_and_is_never_shortened(
    make: Callable[[], Path], parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = Experiment("rates", synthetic.rates, (*CONFIGS[:2], CONFIGS[2] | {"problem": "nothing"}), growing=True)
    monkeypatch.setattr(runs, "EXPERIMENTS", {"rates": growing})
    path = tmp_path / "records" / "rates.parquet"
    for lost in (None, next, None):
        if lost is not None:
            lost(parts.iterdir()).unlink()
        with pytest.raises(ValueError, match="problem = 'nothing'"):
            make()
        assert records.read(path).config["configs"] == list(CONFIGS[:2])


def test_other_code_runs_everything_anew(make: Callable[[], Path], parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    before = age(parts)
    other = Experiment("rates", lambda config: synthetic.rates(config), CONFIGS)  # the same from another module
    monkeypatch.setattr(runs, "EXPERIMENTS", {"rates": other})
    make()
    assert rewritten(parts) == before


def test_parallel_processes_give_the_same_bytes(make: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    apart = make().read_bytes()
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert make().read_bytes() == apart


def test_unknown_names_are_refused_before_anything_runs(make: Callable[[], Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name = 'rate' is not an experiment; there are rates"):
        make_records(["rates", "rate"], out=tmp_path / "records", build=tmp_path / "build")
    assert list(tmp_path.rglob("*")) == []


# --- the real experiments, as they are written down


def test_experiments_are_under_their_own_names_with_commands_and_have_no_configuration_twice() -> None:
    assert {"digits", "regimes", "rates", "stall"} <= set(EXPERIMENTS)
    for name, experiment in EXPERIMENTS.items():
        assert (experiment.name, experiment.command) == (name, f"tsla records {name}")
        configs = [json.dumps(config, sort_keys=True) for config in experiment.configs] if experiment.kept else []
        assert len(set(configs)) == len(configs), name


def test_seeds_of_digits_are_paired_across_all_arms() -> None:
    configs = EXPERIMENTS["digits"].configs
    assert {(config["method"], config["seed"]) for config in configs} == {(method, seed) for method in ARMS for seed in range(10)}
    shared = {records.config_hash({k: v for k, v in config.items() if k not in ("method", "seed")}) for config in configs}
    assert len(shared) == 1
