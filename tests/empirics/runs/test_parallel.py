"""Workers don't outlive who began them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tsla.theory.testing.planted import assert_rejects

SCRIPT = """
import os, time
from pathlib import Path

import joblib

from tsla.empirics.runs.parallel import Workers, workers

def work(seconds):
    Path(str(os.getpid())).touch()
    time.sleep(seconds)

with workers(jobs=2) as pool:
    list(pool.each(work, [(60,), (60,)]))
"""
UNWATCHED = SCRIPT.replace("\nwith", "\nWorkers._called = lambda self, function, arguments: joblib.delayed(function)(*arguments)\nwith")
PATIENCE = 6.0
"""Seconds, a few of their looks."""


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def leaves_no_workers(script: str, folder: Path) -> None:
    """A script of two workers that is killed."""
    for old in folder.iterdir():
        old.unlink()
    process = subprocess.Popen([sys.executable, "-c", script], cwd=folder)  # noqa: S603 - our own words
    while len(begun := [int(path.name) for path in folder.iterdir()]) < 2 and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    until = time.monotonic() + PATIENCE
    try:
        while any(map(is_there, begun)) and time.monotonic() < until:
            time.sleep(0.1)
        assert len(begun) == 2
        assert not any(map(is_there, begun))
    finally:
        for pid in begun:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_workers_of_a_killed_process_end(tmp_path: Path) -> None:
    leaves_no_workers(SCRIPT, tmp_path)
    assert_rejects(lambda script: leaves_no_workers(script, tmp_path), UNWATCHED)
