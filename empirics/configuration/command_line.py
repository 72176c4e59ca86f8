"""The fields of a configuration as a command line: what runs it again, without a file."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import Any

ALL = "all"
"""What a size that is None is called by users."""


def command_line(given: Mapping[str, Any]) -> str:
    """What makes the record again, without a file of configuration."""
    return " ".join(["tsla train", *(_option(f"--{name.replace('_', '-')}", value) for name, value in given.items())])


def _option(name: str, value: object) -> str:
    if isinstance(value, bool):
        return name if value else name.replace("--", "--no-", 1)
    if isinstance(value, tuple | list):
        return f"{name}={','.join(map(str, value))}"
    return f"{name} {ALL if value is None else quote(str(value))}"
