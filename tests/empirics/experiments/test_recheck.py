"""The records are what this code says, and the check sees a number, a configuration or a line of code that is another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tsla import cli
from tsla.empirics.experiments import bounds as synthetic
from tsla.empirics.experiments.again import AGAIN, DERIVED, STREAM
from tsla.empirics.experiments.recheck import Rechecked, difference, recheck
from tsla.empirics.experiments.registry import EXPERIMENTS
from tsla.empirics.runs import records
from tsla.theory.text import WIDTH

ROOT = Path(__file__).parents[3]
KEPT = tuple(name for name, experiment in EXPERIMENTS.items() if experiment.kept)
NOT_EVERYWHERE = {name for name, known in AGAIN.items() if not any(not again.same_kernels and not again.needs for again in known)}
"""Come out again on such a processor only as made them, or need data that are not redistributed. ``tsla records --check`` runs them."""


def one(name: str, folder: Path) -> Rechecked:
    (found,) = recheck([name], folder=folder, jobs=1)
    return found


@pytest.mark.parametrize("name", [name for name in KEPT if name not in NOT_EVERYWHERE])
def test_the_committed_record_is_what_this_code_says(name: str) -> None:
    found = one(name, ROOT / "records")
    assert found.current, str(found)
    assert found.part


@pytest.mark.parametrize("name", sorted(NOT_EVERYWHERE))
def test_a_record_that_is_not_repeated_everywhere_is_unchanged_and_of_todays_configurations(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AGAIN, name, ())
    found = one(name, ROOT / "records")
    assert (found.current, found.part) == (True, ""), str(found)


def test_what_needs_data_that_are_not_there_is_not_run_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(AGAIN, "rates", (replace(AGAIN["rates"][0], needs=str(tmp_path / "data")),))
    assert str(one("rates", ROOT / "records")).endswith(f"unchanged; nothing was run again: {tmp_path / 'data'} is not here")
    (tmp_path / "data").mkdir()
    assert one("rates", ROOT / "records").part


def test_there_are_no_other_records_and_each_says_where_it_comes_from() -> None:
    assert {path.stem for path in (ROOT / "records").glob("*.parquet")} == set(KEPT) == set(AGAIN)
    assert sum(path.stat().st_size for path in (ROOT / "records").iterdir()) < 20e6
    for name in KEPT:
        record = records.read(ROOT / "records" / f"{name}.parquet")
        assert record.command == EXPERIMENTS[name].command
        assert record.commit is not None
        assert record.seeds or name in ("planner", "certificates", "dropping"), "which draw nothing"


# --- planted errors


@pytest.fixture
def planted(tmp_path: Path) -> Callable[..., Rechecked]:
    """Check the record of "rates" with one number changed: by hand, or by who writes its digests anew."""

    def check(row: int, factor: float, *, by_hand: bool = True, digests: bool = True) -> Rechecked:
        path = Path(shutil.copy(ROOT / "records" / "rates.parquet", tmp_path))
        whole, record = pq.read_table(path), records.read(path)
        table = record.table
        table.loc[row, "mean_grad2"] *= factor
        wrong = pa.Table.from_pandas(table, schema=whole.schema, preserve_index=False)
        if by_hand:
            about = whole.schema.metadata if digests else {key: _of_an_older_version(value) for key, value in whole.schema.metadata.items()}
            pq.write_table(wrong.replace_schema_metadata(about), path)
        else:
            about = {name: getattr(record, name) for name in ("config", "environment", "command", "commit", "kernels")}
            records.write_arrow(path, wrong, about, record.rows)
        return one("rates", tmp_path)

    return check


def _of_an_older_version(about: bytes) -> bytes:
    return about.replace(b'"parts"', b'"others"').replace(b'"sha256"', b'"other"')


AGAIN_FROM = 4 * 2200
"""The first row of the part of "rates" that is run again."""


def test_a_changed_number_is_seen_in_any_part(planted: Callable[..., Rechecked]) -> None:
    for row in (0, AGAIN_FROM):
        found = planted(row, 1 + 1e-15)
        assert (found.current, found.difference, found.part) == (False, inf, "")
        assert "was changed after it was written" in str(found)


def test_a_record_without_digests_is_of_an_older_version(planted: Callable[..., Rechecked]) -> None:
    found = planted(0, 1.0, digests=False)
    assert (found.current, found.reason) == (False, "it carries no digests: an older version wrote it")


def test_a_changed_number_with_its_digest_is_seen_in_the_part_that_is_run_again(planted: Callable[..., Rechecked]) -> None:
    assert planted(AGAIN_FROM, 1.0, by_hand=False).current
    found = planted(AGAIN_FROM, 1 + 1e-6, by_hand=False)
    assert not found.current
    assert found.difference == pytest.approx(1e-6, rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"run": lambda config: synthetic.rates({**config, "oracle": {**config["oracle"], "sigma2": 1.01}})},
        {"run": lambda config: synthetic.rates(config).drop(columns="bound")},
        {"run": lambda config: synthetic.rates(config).iloc[:-1]},
        {"stated": ({**EXPERIMENTS["rates"].configs[0], "seed": 12}, *EXPERIMENTS["rates"].configs[1:])},
        {"stated": EXPERIMENTS["rates"].configs[1:]},
    ],
    ids=["another constant", "a column less", "a row less", "another seed", "a configuration less"],
)
def test_another_version_of_the_code_is_rejected(wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXPERIMENTS, "rates", replace(EXPERIMENTS["rates"], **wrong))
    assert not one("rates", ROOT / "records").current


def test_a_growing_record_may_lack_configurations_and_have_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *others) = EXPERIMENTS["rates"].configs
    for stated, current in (((*others, {**first, "seed": 12}), False), (({**first, "seed": 12}, first, *others), True)):
        monkeypatch.setitem(EXPERIMENTS, "rates", replace(EXPERIMENTS["rates"], stated=stated, growing=True))
        assert one("rates", ROOT / "records").current == current


def test_numbers_are_compared_relative_to_the_larger_and_all_else_must_be_equal() -> None:
    kept = pd.DataFrame({"a": [1.0, float("nan"), 0.0], "name": ["x", None, "y"], "holds": [True, True, False]})
    assert difference(kept, kept.assign(new=1)) == inf
    assert difference(kept, kept.assign(a=[2.0, float("nan"), 0.0])) == 0.5
    for wrong in ({"a": [1.0, 0.0, 0.0]}, {"a": [inf, float("nan"), 0.0]}, {"name": ["x", "", "z"]}, {"holds": [True, True, True]}):
        assert difference(kept, kept.assign(**wrong)) == inf


def test_ends_of_an_interval_are_compared_relative_to_its_largest_number() -> None:
    kept = pd.DataFrame({"low": [1e-6, -8.0], "high": [2.0, float("nan")], "n": [1.0, 1.0]})
    moved = kept.assign(low=[2e-6, -8.0])
    assert difference(kept, moved) == 0.5
    assert difference(kept, moved, ("low", "high")) == pytest.approx(0.5e-6)
    assert difference(kept, kept.assign(n=[2.0, 1.0]), ("low", "high")) == 0.5


# --- the command


def test_the_command_prints_a_line_a_record_and_fails_where_one_differs(
    planted: Callable[..., Rechecked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(0, 2.0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").mkdir()
    for path in (tmp_path / "rates.parquet", ROOT / "records" / "power_of_tests.parquet"):
        shutil.copy(path, tmp_path / "records")
    assert cli.main(["records", "--check"]) == 1
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= WIDTH
    lines = dict(line.split(": ", 1) for line in said.replace("\n  ", " ").splitlines())
    assert lines["rates"].startswith("differs; nothing was run again: damaged: part 1 of 8 was changed")
    assert lines["power_of_tests"].startswith("current; ran again 8 of the 8 rows of part 1 of 1 in ")
    assert cli.main(["records", "--check", "power_of_tests", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["records"]
    assert (row["record"], row["current"], row["part"]) == ("power_of_tests", True, "8 of the 8 rows of part 1 of 1")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nonsense"], "name = 'nonsense' is not an experiment"),
        (["stall"], r"record = .*stall\.parquet: no such file; must be what `tsla records stall` writes"),
        ([], "folder = .* has no records; `tsla records` makes them"),
    ],
)
def test_a_record_that_is_unknown_or_not_there_is_refused(names: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        recheck(names, folder=tmp_path)


def test_what_needs_a_package_that_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Mock(side_effect=ModuleNotFoundError("No module named 'z3'", name="z3"))
    monkeypatch.setitem(EXPERIMENTS, "stall", replace(EXPERIMENTS["stall"], run=run))
    with pytest.raises(ValueError, match="record = stall: to run a part of it again, z3 must be installed"):
        one("stall", ROOT / "records")


def test_no_tolerance_lets_everything_pass() -> None:
    """What is the same everywhere but for last bits comes out to 1e-9; nothing is let off by more than a percent."""
    for again in chain(*AGAIN.values()):
        assert again.tolerance <= (1e-9 if again.reason in (STREAM, DERIVED) else 1e-2)


def test_a_file_that_no_experiment_makes_is_said(tmp_path: Path) -> None:
    for name in ("stall", "extra"):
        shutil.copy(records.FOLDER / "stall.parquet", tmp_path / f"{name}.parquet")
    found = {one.record: one for one in recheck(folder=tmp_path)}
    assert found["stall"].current
    assert str(found["extra"]) == "extra: differs; nothing was run again: no experiment makes it"
