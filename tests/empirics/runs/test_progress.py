"""Progress goes to standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from tsla.empirics.runs import progress
from tsla.empirics.runs.progress import Progress


@pytest.mark.parametrize(
    ("seconds", "total", "lines"),
    [
        ((0, 2, 4, 6, 8, 10), 5, ["runs: 3/5, 6 s, about 4 s left (part 3)", "runs: 5/5, 10 s, about 0 s left (part 5)"]),
        ((100, 130), 4, ["runs: 1/4, 30 s, about 90 s left (part 1)"]),
        ((0, 0, 0), 2, ["runs: 2/2, 0 s, about 0 s left (part 2)"]),
        ((0,), 0, []),  # nothing to do
    ],
)
def test_lines_are_five_seconds_apart_and_the_last_always_comes(
    seconds: tuple[int, ...], total: int, lines: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock shows these times, one at each look: at the start, and as each part is done."""
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=iter(seconds).__next__))
    with Progress("runs", total=total) as shown:
        for i in range(1, len(seconds)):
            shown.advance(f"part {i}")
    assert capsys.readouterr() == ("", "".join(f"{line}\n" for line in lines))


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


@pytest.mark.parametrize("title", ["train", "a title that is longer than what there is room for beside the bar"])
def test_a_bar_fits_80_columns(title: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is said: the words are cut, and not the bar and the count."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with Progress(title, total=1200) as shown:
        shown.advance("epoch 3, loss 0.1234, test accuracy 0.98, step size 0.1, theta 0.3, delta 0.2")
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", capsys.readouterr().err))
    assert max(map(len, lines)) == 80
    assert any(re.match(rf"[━╸╺]{{20}} +1/1200 .*{title[:20]}.*…$", line) for line in lines)


def test_an_exception_passes_through() -> None:
    with pytest.raises(KeyError, match="inside"), Progress("runs", total=1):
        raise KeyError("inside")
