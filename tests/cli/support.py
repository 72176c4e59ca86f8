"""What the tests of the command line share: how a command ends, one that must be refused, and its answer read as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tsla import cli
from tsla.theory.commands.answer import SCHEMA
from tsla.theory.text import Json

Run = Callable[[str], str]
Refusal = Callable[[list[str]], str]
Refused = Callable[["Bad"], None]


def ends(argv: list[str]) -> int:
    """The exit code of a command."""
    try:
        return cli.main(argv)
    except SystemExit as end:
        return int(str(end.code or 0))


def as_json(out: str) -> Json:
    assert out.count("\n") == 1
    found = json.loads(out, parse_constant=pytest.fail)  # no NaN or Infinity, which are not JSON
    assert isinstance(found, dict)
    assert found.pop("schema") == SCHEMA
    return found


@dataclass(frozen=True)
class Bad:
    """A command with its options, and what the refusal must say: the argument, its value, what is allowed."""

    command: str
    options: dict[str, str]
    says: tuple[str, ...]

    @property
    def argv(self) -> list[str]:
        return [*self.command.split(), *(word for name, value in self.options.items() for word in (f"--{name}", value))]

    def __str__(self) -> str:
        """The name of its test."""
        return " ".join(self.argv)[-60:]
