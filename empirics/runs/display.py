"""A text that is shown anew in place: in a notebook, on a terminal, and in a page that a browser shows."""

from __future__ import annotations

import atexit
import logging
import sys
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tsla.empirics.runs.files import must_be_writable, write_text

LOG = logging.getLogger(__name__)
REFRESH = 2
"""Seconds after which a browser reads the page again."""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="{refresh}"><title>{title}</title></head>
<body><pre>{text}</pre></body></html>
"""


class Display:
    """``show(text, line)`` replaces what was shown before; where nothing can be replaced, as in a pipe, ``line`` is printed.

    page: a file for a browser, which reads it again every REFRESH seconds; no server is needed

    Raises ValueError for a page that can't be written. A page that can't be written any more is given up with a line on standard error.
    """

    def __init__(self, page: Path | None = None) -> None:
        must_be_writable(live=page)
        self._page = page
        self._console = Console(stderr=True)
        self._terminal: Live | None = None
        self._notebook: Any = None

    def show(self, text: str, line: str) -> None:
        """Show it wherever it can be seen."""
        if in_notebook():
            self._in_cell(text)
        elif self._console.is_terminal:
            self._on_terminal(text)
        else:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        if self._page is not None:
            self._write(self._page, text, line)

    def close(self) -> None:
        """Give the terminal back, with the last text on it."""
        if self._terminal is not None:
            self._terminal.stop()
            self._terminal = None

    def _in_cell(self, text: str) -> None:
        shown = {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}
        if self._notebook is None:
            self._notebook = sys.modules["IPython"].display.display(shown, raw=True, display_id=True)
        else:
            self._notebook.update(shown, raw=True)

    def _on_terminal(self, text: str) -> None:
        if self._terminal is None:
            on_terminal = sys.stdout.isatty()  # what goes to a file stays there
            self._terminal = Live(console=self._console, auto_refresh=False, redirect_stdout=on_terminal)
            self._terminal.start()
            atexit.register(self.close)  # a training loop need not say that it is over
        self._terminal.update(Text(text), refresh=True)

    def _write(self, page: Path, text: str, line: str) -> None:
        try:
            write_text(page, PAGE.format(refresh=REFRESH, title=escape(line), text=escape(text)))
        except OSError as error:
            LOG.warning("live = %s can't be written any more: %s", page, error.strerror or error)
            self._page = None


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which has imported IPython by then."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
