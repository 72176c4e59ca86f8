"""Files: whole or not at all, refused before a run that would be lost, and written before anything is said."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.cli.support import Refusal
from tsla.empirics.runs.files import deliver, must_be_folder, must_be_there, must_be_writable, remove, replacing
from tsla.theory.testing.planted import Rejects


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
    (folder := tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"), replacing(folder) as temporary:
        temporary.write_text("lost", encoding="utf-8")
    assert set(tmp_path.iterdir()) == {path, folder}
    with pytest.raises(OSError, match=re.escape(str(path))), replacing(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # which has no name, and gets that of the file


def test_what_can_be_written_is_accepted_and_not_made(tmp_path: Path) -> None:
    must_be_writable(out=tmp_path / "some" / "folder" / "file", state=None)
    must_be_folder("out", tmp_path / "some" / "folder")
    must_be_folder("out", tmp_path)
    must_be_folder("out", None)
    assert list(tmp_path.iterdir()) == []


LONG = "File name too long; must be a path where the system can look"


@pytest.mark.parametrize(
    ("refuse", "path", "message"),
    [
        (partial(must_be_there, "out", what="a list"), "", "that is a folder; must be a list"),
        (partial(must_be_there, "out", what="a list"), "list", "no such file; must be a list"),
        (lambda path: must_be_writable(out=path), "file/x", "nothing can be written below {0}/file; must be in a folder"),
        (partial(must_be_folder, "out"), "file/x", "nothing can be written below {0}/file; must be in a folder"),
        (lambda path: must_be_writable(out=path), "", "that is a folder; must be a file"),
        (partial(must_be_folder, "out"), "file", "that is a file; must be a folder"),
        (lambda path: must_be_writable(out=path), "x" * 201, "its name has 201 bytes; must have at most 200"),
        (lambda path: must_be_writable(out=path), "x" * 256 + "/file", LONG),
        (lambda path: must_be_writable(state=Path("state"), inputs={"out": path}), "x" * 256, LONG),
        (partial(must_be_folder, "out"), "d/" * 2048, LONG),
        (partial(must_be_there, "out", what="a list"), "x" * 256, LONG),
        (lambda path: must_be_writable(out=path), "pipe", "that is a device or a pipe, which would be replaced; must be a file"),
    ],
)
def test_what_cannot_be_read_or_written_is_named(refuse: Callable[[Path], None], path: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    must_be_there("out", tmp_path / "file", "a list")
    named = str(tmp_path / path)
    named = named if len(named) <= 600 else f"{named[:80]}..."
    with pytest.raises(ValueError, match=re.escape(f"out = {named}: {message.format(tmp_path)}")):
        refuse(tmp_path / path)


def is_replaced_alone(write: Callable[[Path], None], folder: Path) -> None:
    """What was readable by nobody else stays so, and what somebody has laid under the temporary name is not written to."""
    path, bait = folder / "file", folder / "bait"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)
    bait.write_text("bait", encoding="utf-8")
    folder.joinpath(f".file.{os.getpid()}").symlink_to(bait)
    write(path)
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert bait.read_text(encoding="utf-8") == "bait"


def test_who_may_read_a_file_stays_and_a_link_that_waits_is_not_followed(tmp_path: Path, rejects: Rejects) -> None:
    def right(path: Path) -> None:
        with replacing(path) as temporary:
            temporary.write_text("new", encoding="utf-8")

    def wrong(path: Path) -> None:
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text("new", encoding="utf-8")
        temporary.replace(path)

    def check(write: Callable[[Path], None]) -> None:
        with TemporaryDirectory(dir=tmp_path) as folder:
            is_replaced_alone(write, Path(folder))

    rejects(check, right=right, wrong=wrong)


def test_the_root_is_a_folder_and_a_pipe_is_never_replaced(tmp_path: Path) -> None:
    with suppress(ValueError):  # who may not write there is told so
        must_be_folder("out", Path("/"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="that is a device or a pipe"), replacing(tmp_path / "pipe"):
        pass


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "file")
    must_be_writable(out=link)
    with replacing(link) as temporary:
        temporary.write_text("here", encoding="utf-8")
    assert (link.is_symlink(), (tmp_path / "disk" / "file").read_text(encoding="utf-8")) == (True, "here")
    remove(link)
    assert os.listdir(tmp_path / "disk") == []  # noqa: PTH208 - hidden files too


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there are no such devices")
@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_device_is_not_replaced(device: str) -> None:
    with pytest.raises(ValueError, match=f"^out = {device}: that is a device or a pipe"):
        must_be_writable(out=Path(device))


# --- two names of one file


def refuses_one_file_by_two_names(refuse: Callable[..., None], folder: Path) -> None:
    (folder / "file").touch()
    (folder / "hard").hardlink_to(folder / "file")
    (folder / "soft").symlink_to("file")
    (folder / "dangling").symlink_to("new")
    (folder / "around").symlink_to("around")
    pairs = {"file": ["file", "./sub/../file", "hard", "soft"], "new": ["new", "dangling"], "around": ["around"], "new/x": ["new"]}
    for one, other in ((folder / one, f"{folder}/{other}") for one, others in pairs.items() for other in others):
        for given in ({"out": one, "state": Path(other)}, {"out": Path(other), "inputs": {"config": one}}):
            try:
                refuse(**given)
            except ValueError as error:
                said = str(error)
            else:
                said = "nothing"
            assert said.startswith("out = "), (one, other)
            assert f" and {'config' if 'inputs' in given else 'state'} = " in said
            assert "must be two" in said
    refuse(out=folder / "file", state=folder / "other", checkpoint=None, inputs={"config": folder / "third", "record": None})


def by_name_alone(*, inputs: dict[str, Path | None] | None = None, **paths: Path | None) -> None:
    given = [*paths.items(), *(inputs or {}).items()]
    if len({path for _, path in given}) < len(given):
        raise ValueError(" and ".join(f"{name} = {path}" for name, path in given) + " must be two")


def test_one_file_by_two_names_is_refused(tmp_path_factory: pytest.TempPathFactory, rejects: Rejects) -> None:
    rejects(
        lambda refuse: refuses_one_file_by_two_names(refuse, tmp_path_factory.mktemp("files")), right=must_be_writable, wrong=by_name_alone
    )


SAME = "are the same file; must be two"
FOLDER = "{0}: that is a folder; must be a file"
REFUSED = {
    "train --method sgd --out {0}/a --state {0}/./a": f"train: out = {{0}}/a and state = {{0}}/a {SAME}",
    "train --method sgd --out {0}/a --checkpoint {0}/a": f"train: out = {{0}}/a and checkpoint = {{0}}/a {SAME}",
    "train --config {0}/in.toml --checkpoint {0}/in.toml": f"train: checkpoint = {{0}}/in.toml and config = {{0}}/in.toml {SAME}",
    "simulate --problem stall --method tsla --eps 0.5 --out {0}/a --state {0}/a": f"simulate: out = {{0}}/a and state = {{0}}/a {SAME}",
    "sweep {0}/in.parquet --out {0}": f"sweep: out = {{0}}/in.parquet and FILE = {{0}}/in.parquet {SAME}",
    **{f"train --method sgd --{name} {{0}}": f"train: {name} = {FOLDER}" for name in ("out", "checkpoint", "state")},
}


@pytest.mark.parametrize("command", REFUSED)
def test_a_command_whose_files_are_one_or_have_no_place_is_refused_before_it_starts(command: str, tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / "in.toml").write_text("method = 'sgd'", encoding="utf-8")
    (tmp_path / "in.parquet").write_text("name = 'in'\nseeds = [0]\n[fixed]\nmethod = 'sgd'\n", encoding="utf-8")
    assert refusal(command.format(tmp_path).split()) == f"tsla {REFUSED[command].format(tmp_path)}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "in.toml"]


# --- written first, then shown


def loses_nothing(deliver: Callable[..., None], folder: Path) -> None:
    """Of five deliveries, in all but one of which something fails, everything else comes out, and the state stays until all of it has."""
    full = OSError(errno.ENOSPC, "No space left on device")
    failures = [("out", full), ("checkpoint", full), ("show", full), ("out", ValueError("No space left on device in UTF-8")), (None, full)]
    for number, (broken, failure) in enumerate(failures):
        paths = {name: folder / f"{number}-{name}" for name in ("out", "checkpoint", "show", "state")}
        paths["state"].touch()

        def write(path: Path, broken: str | None = broken, paths: dict[str, Path] = paths, failure: Exception = failure) -> None:
            if broken is not None and path == paths[broken]:
                raise failure
            path.write_text("whole", encoding="utf-8")

        try:
            outputs = {name: (paths[name], write) for name in ("out", "checkpoint")}
            deliver(lambda write=write, paths=paths: write(paths["show"]), state=paths["state"], nothing=(None, write), **outputs)
        except OSError as error:
            said = str(error)
        else:
            said = ""
        assert {name for name in paths if name != "state" and paths[name].exists()} == {"out", "checkpoint", "show"} - {broken}
        assert paths["state"].exists() == (broken is not None)
        assert ("No space left on device" in said) == (broken is not None)
        if broken in ("out", "checkpoint"):
            kept = f"the run is kept in state = {paths['state']}: the same command ends it"
            assert said == f"{broken} = {paths[broken]} can't be written: {getattr(failure, 'strerror', failure)}; {kept}"


def shows_first(show: Callable[[], None], **how: object) -> None:
    show()
    deliver(lambda: None, **how)  # type: ignore[arg-type]


def stops_at_the_first(show: Callable[[], None], *, state: Path | None, **outputs: Any) -> None:
    for path, write in outputs.values():
        if path is not None:
            write(path)
    deliver(show, state=state)


def forgets_the_state(show: Callable[[], None], *, state: Path, **outputs: Any) -> None:
    state.unlink()
    deliver(show, state=state, **outputs)


@pytest.mark.parametrize("wrong", [shows_first, stops_at_the_first, forgets_the_state])
def test_a_delivery_loses_nothing(wrong: Callable[..., None], tmp_path_factory: pytest.TempPathFactory, rejects: Rejects) -> None:
    rejects(lambda deliver: loses_nothing(deliver, tmp_path_factory.mktemp("files")), right=deliver, wrong=wrong)
