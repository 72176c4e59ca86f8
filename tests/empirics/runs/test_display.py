"""A text is replaced wherever it can be, and a page is whole at every moment."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tsla.empirics.runs.display import Display


class ZMQInteractiveShell:
    """What the kernel of a notebook runs."""


class Notebook:
    """An IPython of a notebook's kernel, with one cell."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.display = SimpleNamespace(display=self._shown)

    @staticmethod
    def get_ipython() -> object:
        return ZMQInteractiveShell()

    def _shown(self, data: dict[str, str], *, raw: bool, display_id: bool) -> SimpleNamespace:
        assert (raw, display_id) == (True, True)
        self.cells.append(data["text/plain"])

        def update(data: dict[str, str], *, raw: bool) -> None:
            self.cells[-1] = data["text/plain"]

        return SimpleNamespace(update=update)


def test_a_pipe_gets_a_line_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    for i in (1, 2):
        display.show(f"text {i}\nof two lines", f"line {i}")
    assert capsys.readouterr() == ("", "line 1\nline 2\n")


def test_a_terminal_has_the_last_text_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if standard error were a terminal
    monkeypatch.setenv("TERM", "xterm")
    display = Display()
    for i in (1, 2):
        display.show(f"text {i}\nof two lines", "line")
        sys.stdout.write(f"{i}\n")
    display.close()
    out, shown = capsys.readouterr()
    assert out == "1\n2\n"
    assert shown.index("text 1") < shown.index("\x1b[1A") < shown.index("text 2")  # the cursor goes up between them
    assert "\nline" not in shown


def test_a_notebook_has_one_cell_that_changes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "IPython", notebook := Notebook())  # type: ignore[arg-type]
    display = Display()
    for i in (1, 2):
        display.show(f"text {i}", "line")
    assert notebook.cells == ["text 2"]
    assert capsys.readouterr() == ("", "")


def test_a_page_is_replaced_and_reads_itself_again(tmp_path: Path) -> None:
    display = Display(page := tmp_path / "live.html")
    for i in (1, 2):
        display.show(f"θ < {i}", f"line {i}")
    text = page.read_text(encoding="utf-8")
    assert re.search(r'<meta http-equiv="refresh" content="\d+">', text)
    assert "<pre>θ &lt; 2</pre>" in text
    assert [path.name for path in tmp_path.iterdir()] == ["live.html"]


def test_a_page_that_can_not_be_written_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="that is a folder; must be a file"):
        Display(tmp_path)
    display = Display(page := tmp_path / "folder" / "live.html")
    display.show("1", "1")
    page.unlink()
    page.mkdir()
    for i in (2, 3):
        display.show(str(i), str(i))
    assert caplog.text.count("can't be written any more") == 1
