"""Files: whole or not at all, and refused before a run that would be lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tsla import cli
from tsla.empirics.files import must_be_folder, must_be_there, must_be_writable, replacing

TRAIN = "train --method sgd --model mlp --train-size 50 --batch-size 10 --epochs 1"


def test_a_file_that_was_written_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    for text in ("one", "two"):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError), replacing(path) as temporary:
        temporary.write_text("ne\ud800", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_where_the_place_is_taken_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"), replacing(tmp_path / "folder") as temporary:
        temporary.write_text("lost", encoding="utf-8")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_what_is_not_there_is_told_from_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(f"data = {tmp_path}: that is a folder; must be a list")):
        must_be_there("data", tmp_path, "a list")
    with pytest.raises(ValueError, match="no such file; must be a list"):
        must_be_there("data", tmp_path / "list", "a list")
    (tmp_path / "list").touch()
    must_be_there("data", tmp_path / "list", "a list")


def test_what_can_be_written_is_accepted_and_not_made(tmp_path: Path) -> None:
    must_be_writable(out=tmp_path / "some" / "folder" / "file", state=None)
    must_be_folder("out", tmp_path / "some" / "folder")
    must_be_folder("out", tmp_path)
    must_be_folder("out", None)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    below = tmp_path / "file"
    for refused in (lambda path: must_be_writable(out=path), lambda path: must_be_folder("out", path)):
        with pytest.raises(ValueError, match=re.escape(f"out = {below / 'x'}: nothing can be written below {below}")):
            refused(below / "x")
    with pytest.raises(ValueError, match="that is a folder; must be a file"):
        must_be_writable(out=tmp_path)
    with pytest.raises(ValueError, match="that is a file; must be a folder"):
        must_be_folder("out", tmp_path / "file")


@pytest.mark.parametrize("option", ["--out", "--checkpoint", "--state"])
def test_a_run_whose_results_have_no_place_is_refused_before_it_starts(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsla.empirics.training.train", lambda *_, **__: pytest.fail("it started"))
    with pytest.raises(SystemExit) as end:
        cli.main([*TRAIN.split(), option, str(tmp_path)])
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err == f"tsla train: {option[2:]} = {tmp_path}: that is a folder; must be a file\n"
    assert list(tmp_path.iterdir()) == []
