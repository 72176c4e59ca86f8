"""Commands that are run in this process."""

from __future__ import annotations

import pytest

from tests.cli.support import Bad, Refusal, Refused, Run, ends
from tsla import cli


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
def refused(refusal: Refusal) -> Refused:
    """A bad command is refused in the name of its subcommand, if there is one, and the line says what it must."""

    def check(bad: Bad) -> None:
        line, name = refusal(bad.argv), bad.argv[0]
        assert line.startswith(f"tsla {name}" if name in cli.COMMANDS else "tsla:")
        for words in bad.says:
            assert words in line

    return check
