"""What is read from a user's archive is what was meant, and an archive that means harm does none."""

from __future__ import annotations

import gzip
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.empirics.data.making import described, noise, python2_pickle, tar
from tsla.empirics.data.datasets._archives import contents, members, path, unpacked, unpickled

FILES = {"a/one": b"1", "a/two": b"22", "b": b"333"}


def everything(_: str) -> bool:
    return True


def is_refused(read: Callable[[], object], *said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        read()
    message = str(caught.value)
    assert "\n" not in message
    for part in said:
        assert part in message


# --- archives


@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x.tar.gz"])
def test_members_are_read_in_order(tmp_path: Path, name: str) -> None:
    file = tar(tmp_path / name, FILES)
    assert list(members(tmp_path, file, everything)) == list(FILES.items())
    assert list(members(tmp_path, file, lambda name: name == "b")) == [("b", b"333")]
    assert contents(tmp_path, file, ["b", "a/one"]) == {"a/one": b"1", "b": b"333"}


def test_names_may_start_with_a_dot_and_folders_are_passed_over(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("./a")
    folder.type = tarfile.DIRTYPE
    file = tar(tmp_path / "x.tar", {"./b": b"333"}, folder)
    assert list(members(tmp_path, file, everything)) == [("b", b"333")]


def test_a_missing_file_is_asked_for(tmp_path: Path) -> None:
    file = tar(tmp_path / "x.tar", FILES)
    for folder in (None, tmp_path / "nowhere"):
        is_refused(
            lambda folder=folder: path(folder, file), f"folder = {folder} must be a folder that holds x.tar, from https://example.org"
        )


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    file = tar(tmp_path / "x.tar", FILES)
    is_refused(lambda: contents(tmp_path, file, ["b", "c", "d"]), f"{tmp_path}/x.tar must hold c, d")


def test_another_file_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tar(tmp_path / "x.tar", FILES)
    wrong = replace(file, sha256="0" * 64)
    monkeypatch.setattr(tarfile, "open", lambda *_, **__: pytest.fail("the archive was opened"))
    is_refused(lambda: list(members(tmp_path, wrong, everything)), file.sha256, "must be 000", "get x.tar again, from https://example.org")


def other(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HARMFUL = {
    "upwards": other("../evil", tarfile.REGTYPE),
    "upwards inside": other("a/../../evil", tarfile.REGTYPE),
    "absolute": other("/tmp/evil", tarfile.REGTYPE),  # noqa: S108 - never written
    "symbolic link": other("link", tarfile.SYMTYPE, "/etc/passwd"),
    "hard link": other("hard", tarfile.LNKTYPE, "/etc/passwd"),
    "pipe": other("pipe", tarfile.FIFOTYPE),
    "device": other("device", tarfile.CHRTYPE),
    "twice": other("b", tarfile.REGTYPE),
}


@pytest.mark.parametrize("kind", HARMFUL)
def test_harmful_members_are_refused_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    file = tar(folder / "x.tar", FILES, HARMFUL[kind])
    is_refused(lambda: list(members(folder, file, everything)), f"{folder}/x.tar cannot be read", HARMFUL[kind].name)
    assert sorted(tmp_path.rglob("*")) == [folder, folder / "x.tar"]


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz"])
def test_a_truncated_archive_is_refused(tmp_path: Path, name: str) -> None:
    where = tmp_path / name
    tar(where, {"big": noise(20000).tobytes(), "end": b"."})
    where.write_bytes(where.read_bytes()[:9000])
    is_refused(lambda: contents(tmp_path, described(where), ["big", "end"]), f"{where}")


ENDLESS = other("x", tarfile.XHDTYPE)
ENDLESS.size = 2**40


@pytest.mark.parametrize("content", [b"", b"no archive", bytes(5000), ENDLESS.tobuf(tarfile.GNU_FORMAT) + bytes(1024)])
def test_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    is_refused(lambda: contents(tmp_path, described(tmp_path / "x.tar"), ["b"]), f"{tmp_path}/x.tar")


# --- packed files


def test_content_is_verified_and_not_its_packing(tmp_path: Path) -> None:
    where = tmp_path / "x.gz"
    for level in (1, 9):
        where.write_bytes(gzip.compress(b"content" * 99, level))
        assert unpacked(tmp_path, described(where, b"content" * 99)) == b"content" * 99
    is_refused(lambda: unpacked(tmp_path, described(where, b"another")), "has the SHA-256", "get x.gz again")


@pytest.mark.parametrize("content", [b"", b"not packed", gzip.compress(noise(999).tobytes(), mtime=0)[:500]])
def test_broken_packed_files_are_refused(tmp_path: Path, content: bytes) -> None:
    where = tmp_path / "x.gz"
    where.write_bytes(content)
    is_refused(lambda: unpacked(tmp_path, described(where, b"x")), f"{where}")


def test_what_unpacks_without_end_is_not_read_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsla.empirics.data.datasets._archives.UNPACKED", 1000)
    where = tmp_path / "x.gz"
    where.write_bytes(gzip.compress(bytes(10**6)))
    is_refused(lambda: unpacked(tmp_path, described(where, bytes(10**6))), "has the SHA-256")


# --- pickles


def test_arrays_numbers_and_strings_are_unpickled() -> None:
    batch = {"data": noise(3, 5), "floats": np.arange(4.0).reshape(2, 2), "labels": [0, 2, 1], "name": "batch \xe9"}
    found = unpickled(python2_pickle(batch), "x")
    assert list(found) == list(batch)
    assert found["labels"] == batch["labels"]
    assert found["name"] == batch["name"]
    for name in ("data", "floats"):
        assert found[name].dtype == batch[name].dtype
        assert (found[name] == batch[name]).all()


def test_a_pickle_that_runs_a_command_is_refused(tmp_path: Path) -> None:
    evil, mark = tmp_path / "evil", tmp_path / "mark"
    evil.write_bytes(f"cos\nsystem\n(S'touch {mark}'\ntR.".encode())
    is_refused(lambda: unpickled(evil.read_bytes(), "x: batch"), "x: batch cannot be unpickled", "os.system is asked for")
    assert not mark.exists()
    pickle.loads(evil.read_bytes())  # noqa: S301 - what would have happened
    assert mark.exists()


@pytest.mark.parametrize(
    "name", ["builtins eval", "__builtin__ eval", "numpy load", "numpy.core.multiarray fromfile", "numpy matrix", "copyreg _reconstructor"]
)
def test_only_what_arrays_need_is_found(name: str) -> None:
    module, function = name.split()
    is_refused(lambda: unpickled(f"c{module}\n{function}\n.".encode(), "x"), f"{module}.{function} is asked for")


@pytest.mark.parametrize("content", [b"", b"garbage", python2_pickle({"data": noise(99)})[:60], b"N0.", b"\x80\x02(.", b"Fos\n."])
def test_broken_pickles_are_refused(content: bytes) -> None:
    is_refused(lambda: unpickled(content, "x"), "x cannot be unpickled")
