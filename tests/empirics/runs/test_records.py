"""A record comes back as it was written, whole or not at all, knows what made it, and shows where it was changed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tsla.empirics.runs import provenance, records

TABLE = pd.DataFrame(
    {"method": ["sgd", "lsr"], "seed": [0, 1], "loss": [0.1 + 0.2, np.nan], "done": [True, False], "‖∇F‖²": [1e-300, 1e300]},
)
CONFIG = {"method": "sgd", "eta": 0.1, "widths": (4, 8), "oracle": {"sigma2": 1.0, "theta": None}}


SHAPES = (b"[]", b"1", b"{", b"\xff", b"[" * 9000, b"{}", b'{"config": [], "environment": {}, "command": ""}')
"""What a record of ours does not say about itself."""


def saying(key: bytes, about: bytes) -> Callable[[Path], object]:
    """A record in which something else stands under ``key``."""

    def changed(path: Path) -> None:
        table = pq.read_table(write(path))
        pq.write_table(table.replace_schema_metadata({**table.schema.metadata, key: about}), path)

    return changed


def write(path: Path, table: pd.DataFrame = TABLE, config: dict[str, object] = CONFIG) -> Path:
    records.write(path, table, config, "tsla records digits")
    return path


def test_round_trip_with_the_environment(tmp_path: Path) -> None:
    record = records.read(write(tmp_path / "new" / "folder" / "a.parquet"))
    pd.testing.assert_frame_equal(record.table, TABLE, check_exact=True)
    assert record.config == {"method": "sgd", "eta": 0.1, "widths": [4, 8], "oracle": {"sigma2": 1.0, "theta": None}}
    assert record.command == "tsla records digits"
    assert record.environment == provenance.environment()
    about = provenance.environment("tsla.theory.lsr")
    assert {"python", "tsla", "numpy", "torch", "pandas", "Pillow", "timm", "transformers", "code", "machine"} <= set(about)
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


@pytest.mark.parametrize("there", [False, True])
def test_a_killed_write_leaves_what_there_was(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed_half_way(_: pa.Table, file: IO[bytes], **__: object) -> None:
        file.write(b"PAR1 half of")
        raise KeyboardInterrupt

    path = tmp_path / "a.parquet"
    old = [write(path).read_bytes()] if there else []
    monkeypatch.setattr(records.pq, "write_table", killed_half_way)
    with pytest.raises(KeyboardInterrupt):
        write(path, TABLE.assign(seed=[5, 6]))
    assert [file.read_bytes() for file in tmp_path.iterdir()] == old
    assert records.is_done(path, CONFIG) == there


# --- files that are not records


@pytest.mark.parametrize(
    ("foreign", "message"),
    [
        (lambda path: pd.DataFrame({"a": [1]}).to_parquet(path), "it carries no configuration; `tsla records` writes records"),
        (lambda path: pq.write_table(pa.table({"a": [1]}), path), "it carries no configuration; `tsla records` writes records"),
        (lambda path: path.write_text("this is no Parquet file", encoding="utf-8"), r"[^\n]*"),
        *((saying(b"tsla", about), "what it says about itself is not what `tsla records` writes") for about in SHAPES),
    ],
    ids=["pandas", "plain", "text", *map(str, range(len(SHAPES)))],
)
def test_a_foreign_file_is_refused_in_one_line_and_is_not_done(foreign: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.parquet"
    assert not records.is_done(path, CONFIG)
    with pytest.raises(ValueError, match=r"^record = .*foreign\.parquet: no such file; must be a record such as "):
        records.read(path)
    foreign(path)
    with pytest.raises(ValueError, match=rf"^record = .*foreign\.parquet is not a record of tsla: {message}$"):
        records.read(path)
    assert not records.is_done(path, CONFIG)


def test_columns_that_are_to_be_read_otherwise_are_refused_by_name(tmp_path: Path) -> None:
    saying(b"pandas", b"[]")(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet is damaged: how its columns are to be read was changed after it was written; "):
        records.read(tmp_path / "a.parquet")


# --- what is done


def test_done_is_this_configuration_here_by_this_code(tmp_path: Path) -> None:
    path, lsr = tmp_path / "a.parquet", ["tsla.theory.lsr"]
    records.write(path, TABLE, CONFIG, "", modules=lsr)
    assert records.is_done(path, CONFIG, modules=lsr)
    assert records.is_done(path, CONFIG | {"widths": [4, 8]}, modules=lsr)
    assert not records.is_done(path, CONFIG | {"eta": 0.2}, modules=lsr)
    assert not records.is_done(path, {name: value for name, value in CONFIG.items() if name != "eta"}, modules=lsr)
    assert not records.is_done(path, CONFIG, modules=["tsla.theory.sgd"])


@pytest.mark.parametrize("what", ["python", "torch", "code", "machine"])
def test_another_environment_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    path = write(tmp_path / "a.parquet")
    elsewhere = provenance.environment() | {what: "another"}
    monkeypatch.setattr(provenance, "environment", lambda *_: elsewhere)
    assert not records.is_done(path, CONFIG)


# --- what it says about itself


def test_seeds_are_all_that_the_configuration_names() -> None:
    config = {"configs": [{"seed": 3}, {"seed": 1, "seeds": 100}, {"seeds": [2, 3], "oracle": {"seed": 7}, "replicas": 5}]}
    assert records.seeds(config) == [1, 2, 3, 7]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603, S607


def test_the_commit_is_that_of_the_sources_and_says_whether_they_were_changed(tmp_path: Path) -> None:
    (tmp_path / "theory").mkdir()
    (tmp_path / "theory" / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert provenance.commit_of(tmp_path) is None, "no checkout"
    git(tmp_path, "init")
    assert provenance.commit_of(tmp_path) is None, "no commit"
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "a")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "README.md").write_text("no source", encoding="utf-8")
    assert provenance.commit_of(tmp_path) == head
    assert provenance.commit_of(tmp_path / "theory") is None, "what is installed in somebody else's checkout"
    (tmp_path / "theory" / "a.py").write_text("x = 2\n", encoding="utf-8")
    assert provenance.commit_of(tmp_path) == f"{head}+changes"


# --- what was changed


def rewritten(path: Path, table: Callable[[pa.Table], pa.Table] = lambda table: table, old: bytes = b"", new: bytes = b"") -> str:
    """What is found damaged in the record with other rows, or other words about itself; empty where nothing is."""
    found = pq.read_table(path)
    about = {key: value.replace(old, new) for key, value in found.schema.metadata.items()}
    pq.write_table(table(found).replace_schema_metadata(about), path)
    try:
        records.read(path)
    except ValueError as error:
        return str(error).removeprefix(f"record = {path} is damaged: ").removesuffix("; make it again, or get it again")
    return ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    records.write(tmp_path / "a.parquet", pd.concat([TABLE, TABLE]), {"configs": [CONFIG, CONFIG]}, "", rows=[2, 2])
    return tmp_path / "a.parquet"


@pytest.mark.parametrize("column", TABLE.columns)
def test_a_changed_number_is_seen_in_its_part(path: Path, column: str) -> None:
    def wrong(table: pa.Table) -> pa.Table:
        frame = table.to_pandas()
        frame.loc[3, column] = {"loss": 0.0, "‖∇F‖²": np.nextafter(1e300, 0)}.get(column, frame.loc[0, column])
        return pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False)

    assert rewritten(path, wrong) == "part 2 of 2 was changed after it was written"


def test_rows_and_words_that_were_changed_are_seen(path: Path) -> None:
    assert rewritten(path) == "", "written anew as it is"
    assert rewritten(path, lambda table: table.slice(0, 3)) == "it has 3 rows; 4 were written"
    assert rewritten(path, old=b'"eta": 0.1', new=b'"eta": 0.2') == "what it says about itself was changed after it was written"


def test_a_record_of_an_older_version_is_read_and_has_nothing_to_show(path: Path) -> None:
    """It has neither the digests of its parts nor that of what it says. One without the latter alone was changed."""
    assert rewritten(path, old=b'"sha256"', new=b'"others"') == "what it says about itself was changed after it was written"
    assert rewritten(path, old=b'"parts"', new=b'"others"') == ""
    assert records.read(path).rows == ()
