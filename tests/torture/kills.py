"""Commands that are killed at random moments. What is there then is whole, and the same command ends with what it would have found.

A try takes as long as the command, so that there is one for each hundred that is asked for. What a killed call had finished is not done
again by the next. The commands are called in children of a process that has imported all that they need, so that the moments lie in
what they do.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import joblib

from tests.torture.damage import KINDS, bits
from tsla.cli import main
from tsla.empirics.runs import records

PER_TRY = 100
FORKED = get_context("forkserver")
FORKED.set_forkserver_preload(["torch._dynamo", "tsla.empirics.experiments.registry", "tsla.figures.page.article", "tsla.figures.checking"])
ROOT = Path(__file__).parents[2]
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
SWEEP = """
name = "small"
seeds = [0, 1]
[fixed]
model = "mlp"
train-size = 64
epochs = 20
measure-at = [0]
[grid]
method = ["sgd", "lsr"]
"""
SIMULATE = "simulate --problem sine_valley --method tsla --eps 0.5 --seeds 400 --state run.state --out run.parquet"
RECORDS = ROOT / "records"
THEOREMS = ROOT / "examples" / "theorems" / "heavy_ball.py"
TRAIN = "train --method tsla --model mlp --train-size 200 --epochs 20 --drop 9 --state run.state --out run.parquet --checkpoint run.pt"


@dataclass(frozen=True)
class Command:
    """The words of a call, and the files that it leaves, below the folder that it is called in, once the command ``after`` has been."""

    words: str
    leaves: tuple[str, ...]
    after: str = ""

    @property
    def argv(self) -> list[str]:
        """As a shell would call it."""
        return [sys.executable, "-m", "tsla", *self.words.split()]


PAGE = "build/report/index.html"
COMMANDS: Mapping[str, Command] = {
    "simulate": Command(SIMULATE, ("run.parquet",)),
    "train": Command(TRAIN, ("run.parquet", "run.pt")),
    "sweep": Command("sweep sweep.toml --jobs 2", ("build/sweeps/small/small.parquet",)),
    "records": Command("records stall", ("records/stall.parquet",)),
    "figures": Command(
        f"figures regimes stall_and_cure --records {RECORDS} --out drawn",
        tuple(f"drawn/{name}.{form}" for name in ("regimes", "stall_and_cure") for form in ("svg", "csv")),
    ),
    "check": Command("check theorems.py --out page.md", ("page.md",)),
}
REPORTS: Mapping[str, Command] = {
    "report": Command("report --records shown", (PAGE,)),
    "report --page": Command("report --page --records shown", (PAGE,), after="report"),
}
"""The first takes minutes, so that one in REPORT_EVERY is of these, and one in four of them is the first."""
REPORT_EVERY = 25
NOT_SHOWN = "annealed batch_norm branches branches_resnet8 coverage dropping error_rates known_architectures planner power_of_tests"
"""Records of which the page shows nothing: these reports do without, and need not run parts of them again."""
PATIENCE = 10.0
"""Seconds that what a killed process began may go on."""
ONCE = tempfile.TemporaryDirectory()
"""What commands end with is kept here for all processes of this one."""


@dataclass(frozen=True)
class Undisturbed:
    """How a command ends that nothing disturbs: how long it took, what its files say, and the files."""

    seconds: float
    found: list[object]
    files: Mapping[str, bytes]


def tries(seed: int, n: int, commands: Mapping[str, Command] = COMMANDS) -> Iterator[tuple[str, str | None]]:
    """Killed commands, each by its signal and its name, and what was wrong then or in the end."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    for number in range(seed, seed + n // PER_TRY):
        turn, is_report = number // REPORT_EVERY, number % REPORT_EVERY == 0
        kinds = REPORTS if is_report else commands
        name, killed_by = [*kinds][turn % 4 > 0 if is_report else number % len(kinds)], draw.choice(SIGNALS)
        command, whole = kinds[name], undisturbed(kinds[name])
        with tempfile.TemporaryDirectory() as folder:
            yield f"{killed_by} {name}", killed(command, prepared(command, folder), killed_by, draw.uniform(0, whole.seconds), whole.found)


def undisturbed(command: Command) -> Undisturbed:
    """How it ends, found by one process at a time. Raises RuntimeError where it fails all the same."""
    with (Path(ONCE.name) / f"{joblib.hash(command)}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _undisturbed(command)


@joblib.Memory(ONCE.name, verbose=0).cache
def _undisturbed(command: Command) -> Undisturbed:
    with tempfile.TemporaryDirectory() as name:
        folder = prepared(command, name)
        ended(call(Command("--version", ()), folder))  # once all is imported
        started = time.monotonic()
        if code := ended(call(command, folder)):
            raise RuntimeError(f"{command.words} ends with exit code {code}")
        seconds = time.monotonic() - started
        files = [path for path in folder.rglob("*") if path.is_file()]
        return Undisturbed(seconds, found(command, folder), {str(path.relative_to(folder)): path.read_bytes() for path in files})


def prepared(command: Command, folder: str) -> Path:
    """With what the command reads."""
    (Path(folder) / "sweep.toml").write_text(SWEEP, encoding="utf-8")
    (Path(folder) / "records").mkdir()
    shutil.copy(THEOREMS, Path(folder) / "theorems.py")
    if command in REPORTS.values():
        shutil.copytree(RECORDS, Path(folder) / "shown", ignore=shutil.ignore_patterns(*(f"{name}.parquet" for name in NOT_SHOWN.split())))
    if command.after:
        placed(undisturbed(REPORTS[command.after]).files, Path(folder))
    return Path(folder)


def placed(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files below the folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def call(command: Command, folder: Path) -> ForkServerProcess:
    """Begin it in the folder."""
    process = FORKED.Process(target=_called, args=(command.words, folder))
    process.start()
    return process


def _called(words: str, folder: Path) -> None:
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    atexit._clear()  # what the process before was to do at its end
    sys.argv = ["tsla", *words.split()]
    try:
        sys.exit(main())
    finally:  # as an interpreter ends that is nobody's child
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


def ended(process: ForkServerProcess) -> int:
    """The exit code, once it has ended."""
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def found(command: Command, folder: Path) -> list[object]:
    """All that its files say."""
    return [read(folder / name) for name in command.leaves]


def read(path: Path) -> object:
    """What a file says; of a record and a checkpoint all but the commit, which may have changed since."""
    if path.suffix == ".pt":
        return KINDS["checkpoint.pt"].read(path)
    if path.suffix != ".parquet":
        return path.read_bytes()
    record = records.read(path)
    return bits([record.table, record.config, record.environment, record.command])


def finished(command: Command, folder: Path) -> dict[Path, int]:
    """The records of single runs there, of which the command makes its own, each with the time at which it was written."""
    of_all = {folder / name for name in command.leaves}
    return {path: path.stat().st_mtime_ns for path in folder.rglob("[!.]*.parquet") if path not in of_all}


def killed(command: Command, folder: Path, by: str, after: float, expected: list[object]) -> str | None:
    """What is wrong once it was killed after so many seconds, or once it was called again; None where nothing is."""
    process = call(command, folder)
    time.sleep(after)
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, getattr(signal, by))
    ended(process)
    when = f"{command.words}, {by} after {after:.2f} s"
    try:
        for name in command.leaves:
            if (folder / name).exists():
                read(folder / name)
        done = {} if command in REPORTS.values() else finished(command, folder)
        if (code := ended(call(command, folder))) != 0:
            return f"{when}: called again, it ends with exit code {code}"
        if found(command, folder) != expected:
            return f"{when}: called again, it ends with something else"
    except ValueError as error:
        return f"{when}: {error}"
    again = [str(path) for path, at in finished(command, folder).items() if path in done and at != done[path]]
    left = [str(path.relative_to(folder)) for path in folder.rglob(".*")]
    seen = ((again, "was made twice"), (left, "is left"), (running(folder), "goes on"))
    wrong = [f"{', '.join(names)} {what}" for names, what in seen if names]
    return f"{when}: {'; '.join(wrong)}" if wrong else None


def running(folder: Path) -> list[str]:
    """Processes in the folder that do not end soon; none where the system does not say where its processes are."""
    until = time.monotonic() + PATIENCE
    while (
        found := [f"process {link.parent.name}" for link in Path("/proc").glob("[0-9]*/cwd") if _is(link, folder)]
    ) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _is(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:  # it has ended
        return False
