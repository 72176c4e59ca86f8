"""Progress goes to standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tsla.empirics.runs import progress
from tsla.empirics.runs.progress import Progress


def set_clock(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """The clock shows these times, one at each look: at the start, and as each part is done."""
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=iter(seconds).__next__))


def test_lines_are_five_seconds_apart_and_the_last_always_comes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, 0, 2, 4, 6, 8, 10)
    with Progress("runs", total=5) as shown:
        for i in range(5):
            shown.advance(f"part {i}")
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(",")[0] for line in err.splitlines()] == ["runs: 3/5", "runs: 5/5"]


def test_a_line_says_how_far_how_long_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("runs", total=2) as shown:
        shown.advance("first")
        shown.advance("digits sgd 3")
    assert capsys.readouterr().err == "runs: 2/2, 0 s, about 0 s left (digits sgd 3)\n"


def test_time_left_is_in_proportion(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, 100, 130)
    with Progress("runs", total=4) as shown:
        shown.advance("x")
    assert "runs: 1/4, 30 s, about 90 s left (x)" in capsys.readouterr().err


def test_nothing_to_do_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("runs", total=0):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_and_no_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    with Progress("runs", total=2) as shown:
        shown.advance("first")
        shown.advance("second")
    out, err = capsys.readouterr()
    assert out == ""
    assert "runs: second" in err
    assert "2/2" in err
    assert "about" not in err


def test_an_exception_passes_through() -> None:
    with pytest.raises(KeyError, match="inside"), Progress("runs", total=1):
        raise KeyError("inside")
