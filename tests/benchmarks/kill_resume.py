"""Training runs killed with SIGKILL at random moments, and called again: do they end with the bits of an undisturbed one?

``python -m tests.benchmarks.kill_resume``: each run is a process of ``tsla train``, killed at a moment that is uniform over the time that
an undisturbed one takes once all is imported; one that had ended by then does not count. States are written within epochs too, as
often as their share of the time lets them. Prints a line a run and the count; the exit code is 1 if one of them ends otherwise.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from tsla.empirics.models.checkpoints import read
from tsla.empirics.runs import records

RUN = (
    "--method adaptive --epochs 6 --momentum 0.9 --augment --step-sizes cosine --measure-at 0,3,6 --train-size 200 --batch-size 8 --seed 1"
)


START = """
import sys
from tsla import cli
from tsla.empirics.runs import resume
resume.SECONDS = 0.0
print("begins", flush=True)
sys.exit(cli.main(sys.argv[1:]))
"""


def started(folder: Path, options: str) -> subprocess.Popen[str]:
    """The process of a run that begins now; its files are in ``folder``."""
    files = [f"--{name}={folder / name}" for name in ("out", "checkpoint", "state")]
    command = [sys.executable, "-c", START, "train", *options.split(), *files]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603 - our own command
    if process.stdout is not None:
        process.stdout.readline()
    return process


def undisturbed(folder: Path, options: str) -> float:
    """Run to the end; the seconds that it takes. Raises RuntimeError where it fails."""
    with started(folder, options) as process:
        start = time.monotonic()
        if code := process.wait():
            raise RuntimeError(f"tsla train {options} ended with {code}")
    return time.monotonic() - start


def killed(folder: Path, options: str, after: float) -> str | None:
    """Kill a run after so many seconds; where that was, None where it had ended."""
    with started(folder, options) as process:
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            return None
    if not (folder / "state").exists():
        return "no state"
    state = torch.load(folder / "state", weights_only=True)
    return f"last state: epoch {state['epoch']}, step {state['steps']}"


def same(one: Path, other: Path) -> bool:
    """Whether records and final weights are the same to the last bit."""
    weights, others = (read(folder / "checkpoint").state for folder in (one, other))
    equal = all(torch.equal(weights[name], others[name]) for name in {*weights, *others})
    return equal and records.read(one / "out").table.equals(records.read(other / "out").table)


def trials(folder: Path, options: str, runs: int, seed: int) -> Iterator[tuple[str, bool]]:
    """Where each run was killed, and whether it ended as the undisturbed one."""
    seconds = undisturbed(folder / "undisturbed", options)
    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    for k in range(runs):
        where = None
        while where is None:
            after = draw.uniform(0, seconds)
            where = killed(folder / str(k), options, after)
        undisturbed(folder / str(k), options)
        yield f"killed after {after:.2f} of {seconds:.2f} s, {where}", same(folder / "undisturbed", folder / str(k))


def main(arguments: list[str] | None = None) -> int:
    """Kill, call again, compare."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.kill_resume", description="Killed training runs go on to the same bits."
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", default=RUN, help="options of tsla train")
    options = parser.parse_args(arguments)
    os.environ["OMP_WAIT_POLICY"] = "passive"
    equal = []
    with tempfile.TemporaryDirectory() as folder:
        for said, ended_equal in trials(Path(folder), options.run, options.runs, options.seed):
            equal.append(ended_equal)
            sys.stdout.write(f"{said}: {'the same bits' if ended_equal else 'OTHER BITS'}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{sum(equal)} of {len(equal)} runs that were killed ended with the bits of an undisturbed one\n")
    return int(not all(equal))


if __name__ == "__main__":
    sys.exit(main())
