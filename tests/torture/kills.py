"""Commands that are killed at random moments. What is there then is whole, and the same command ends with what it would have found.

A try takes as long as the command, so that there is one for each hundred that is asked for.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.torture.damage import KINDS, bits
from tsla.empirics.runs import records

PER_KILL = 100
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
TRAIN = "train --method tsla --model mlp --train-size 200 --epochs 20 --drop 9 --state run.state --out run.parquet --checkpoint run.pt"


@dataclass(frozen=True)
class Command:
    """The words of a call, and the files that it leaves, below the folder that it is called in."""

    words: str
    leaves: tuple[str, ...]


COMMANDS: Mapping[str, Command] = {
    "simulate": Command(SIMULATE, ("run.parquet",)),
    "train": Command(TRAIN, ("run.parquet", "run.pt")),
    "sweep": Command("sweep sweep.toml --jobs 2", ("build/sweeps/small/small.parquet",)),
    "records": Command("records stall", ("records/stall.parquet",)),
}


def tries(seed: int, n: int) -> Iterator[tuple[str, str | None]]:
    """Killed commands, each by its signal and its name, and what was wrong then or in the end."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    undisturbed: dict[str, tuple[float, list[object]]] = {}
    for number in range(n // PER_KILL):
        name = list(COMMANDS)[number % len(COMMANDS)]
        command, killed_by = COMMANDS[name], draw.choice(SIGNALS)
        if name not in undisturbed:
            with tempfile.TemporaryDirectory() as folder:
                started = time.monotonic()
                assert call(command, prepared(folder)).wait() == 0, f"{command.words} fails"
                undisturbed[name] = time.monotonic() - started, found(command, Path(folder))
        seconds, expected = undisturbed[name]
        with tempfile.TemporaryDirectory() as folder:
            yield f"{killed_by} {name}", killed(command, prepared(folder), killed_by, draw.uniform(0, seconds), expected)


def prepared(folder: str) -> Path:
    """With what the commands read."""
    (Path(folder) / "sweep.toml").write_text(SWEEP, encoding="utf-8")
    (Path(folder) / "records").mkdir()
    return Path(folder)


def call(command: Command, folder: Path) -> subprocess.Popen[bytes]:
    """Begin it in the folder."""
    words = [sys.executable, "-m", "tsla", *command.words.split()]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own words


def found(command: Command, folder: Path) -> list[object]:
    """All that its files say."""
    return [read(folder / name) for name in command.leaves]


def read(path: Path) -> object:
    """What a record or a checkpoint says, but for the commit, which may have changed since."""
    if path.suffix == ".pt":
        return KINDS["checkpoint.pt"].read(path)
    record = records.read(path)
    return bits([record.table, record.config, record.environment, record.command])


def killed(command: Command, folder: Path, by: str, after: float, expected: list[object]) -> str | None:
    """What is wrong once it was killed after so many seconds, or once it was called again; None where nothing is."""
    process = call(command, folder)
    time.sleep(after)
    process.send_signal(getattr(signal, by))
    process.wait()
    when = f"{command.words}, {by} after {after:.2f} s"
    try:
        for name in command.leaves:
            if (folder / name).exists():
                read(folder / name)
        if (code := call(command, folder).wait()) != 0:
            return f"{when}: called again, it ends with exit code {code}"
        if found(command, folder) != expected:
            return f"{when}: called again, it ends with something else"
    except ValueError as error:
        return f"{when}: {error}"
    left = [str(path.relative_to(folder)) for path in folder.rglob(".*")]
    return f"{when}: {', '.join(left)} is left" if left else None
