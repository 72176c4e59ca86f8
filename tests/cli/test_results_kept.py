"""What was computed is not lost to what can't be said or kept: closed pipes, narrow encodings, full disks."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.support import ends
from tsla import cli
from tsla.cli import UNREAD
from tsla.empirics.runs import records
from tsla.streams import PLAIN, unfailing
from tsla.theory.testing.planted import Rejects

resource: Any = pytest.importorskip("resource", reason="there are no limits to the size of files")

TRAIN = "train --method sgd --epochs 2 --train-size 40 --model mlp --measure-at 0"
SIMULATE = "simulate --problem stall --method tsla --eps 0.5 --seeds 2"
FULL = "No space left on device"


def started(command: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "tsla", *command.split()], text=True, **how)  # noqa: S603 - our own command


Ended = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str]) -> Ended:
    """Exit code, standard output, and the lines on standard error but those that say how far it is.

    Files can't be larger than ``largest`` bytes, as on a full disk.
    """

    def call(command: str, *, largest: int | None = None) -> tuple[int, str, list[str]]:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits[0] if largest is None else largest, limits[1]))
        try:
            code = ends(command.split())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        out, err = capsys.readouterr()
        return code, out, [line for line in err.splitlines() if not line.startswith(f"{command.split()[0]}: ")]

    return call


# --- standard output


def broken_pipe() -> io.TextIOWrapper:
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w", encoding="utf-8")  # noqa: PTH123 - a file descriptor, and not closed here


def full_disk() -> io.TextIOWrapper:
    return open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123


def does_not_die_of_its_streams(context: Callable[[], AbstractContextManager[None]]) -> None:
    """However much is said into either of them, and whenever the failure comes: at once, or as a buffer is full, or at the end."""
    for make, said in ((broken_pipe, "Broken pipe"), (full_disk, FULL)):
        for name, redirect in (("stdout", redirect_stdout), ("stderr", redirect_stderr)):
            for size in (1, 100_000):
                done, raised = [], None
                with make() as stream, redirect(stream):
                    try:
                        with context():
                            for _ in range(3):
                                print("x" * size, file=getattr(sys, name))
                            done.append("all")
                    except OSError as error:
                        raised = error.strerror
                    silent = closes(stream)
                assert done == ["all"]
                assert silent
                assert raised == (said if name == "stdout" else None)


def closes(stream: io.TextIOWrapper) -> bool:
    """Whether nothing is left in it that Python would complain of as it ends."""
    try:
        stream.close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_command_does_not_die_of_its_streams(rejects: Rejects) -> None:
    rejects(does_not_die_of_its_streams, right=unfailing, wrong=nullcontext)


@pytest.mark.parametrize("json_too", [False, True])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_encoding_gets_all_of_it(encoding: str, json_too: bool) -> None:
    """``E‖∇F‖²`` has characters that only UTF-8 has, and one that Latin-1 has."""
    written = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(written, encoding=encoding)) as stream:
        assert cli.main([*SIMULATE.split(), *(["--json"] if json_too else [])]) == 0
    stream.flush()
    said = written.getvalue().decode(encoding)
    if json_too:
        assert json.loads(said)["assumptions"].startswith("E‖∇F(w_R)‖²: ")
    else:
        expected = {"utf-8": "E‖∇F(w_R)‖²: ", "latin-1": "E||grad F(w_R)||²: ", "ascii": "E||grad F(w_R)||^2: "}
        assert expected[encoding] in said


def test_signs_have_words_and_other_characters_are_escaped() -> None:
    written = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(written, encoding="ascii")) as stream, unfailing():
        sys.stdout.write("2θ²δσ²ηL b\u0302ĝ ‖∇F‖ <= 1 ☂\n")
    stream.flush()
    assert written.getvalue() == b"2 theta^2 delta sigma^2 eta L bhat ghat ||grad F|| <= 1 \\u2602\n"
    assert all(len(sign) == 1 and not sign.isascii() and word.isascii() for sign, word in PLAIN.items())


@pytest.mark.parametrize("what", ["--version", "anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.05 --eta 0.01"])
def test_without_a_standard_output_there_is_nothing_to_say(what: str) -> None:
    command = f'exec "$0" -m tsla {what} >&-'
    done = subprocess.run(["/bin/sh", "-c", command, sys.executable], check=False, capture_output=True, text=True)  # noqa: S603
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_streams_that_are_closed_are_there_for_other_code() -> None:
    """Such as the processes of a sweep."""
    code = "from tsla.streams import *\nwith unfailing(): sys.stdout.flush(), sys.stderr.flush(), *map(os.fstat, range(3))"
    command = 'exec "$0" -c "$1" <&- >&- 2>&-'
    assert subprocess.run(["/bin/sh", "-c", command, sys.executable, code], check=False).returncode == 0  # noqa: S603


def test_a_reader_that_has_gone_takes_nothing_with_it(tmp_path: Path) -> None:
    pipe = broken_pipe()
    with pipe, started(f"{SIMULATE} --out {tmp_path / 'run.parquet'}", stdout=pipe, stderr=pipe) as process:
        assert process.wait() == UNREAD
    assert records.read(tmp_path / "run.parquet").seeds == (0,)


@pytest.mark.parametrize("what", ["--version", "--help", "bound sgd --help", "bound sgd --L 10 --sigma2 1 --F0 1 --eta 0.1 --T 10"])
def test_a_closed_pipe_is_silent_and_a_full_disk_is_one_line(what: str) -> None:
    for stream, code, said in ((broken_pipe(), UNREAD, ""), (full_disk(), 2, f"tsla: standard output can't be written: {FULL}\n")):
        with stream, started(what, stdout=stream, stderr=subprocess.PIPE) as process:
            _, err = process.communicate()
        assert (process.returncode, err) == (code, said)


# --- files


def test_a_state_that_cannot_be_written_stops_nothing(ended: Ended, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It holds the weights, and is larger than the record."""
    out, state = tmp_path / "run.parquet", tmp_path / "run.state"
    code, shown, said = ended(f"{TRAIN} --out {out} --state {state}", largest=20_000)
    assert (code, said) == (0, [])
    assert caplog.messages == [f"state = {state} can't be written: File too large; the run goes on without"]
    assert re.findall(r"^ +(\d) ", shown, re.MULTILINE) == [*"012", *"012"]  # two blocks
    assert records.read(out).table["epoch"].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize(("stream", "code"), [(full_disk, 2), (broken_pipe, UNREAD)])
def test_a_run_that_could_not_be_told_is_had_from_the_state(stream: Callable[[], io.TextIOWrapper], code: int, tmp_path: Path) -> None:
    command = [*SIMULATE.split(), "--state", str(tmp_path / "state")]
    with stream() as output, redirect_stdout(output):
        assert ends(command) == code
    assert (tmp_path / "state").exists()
    assert cli.main(command) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_leaves_the_record(ended: Ended, tmp_path: Path) -> None:
    out, checkpoint = tmp_path / "run.parquet", tmp_path / "run.pt"
    code, shown, said = ended(f"{TRAIN} --out {out} --checkpoint {checkpoint}", largest=20_000)
    assert (code, shown.splitlines()[0]) == (2, "sgd, seed 0")
    assert said == [f"tsla train: checkpoint = {checkpoint} can't be written: File too large"]
    assert list(tmp_path.iterdir()) == [out]


def test_a_record_that_cannot_be_written_is_had_from_the_state(ended: Ended, tmp_path: Path) -> None:
    out, whole, state = tmp_path / "run.parquet", tmp_path / "whole.parquet", tmp_path / "run.state"
    code, shown, said = ended(f"{SIMULATE} --out {out} --state {state}", largest=8_000)
    assert (code, len(said)) == (2, 1)
    assert said[0].startswith(f"tsla simulate: out = {out} can't be written: ")
    assert said[0].endswith(f"; the run is kept in state = {state}: the same command ends it")
    assert "measured" in shown
    assert list(tmp_path.iterdir()) == [state]
    assert ended(f"{SIMULATE} --out {out} --state {state}") == (0, shown, [])
    assert ended(f"{SIMULATE} --out {whole}") == (0, shown, [])
    pd.testing.assert_frame_equal(records.read(out).table, records.read(whole).table, check_exact=True)
    assert sorted(tmp_path.iterdir()) == [out, whole]


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 elsewhere")
def test_a_name_that_is_no_utf8_is_written_and_read(ended: Ended, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff")
    out, checkpoint = tmp_path / name / f"{name}.parquet", tmp_path / f"{name}.pt"
    command = TRAIN.replace("--measure-at 0", "--measure-at 0,1,2")
    assert ended(f"{command} --out {out} --checkpoint {checkpoint}")[0] == 0
    assert records.read(out).table["epoch"].tolist() == [0, 1, 2]
    assert checkpoint.exists()
    assert ended(f"plan --pilot {out} --outcome test_loss")[::2] == (0, [])


@pytest.mark.parametrize(
    ("command", "left"),
    [
        (SIMULATE, "nothing was kept"),
        (f"{SIMULATE} --state run.state", "the same command goes on from run.state"),
        ("records --check", "the same command goes on where it was"),
    ],
)
def test_ctrl_c_ends_in_one_line(command: str, left: str, ended: Ended, monkeypatch: pytest.MonkeyPatch, rejects: Rejects) -> None:
    name = command.split()[0]

    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    def ends_as_interrupted(run: Callable[..., None]) -> None:
        monkeypatch.setattr(f"tsla.empirics.commands.{name}.run", run)
        assert ended(command) == (130, "", [f"tsla {name}: interrupted; {left}"])

    rejects(ends_as_interrupted, right=pressed, wrong=print)
