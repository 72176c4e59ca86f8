"""A damaged file is refused or read as it was written, a hostile one has no effect, and what one process has no other takes."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.cli.support import Refusal
from tests.empirics.runs.parts import flipped
from tests.torture import damage
from tests.torture.damage import KINDS, Kind
from tsla.empirics.data.datasets import arrays as examples
from tsla.empirics.models import checkpoints
from tsla.empirics.runs import arrays, records, tensors
from tsla.empirics.runs.files import replacing
from tsla.empirics.runs.locks import held, wait_for
from tsla.empirics.runs.resume import StateFile
from tsla.empirics.training.configuration.given import LARGEST
from tsla.theory.testing.planted import Rejects

# --- damaged


def test_every_kind_of_file_that_is_damaged_is_refused_or_read_as_it_was_written() -> None:
    assert [wrong for _, wrong in damage.tries(0, 600) if wrong] == []


def is_seen_wherever_it_is(kind: Kind, folder: Path) -> None:
    """Bits that are turned at forty places, in order."""
    kind.write(path := folder / "file")
    content, expected = path.read_bytes(), kind.read(path)
    for place in range(0, len(content), 1 + len(content) // 40):
        path.write_bytes(flipped(content, place, place % 8))
        wrong = damage.taken(kind, path, expected)
        assert wrong is None, wrong


def unverified(path: Path) -> object:
    return damage.bits(torch.load(path, weights_only=True))


def table_alone(path: Path) -> object:
    return damage.bits(pd.read_parquet(path))


@pytest.mark.parametrize(("name", "read"), [("checkpoint.pt", unverified), ("training.state", unverified), ("record.parquet", table_alone)])
def test_a_reader_that_compares_no_checksums_is_caught(name: str, read: Callable[[Path], object], tmp_path: Path, rejects: Rejects) -> None:
    kind = KINDS[name]
    rejects(lambda kind: is_seen_wherever_it_is(kind, tmp_path), right=kind, wrong=Kind(kind.write, read))


@pytest.mark.parametrize("name", [b'"parts"', b'"sha256"', b'"table"'])
def test_a_record_whose_digests_have_another_name_is_no_older_one(name: bytes, tmp_path: Path) -> None:
    """An older one has none. Of the names that stand in it several times, the last is that of the whole."""
    kind = KINDS["record.parquet"]
    kind.write(path := tmp_path / "a.parquet")
    content, expected = path.read_bytes(), kind.read(path)
    at = content.rindex(name)
    for place in range(at, at + len(name)):
        for bit in range(8):
            path.write_bytes(flipped(content, place, bit))
            assert damage.taken(kind, path, expected) is None


def test_a_record_that_was_rewritten_with_another_number_is_not_read(tmp_path: Path) -> None:
    KINDS["record.parquet"].write(path := tmp_path / "a.parquet")
    table = pq.read_table(path)
    frame = table.to_pandas()
    frame.loc[3, "loss"] += 1e-15
    pq.write_table(pa.Table.from_pandas(frame, schema=table.schema), path)
    with pytest.raises(ValueError, match=r"^record = .*a\.parquet is damaged: part 1 of 2 was changed after it was written; make it again"):
        records.read(path)


# --- hostile


class Hostile:
    """Makes a file where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, (str(self.canary),)


def bomb(path: Path, _: Path) -> None:
    """A little archive whose only member says that it is large."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inputs.npy", bytes(10_000))
        archive.filelist[0].file_size = 2**40


def liar(path: Path, _: Path) -> None:
    """An array whose header says that it has more numbers than there are bytes in the world."""
    np.lib.format.write_array_header_1_0(header := io.BytesIO(), {"descr": "<f8", "fortran_order": False, "shape": (2**58,)})
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("inputs.npy", "labels.npy"):
            archive.writestr(name, header.getvalue())


def overlapping(path: Path, _: Path) -> None:
    """Its directory leads to the same bytes again and again."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inputs.npy", bytes(10_000))
        archive.filelist *= 50


HOSTILE: dict[str, tuple[Callable[[Path, Path], object], Callable[[Path], object]]] = {
    "checkpoint": (lambda path, canary: torch.save(Hostile(canary), path), checkpoints.read),
    "weights": (lambda path, canary: torch.save({"state_dict": Hostile(canary)}, path), checkpoints.read),
    "old checkpoint": (
        lambda path, canary: torch.save(Hostile(canary), path, _use_new_zipfile_serialization=False),
        checkpoints.read,
    ),
    "state": (lambda path, canary: torch.save({"identity": Hostile(canary)}, path), lambda path: StateFile(path, "run", tensors).load()),
    "arrays": (lambda path, canary: arrays.save(path, {"x": np.array(Hostile(canary))}), arrays.load),
    "examples": (lambda path, canary: arrays.save(path, {"inputs": np.array([Hostile(canary)]), "labels": np.zeros(1)}), examples),
    **{made.__name__: (made, examples) for made in (bomb, liar, overlapping)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line_and_has_no_effect(name: str, tmp_path: Path) -> None:
    make, read = HOSTILE[name]
    make(path := tmp_path / "file", canary := tmp_path / "canary")
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z"):
        read(path)
    assert not canary.exists()
    Hostile(canary).__reduce__()[0](str(canary))  # what would have happened
    assert canary.exists()


@pytest.mark.parametrize("command", ["sweep {}", "train --config {}"])
@pytest.mark.parametrize("content", [b"#" * (LARGEST + 1), b"a = " + b"[" * 50_000], ids=["long", "deep"])
def test_a_file_of_options_without_end_is_refused_at_once(command: str, content: bytes, tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / "file.toml").write_bytes(content)
    line = refusal(command.format(tmp_path / "file.toml").split())
    assert re.search(r"file\.toml.*(more than 1,048,576 bytes|nested too deep)", line)
    assert [path.name for path in tmp_path.iterdir()] == ["file.toml"]


# --- two processes, and what is left of one that was killed

WRITES = """
import sys, time
from pathlib import Path
from tsla.empirics.runs.files import replacing
from tsla.empirics.runs.locks import held
path = Path(sys.argv[1])
with held("state", path), replacing(path) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_nothing_is_left_of_one_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with subprocess.Popen([sys.executable, "-c", WRITES, str(path)], stdout=subprocess.PIPE) as process:  # noqa: S603 - our own words
        stream: IO[bytes] | None = process.stdout
        assert stream is not None
        assert stream.readline() == b"writing\n"
        with pytest.raises(ValueError, match=rf"^state = {path} is in use by process {process.pid} on "), held("state", path):
            pass
        with replacing(path) as temporary:
            temporary.write_text("whole", encoding="utf-8")
        assert len(list(tmp_path.iterdir())) == 3, "what is being written stays"
        process.kill()
    with held("state", path), replacing(path) as temporary:
        temporary.write_text("whole", encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_a_lock_is_removed_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After that the file may be another's."""
    fcntl, unlink, removed = pytest.importorskip("fcntl"), Path.unlink, list[str]()

    def watched(path: Path, **how: bool) -> None:
        with path.open("r+", encoding="utf-8") as another, pytest.raises(BlockingIOError):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
        removed.append(path.name)
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", watched)
    with held("state", tmp_path / "state"):
        pass
    assert removed == [".state.lock"]


def test_a_lock_that_was_removed_before_it_was_locked_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl, lock, tries = pytest.importorskip("fcntl"), tmp_path / ".state.lock", list[int]()
    flock = fcntl.flock

    def late(file: IO[str], kind: int) -> None:
        if not tries:
            lock.unlink()  # by who had it
        tries.append(kind)
        flock(file, kind)

    monkeypatch.setattr("tsla.empirics.runs.locks.fcntl.flock", late)
    with held("state", tmp_path / "state"):
        assert lock.exists()
    assert len(tries) == 2


def test_on_nfs_who_waits_has_a_lock_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a file is locked for one process alone only where that may write it."""
    fcntl, locked = pytest.importorskip("fcntl"), list[bool]()

    def flock(file: IO[str], kind: int) -> None:
        if not file.writable():
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        locked.append(kind == fcntl.LOCK_EX)

    monkeypatch.setattr("tsla.empirics.runs.locks.fcntl.flock", flock)
    (tmp_path / ".state.lock").touch()
    wait_for(tmp_path / "state")
    assert locked == [True]


def test_where_nothing_can_be_locked_nothing_is_held(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (None, tmp_path / "file" / "state"):
        with held("state", path):
            pass
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
