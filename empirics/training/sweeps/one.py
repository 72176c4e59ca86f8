"""One run of a sweep: its files, and what a worker does with it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.runs import provenance, records
from tsla.empirics.runs.files import remove, replacing
from tsla.empirics.runs.locks import wait_for
from tsla.empirics.training.configuration import FIELDS, TrainingConfig
from tsla.empirics.training.loop import Row, train

DTYPES: Mapping[Any, str] = {  # by the type of a field: those that may be None have room for none
    int: "int64",
    int | None: "Int64",
    float: "float64",
    bool: "bool",
    str: "string",
    str | None: "string",
    tuple[int, ...]: "string",
}


@dataclass(frozen=True)
class Run:
    """A configuration, and the folder that its files are in."""

    config: TrainingConfig
    folder: Path

    @cached_property  # who watches asks for it twice a second
    def _name(self) -> str:
        return records.config_hash(self.config.identity())

    @property
    def part(self) -> Path:
        """The record of the finished run."""
        return self.folder / "runs" / f"{self._name}.parquet"

    @property
    def _under_way(self) -> Path:
        """A folder of its own: whoever writes a file lists its folder, and a run writes many."""
        return self.folder / "state" / self._name

    @property
    def state(self) -> Path:
        """Where a killed run goes on, with the same code and versions."""
        return self._under_way / f"{records.config_hash(provenance.environment(__name__))}.pt"

    @property
    def status(self) -> Path:
        """How far it is, for whoever watches: a JSON object, and none before the run has started."""
        return self._under_way / "status.json"

    def is_done(self) -> bool:
        """Whether there is a record of this run, on whatever device, made by this code with these versions on a machine like this."""
        identity = self.config.identity()
        return records.is_done(self.part, identity, modules=(__name__,), but=self.config.flat().keys() - identity)

    def say(self, status: Mapping[str, Any]) -> None:
        """Write its status, if it can be written: the run goes on without."""
        with suppress(OSError), replacing(self.status) as temporary:
            temporary.write_text(json.dumps(status), encoding="utf-8")

    def seen(self) -> dict[str, Any]:
        """What its status says: ``epoch, train_loss, test_accuracy, seconds, where, pid, ended, error``; nothing before it has started.

        ``ended`` is "done" or "failed", and None while it runs; ``seconds`` are those since it was started last. A damaged one is as none.
        """
        try:
            found = json.loads(self.status.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) and found.keys() >= {"seconds", "where", "pid", "ended"} else {}


def attempt(run: Run) -> None:
    """Run it, from its state file if there is one. Raises nothing that the run raises: its status says what it died of."""
    wait_for(run.state)  # a worker of a sweep that was killed may still be at it
    started, status = time.monotonic(), dict[str, Any](where=_where(), pid=os.getpid(), ended=None)

    def say(**what: Any) -> None:
        status.update(what, seconds=time.monotonic() - started)
        run.say(status)

    say()
    rows = []
    try:
        for row in train(run.config, state=run.state):
            rows.append(row)
            say(**{name: row[name] for name in ("epoch", "train_loss", "test_accuracy")})
        records.write(run.part, table(run.config, rows), run.config.flat(), run.config.command_line(), modules=(__name__,))
        remove(run.state)
    except Exception as error:  # whatever it is, the other runs go on
        say(ended="failed", error=f"{type(error).__name__}: {' '.join(str(error).split())}")
    else:
        say(ended="done")


def table(config: TrainingConfig, rows: Sequence[Row]) -> pd.DataFrame:
    """The rows of a run with its configuration in every row: a column for each field, of the same type whatever the run.

    ``config_eta`` and ``config_theta`` are those of the configuration: ``eta`` and ``theta`` are the rule of the epoch.
    """
    frame = pd.DataFrame(rows)
    empty = frame.columns[frame.isna().all()]
    frame = frame.astype(dict.fromkeys(empty, "float64"))
    for name, field in FIELDS.items():
        if name not in ("method", "seed"):
            value = getattr(config, name)
            cell = json.dumps(value) if isinstance(value, tuple) else value
            frame[f"config_{name}" if name in rows[0] else name] = pd.Series([cell] * len(frame), dtype=DTYPES[field.type])
    return frame


def _where() -> str:
    """The machine, or the node of a Ray cluster."""
    ray = sys.modules.get("ray")  # a worker of Ray has loaded it
    return f"node {ray.get_runtime_context().get_node_id()[:8]}" if ray is not None and ray.is_initialized() else socket.gethostname()
