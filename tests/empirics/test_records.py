"""A record comes back as it was written, whole or not at all, and knows what made it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tsla.empirics import records

TABLE = pd.DataFrame(
    {"method": ["sgd", "lsr"], "seed": [0, 1], "loss": [0.1 + 0.2, np.nan], "done": [True, False], "‖∇F‖²": [1e-300, 1e300]},
)
CONFIG = {"method": "sgd", "eta": 0.1, "widths": (4, 8), "oracle": {"sigma2": 1.0, "theta": None}}


def write(path: Path, table: pd.DataFrame = TABLE, config: dict[str, object] = CONFIG) -> Path:
    records.write(path, table, config, "tsla records digits")
    return path


def test_round_trip(tmp_path: Path) -> None:
    record = records.read(write(tmp_path / "new" / "folder" / "a.parquet"))
    pd.testing.assert_frame_equal(record.table, TABLE, check_exact=True)
    assert record.config == {"method": "sgd", "eta": 0.1, "widths": [4, 8], "oracle": {"sigma2": 1.0, "theta": None}}
    assert record.command == "tsla records digits"
    assert record.environment == records.environment()


def test_environment_names_versions_and_machine_but_no_date() -> None:
    about = records.environment()
    assert {"python", "tsla", "numpy", "torch", "code", "machine"} <= set(about)
    assert about["numpy"] == np.__version__
    assert f"{os.cpu_count()} cores" in about["machine"]


def test_same_record_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a").read_bytes() == write(tmp_path / "b").read_bytes()
    assert write(tmp_path / "c", TABLE.assign(seed=[0, 2])).read_bytes() != (tmp_path / "a").read_bytes()


def test_hash_is_of_the_configuration_alone_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    turned = dict(reversed(CONFIG.items()))
    hashes = {records.config_hash(CONFIG), records.config_hash(turned), records.read(write(tmp_path / "a")).hash}
    assert len(hashes) == 1
    assert records.config_hash(CONFIG | {"eta": 0.2}) not in hashes
    assert records.config_hash(CONFIG | {"oracle": {"sigma2": 1.0, "theta": 0.0}}) not in hashes
    (digest,) = hashes
    assert len(digest) == 12
    assert int(digest, 16) >= 0


# --- killed while writing


def killed_half_way(_: pa.Table, path: Path, **__: object) -> None:
    Path(path).write_bytes(b"PAR1 half of")
    raise KeyboardInterrupt


def test_a_killed_write_leaves_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records.pq, "write_table", killed_half_way)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()
    assert not records.is_done(tmp_path / "a.parquet", CONFIG)
    assert list(tmp_path.glob("*.parquet")) == []


def test_a_killed_write_keeps_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet")
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(records.pq, "write_table", killed_half_way)
        with pytest.raises(KeyboardInterrupt):
            write(path, TABLE.assign(seed=[5, 6]))
    assert path.read_bytes() == old
    write(path, TABLE.assign(seed=[5, 6]))
    assert records.read(path).table["seed"].tolist() == [5, 6]


# --- files that are not records


def foreign_file(path: Path, kind: str) -> Path:
    if kind == "pandas":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    elif kind == "plain":
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        path.write_text("this is no Parquet file", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["pandas", "plain", "text"])
def test_a_foreign_file_is_refused_in_one_line_that_names_it(tmp_path: Path, kind: str) -> None:
    path = foreign_file(tmp_path / "foreign.parquet", kind)
    with pytest.raises(ValueError, match=r"foreign\.parquet") as refusal:
        records.read(path)
    assert "\n" not in str(refusal.value)


def test_a_foreign_table_is_refused_with_what_writes_records(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not a record of tsla: it carries no configuration; `tsla records` writes records$"):
        records.read(foreign_file(tmp_path / "a.parquet", "pandas"))


def test_a_record_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        records.read(tmp_path / "nothing.parquet")


# --- what is done


def test_done_is_this_configuration_here_by_this_code(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    assert records.is_done(path, CONFIG)
    assert records.is_done(path, CONFIG | {"widths": [4, 8]})
    assert not records.is_done(tmp_path / "b.parquet", CONFIG)
    assert not records.is_done(path, CONFIG | {"eta": 0.2})
    assert not records.is_done(path, {name: value for name, value in CONFIG.items() if name != "eta"})


@pytest.mark.parametrize("what", ["python", "torch", "code", "machine"])
def test_another_environment_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    path = write(tmp_path / "a.parquet")
    elsewhere = records.environment() | {what: "another"}
    monkeypatch.setattr(records, "environment", lambda: elsewhere)
    assert not records.is_done(path, CONFIG)


def test_the_code_hash_changes_with_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("theory", "empirics"):
        (tmp_path / name / "problems").mkdir(parents=True)
        (tmp_path / name / "a.py").write_text("x = 1\n", encoding="utf-8")
        monkeypatch.setattr(records, name, SimpleNamespace(__path__=[str(tmp_path / name)]))
    fresh = records.environment.__wrapped__
    first = fresh()["code"]
    assert first == fresh()["code"]
    (tmp_path / "theory" / "README.md").write_text("not a source", encoding="utf-8")
    assert first == fresh()["code"]
    (tmp_path / "empirics" / "problems" / "b.py").write_text("y = 1\n", encoding="utf-8")
    second = fresh()["code"]
    (tmp_path / "theory" / "a.py").write_text("x = 2\n", encoding="utf-8")
    assert len({first, second, fresh()["code"]}) == 3


@pytest.mark.parametrize("kind", ["pandas", "plain", "text"])
def test_a_foreign_file_is_not_done(tmp_path: Path, kind: str) -> None:
    assert not records.is_done(foreign_file(tmp_path / "a.parquet", kind), CONFIG)
