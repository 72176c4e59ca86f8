"""Running a sweep: what is not done yet, whatever dies on the way, into one data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tsla.empirics.runs import records
from tsla.empirics.runs.locks import held
from tsla.empirics.runs.parallel import Workers, workers
from tsla.empirics.training.sweeps.dashboard import Dashboard
from tsla.empirics.training.sweeps.file import Sweep
from tsla.empirics.training.sweeps.one import Run, attempt

ATTEMPTS = 3
"""A run that was under way this many times when a worker was lost, and did not get further meanwhile, is given up."""
UNKNOWN = "neither its record nor its status could be written"
"""Why a run failed whose status does not say it."""


@dataclass(frozen=True)
class Outcome:
    """``record``: the file with all runs that ended well, None where none did; ``failed``: label, reason and command of each other run."""

    record: Path | None
    failed: tuple[tuple[str, str, str], ...]


def run(sweep: Sweep, folder: Path, *, origin: str, backend: str = "loky", address: str | None = None, jobs: int | None = None) -> Outcome:
    """Run the sweep into ``folder`` by the workers of :func:`tsla.empirics.runs.parallel.workers`.

    ``folder/runs`` gets a record a run, ``folder/NAME.parquet`` all of them in the order of the sweep; ``origin`` is the command that it
    says makes it again. On a cluster the workers write the files: the folder must be one that all of them share. What is done by the same
    code on the same machine is not done again, and a run that was killed goes on from its state file, to the same rows. A run that raises
    fails alone; when a worker is lost, what was under way is run again, after all others and at most ATTEMPTS times without another epoch.
    Raises ValueError where the workers can't be had, and where another process runs a sweep in the folder.
    """
    with held("out", folder):
        return _run(sweep, folder, origin, backend=backend, address=address, jobs=jobs)


def _run(sweep: Sweep, folder: Path, origin: str, *, backend: str, address: str | None, jobs: int | None) -> Outcome:
    runs = {Run(config, folder.resolve()): sweep.label(config) for config in sweep.configs}
    todo = {run: label for run, label in runs.items() if not run.is_done()}
    if todo:
        _forget(todo)
        with workers(backend, address=address, jobs=jobs) as pool, Dashboard(sweep.name, todo):
            _run_all(list(todo), pool)
    failed = {run: label for run, label in todo.items() if run.seen().get("ended") != "done" and not run.is_done()}
    done = [run for run in runs if run not in failed]
    record = _merge(sweep, done, folder, origin) if done else None
    return Outcome(record, tuple((label, run.seen().get("error", UNKNOWN), run.config.command_line()) for run, label in failed.items()))


def _run_all(todo: Sequence[Run], pool: Workers) -> None:
    """Until every run has ended, one way or the other."""
    lost: Counter[Run] = Counter()  # since it last got further: with many workers it is mostly another run that a worker dies of
    reached: dict[Run, int] = {}
    while todo:
        try:
            for _ in pool.each(attempt, [(run,) for run in todo]):
                pass
        except Exception as error:  # a worker died: what a run raises ends in its status
            under_way = [run for run in todo if run.seen() and not run.seen()["ended"]]
            if not under_way:
                raise
            for run in under_way:
                epoch = run.seen().get("epoch", 0)
                lost[run] = 1 if epoch > reached.get(run, -1) else lost[run] + 1
                reached[run] = max(epoch, reached.get(run, -1))
                if lost[run] == ATTEMPTS:
                    run.say(
                        run.seen() | {"ended": "failed", "error": f"its worker was lost {ATTEMPTS} times: {' '.join(str(error).split())}"}
                    )
            left = [run for run in todo if not run.seen().get("ended") and lost[run] < ATTEMPTS]
            todo = sorted(left, key=lambda run: lost[run])
            _forget(todo)
        else:
            return


def _forget(runs: Iterable[Run]) -> None:
    for run in runs:
        run.status.unlink(missing_ok=True)


def _merge(sweep: Sweep, done: Sequence[Run], folder: Path, origin: str) -> Path:
    path = folder / f"{sweep.name}.parquet"
    parts = [records.read(run.part) for run in done]
    config = {"sweep": sweep.name, "configs": [part.config for part in parts]}
    whole, rows = pd.concat([part.table for part in parts], ignore_index=True), [len(part.table) for part in parts]
    records.write(path, whole, config, origin, modules=(attempt.__module__,), rows=rows)
    return path
