"""Commands that are run in this process."""

from __future__ import annotations

import pytest

from tests.cli.support import Refusal, Run, ends


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must succeed, and say nothing beside its output but how far it is; returns the output."""

    def call(command: str) -> str:
        assert ends(command.split()) == 0
        out, err = capsys.readouterr()
        assert [line for line in err.splitlines() if not line.startswith(f"{command.split()[0]}: ")] == []
        return out

    return call


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Run a command that must be refused as every command must; returns the line."""

    def call(argv: list[str]) -> str:
        code = ends(argv)
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        return err.strip()

    return call
