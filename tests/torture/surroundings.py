"""Commands in surroundings that fail them: full disks, read-only folders, streams that are closed, a locale without signs, company.

Each ends in one of the house's exit codes, with a last line that says why where it fails, and without a traceback or a warning. What it
was to write is there whole or is what was there before, and nothing else is left. A try takes as long as the command, so that there is
one for each PER_TRY that are asked for: of ten thousand, one for each pair of a command and a surrounding.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tests.torture.kills import COMMANDS, Command, Undisturbed, found, placed, prepared, undisturbed

PER_TRY = 166
LITTLE = 1500
"""Bytes that a file may have where the disk is said to be full."""
LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
ACCIDENT = ("Traceback", "Warning", "Exception ignored", "Error in sys", "Fatal Python")
"""What standard error must not say."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, and what it said on standard error."""

    code: int
    said: str


@dataclass(frozen=True)
class Surrounding:
    """Where a command is called, and how it must end there.

    codes:  the exit codes of which it is one; 0 also where the surrounding did not matter, 1 where the runs of a sweep failed
    says:   what a failure's last line says, in one of these ways
    fails:  whether its outputs stay as they were; else they are those of an undisturbed call
    """

    call: Callable[[list[str], Path], Ended]
    codes: tuple[int, ...] = (0,)
    says: tuple[str, ...] = ()
    fails: bool = False


def _ended(process: subprocess.Popen[bytes]) -> Ended:
    _, said = process.communicate()
    return Ended(process.returncode, (said or b"").decode(errors="backslashreplace"))


@dataclass(frozen=True)
class Streams:
    """A call with these streams and this environment, after ``before`` in its own process."""

    stdin: int | None = subprocess.DEVNULL
    stdout: int = subprocess.DEVNULL
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None

    def __call__(self, argv: list[str], folder: Path) -> Ended:
        """How it ends."""
        process = subprocess.Popen(  # noqa: S603 - our own words
            argv,
            cwd=folder,
            stdin=self.stdin,
            stdout=self.stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, **self.environment},
            preexec_fn=self.before,
        )
        return _ended(process)


def _to_full_device(argv: list[str], folder: Path) -> Ended:
    with Path("/dev/full").open("wb") as full:
        return Streams(stdout=full.fileno())(argv, folder)


def _little_space() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LITTLE, LITTLE))


def _to_a_reader_that_has_gone(argv: list[str], folder: Path) -> Ended:
    """As ``| true``."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return Streams(stdout=writing)(argv, folder)
    finally:
        os.close(writing)


def _to_one_line(argv: list[str], folder: Path) -> Ended:
    """As ``| head -1``."""
    process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    return _ended(process)


def _in_read_only_folder(argv: list[str], folder: Path) -> Ended:
    with read_only(folder):
        return Streams()(argv, folder)


def _on_full_disk(argv: list[str], folder: Path) -> Ended:
    with mounted(folder):
        with suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        return Streams()(argv, folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Within this context nothing can be written to the folder. Root, whom no mode keeps from it, mounts it read-only upon itself."""
    folder.chmod(0o555)
    by_mount = os.access(folder, os.W_OK)
    if by_mount:
        _mount("--bind", str(folder), str(folder))
        _mount("-o", "remount,bind,ro", str(folder))
    try:
        yield
    finally:
        if by_mount:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607
        folder.chmod(0o755)


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Within this context the folder is a small disk with what was in it; what is there at the end stays."""
    with tempfile.TemporaryDirectory() as aside:
        shutil.copytree(folder, aside, dirs_exist_ok=True)
        _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
        try:
            shutil.copytree(aside, folder, dirs_exist_ok=True)
            yield
            shutil.rmtree(aside)
            shutil.copytree(folder, aside)
        finally:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607
        shutil.rmtree(folder)
        shutil.copytree(aside, folder)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)  # noqa: S603, S607


def can_mount() -> bool:
    """Whether this process may mount a disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with mounted(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


CANT = ("can't be written", "nothing can be written", "File too large", "No space left", "Read-only", "Permission denied", "unwritable")
SURROUNDINGS: Mapping[str, Surrounding] = {
    "no room": Surrounding(Streams(before=_little_space), (0, 1, 2), CANT, fails=True),
    "full output": Surrounding(_to_full_device, (2,), ("standard output can't be written",)),
    "gone reader": Surrounding(_to_a_reader_that_has_gone, (141,)),
    "one line": Surrounding(_to_one_line, (0, 141)),
    "no input": Surrounding(Streams(stdin=None, before=lambda: os.close(0))),
    "no output": Surrounding(Streams(before=lambda: os.close(1)), (0, 2), ("standard output can't be written",)),
    "ascii": Surrounding(Streams(environment=LOCALE)),
    "read-only folder": Surrounding(_in_read_only_folder, (2,), CANT, fails=True),
}
WITH_MOUNT: Mapping[str, Surrounding] = {"full disk": Surrounding(_on_full_disk, (1, 2), CANT, fails=True)}


def tries(seed: int, n: int, commands: Mapping[str, Command] = COMMANDS) -> Iterator[tuple[str, str | None]]:
    """Commands in surroundings, each by the two, and how it did not end as it must."""
    privileged = can_mount()
    surroundings = {**SURROUNDINGS, **(WITH_MOUNT if privileged else {})}
    if os.geteuid() == 0 and not privileged:
        surroundings.pop("read-only folder")
    both = [*product(commands, [*surroundings, "company"])]
    for place in range(n // PER_TRY):
        name, where = both[(seed + place) % len(both)]
        command, whole = commands[name], undisturbed(commands[name])
        with tempfile.TemporaryDirectory() as folder:
            at = prepared(command, folder)
            wrong = in_company(command, at, whole) if where == "company" else ill_end(command, surroundings[where], at, whole)
            yield f"{where}, {name}", wrong


def ill_end(command: Command, where: Surrounding, folder: Path, whole: Undisturbed) -> str | None:
    """How the command did not end as it must; None where it did."""
    older = {name: whole.files[name] for name in command.leaves if where.fails}
    placed(older, folder)
    ended = where.call(command.argv, folder)
    if wrong := ill_said(ended, where.codes, where.says):
        return f"{command.words}: {wrong}"
    if any((folder / name).read_bytes() != content for name, content in older.items()):
        return f"{command.words}: what was there before has changed"
    if ended.code in (0, 141) and found(command, folder) != whole.found:
        return f"{command.words}: ends with something else"
    left = [str(path) for path in folder.rglob(".*") if path.is_file()]
    return f"{command.words}: {', '.join(left)} is left" if left else None


def ill_said(ended: Ended, codes: tuple[int, ...], says: tuple[str, ...] = ()) -> str | None:
    """What is wrong with the exit code or with what was said."""
    last = (ended.said.strip().splitlines() or [""])[-1]
    if ended.code not in codes:
        return f"exit code {ended.code}: {ended.said}"
    if any(accident in ended.said for accident in ACCIDENT):
        return ended.said
    if ended.code == 2 and not (last.startswith("tsla") and any(why in last for why in says)):
        return f"ends with {last!r}"
    if ended.code == 1 and not any(why in ended.said for why in says):
        return f"fails and does not say why: {ended.said}"
    return None


def in_company(command: Command, folder: Path, whole: Undisturbed) -> str | None:
    """Two processes of one command at once: where one is refused, it is by the number of the other, and what is left is whole."""
    both = [
        subprocess.Popen(command.argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603
        for _ in range(2)
    ]
    first, second = [_ended(process) for process in both]
    for ended, other in ((first, both[1]), (second, both[0])):
        if wrong := ill_said(ended, (0, 2), (f"is in use by process {other.pid} on ",)):
            return f"two of {command.words}: {wrong}"
    if {first.code, second.code} == {2}:
        return f"two of {command.words}: both are refused"
    return None if found(command, folder) == whole.found else f"two of {command.words}: end with something else"
