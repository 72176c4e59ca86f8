"""The comparison of killed runs with undisturbed ones sees a difference."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.benchmarks import kill_resume
from tsla import cli

RUN = "--method sgd --epochs 1 --train-size 20 --model mlp --measure-at 1"


def in_process(folder: Path, options: str) -> nullcontext[SimpleNamespace]:
    """Stands in for a process: it runs at once, with other options in the folder that is called 1."""
    other = " --seed 5" if folder.name == "1" else ""
    code = cli.main(f"train {options}{other} --out {folder / 'out'} --checkpoint {folder / 'checkpoint'}".split())
    return nullcontext(SimpleNamespace(wait=lambda: code))


def test_what_it_says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ended = iter([None, "here", "there"])
    monkeypatch.setattr(kill_resume, "started", in_process)
    monkeypatch.setattr(kill_resume, "killed", lambda *_: next(ended))
    assert kill_resume.main(["--runs", "2", "--run", RUN]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" s, ")[1] for line in lines if line.startswith("killed")] == ["here: the same bits", "there: OTHER BITS"]
    assert lines[-1] == "1 of 2 runs that were killed ended with the bits of an undisturbed one"


def test_a_command_that_fails_is_no_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kill_resume, "started", lambda *_: nullcontext(SimpleNamespace(wait=lambda: 2)))
    with pytest.raises(RuntimeError, match="ended with 2"):
        kill_resume.undisturbed(tmp_path, RUN)
