"""A line a run: how far it is, and with which numbers it ended. Read from the runs' status files, wherever they run."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tsla.empirics.training.sweeps.one import Run

SECONDS = 0.5
"""Between two looks at the status files."""


class Dashboard:
    """``with Dashboard("sweep", {run: label})``: on standard error, a line for each run that ends; on a terminal, those that run too."""

    def __init__(self, title: str, labels: Mapping[Run, str]) -> None:
        self._title, self._labels, self._pending = title, labels, dict(labels)
        self._width = max((len(label) for label in labels.values()), default=0)
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Dashboard:
        if self._live is not None:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._look()
        if self._live is not None:
            self._live.stop()

    def _watch(self) -> None:
        while not self._stop.wait(SECONDS):
            self._look()

    def _look(self) -> None:
        under_way: list[str] = []
        ended: list[str] = []
        for run, label in list(self._pending.items()):
            if seen := run.seen():
                text = f"{label:{self._width}}  {line(seen, run.config.epochs)}"
                (ended if seen["ended"] else under_way).append(text)
                if seen["ended"]:
                    del self._pending[run]
        if self._live is not None:
            self._live.update(Group(*(Text(f"  {text}", no_wrap=True) for text in under_way)), refresh=True)
        total = len(self._labels)
        for number, text in enumerate(ended, start=total - len(self._pending) - len(ended) + 1):
            self._console.print(f"{self._title} {number}/{total}  {text}", highlight=False, markup=False, soft_wrap=True)


def line(seen: Mapping[str, Any], epochs: int) -> str:
    """The status of a run as one line: its epoch, or how it ended, with its numbers, seconds and place."""
    return "  ".join(_words(seen, epochs))


def _words(seen: Mapping[str, Any], epochs: int) -> Iterator[str]:
    if seen["ended"] == "failed":
        yield f"failed: {seen['error']}"
    else:
        yield "done" if seen["ended"] else f"epoch {seen.get('epoch', 0)} of {epochs}"
        if "epoch" in seen:
            yield f"F {seen['train_loss']:.4f}  test accuracy {seen['test_accuracy']:.3f}"
    yield f"{seen['seconds']:.0f} s"
    yield f"on {seen['where']}"
