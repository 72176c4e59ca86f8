"""A progress display: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

SECONDS_BETWEEN_LINES = 5.0
BAR = 20
"""Columns of the bar, which stands first: where a line is too long for the terminal, its words are cut and not the bar."""


class Progress:
    """``with Progress("runs", total=50) as p: p.advance("what was done")``, written to standard error."""

    def __init__(self, title: str, *, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self._console = Console(stderr=True)
        self._started = self._last_line = time.monotonic()
        columns = (
            BarColumn(bar_width=BAR),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        self._bar = RichProgress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._room = self._console.width - BAR - len(f" {total}/{total} 0:00:00 0:00:00 ")
        self._task = self._bar.add_task(shortened(title, self._room), total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def advance(self, what: str) -> None:
        """One more is done, namely ``what``."""
        self.done += 1
        self._bar.update(self._task, advance=1, description=shortened(f"{self.title}: {what}", self._room))
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


def shortened(text: str, room: int) -> str:
    """The text, or what of it there is room for."""
    return text if len(text) <= room else f"{text[: max(room - 1, 0)]}…"
