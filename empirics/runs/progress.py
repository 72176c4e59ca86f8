"""A progress display: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """``with Progress("runs", total=50) as p: p.advance("what was done")``, written to standard error."""

    def __init__(self, title: str, *, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self._console = Console(stderr=True)
        self._started = self._last_line = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = RichProgress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task(title, total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def advance(self, what: str) -> None:
        """One more is done, namely ``what``."""
        self.done += 1
        self._bar.update(self._task, advance=1, description=f"{self.title}: {what}")
        now = time.monotonic()
        if not self._console.is_terminal and (now - self._last_line > SECONDS_BETWEEN_LINES or self.done == self.total):
            self._last_line = now
            seconds = now - self._started
            left = seconds / self.done * (self.total - self.done)
            self._console.print(
                f"{self.title}: {self.done}/{self.total}, {seconds:.0f} s, about {left:.0f} s left ({what})",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
