"""A refusal is read by a person: the argument, its value, and what is allowed, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

Value = TypeVar("Value")


def refuses(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


def premises(call: Callable[..., object], *rows: tuple[Any, ...]) -> Callable[..., None]:
    """A test that ``call(*given)`` is refused, word for word, for each row ``(*given, message)``."""

    @pytest.mark.parametrize("row", rows, ids=[row[-1] for row in rows])
    def test(row: tuple[Any, ...]) -> None:
        *given, message = row
        refuses(lambda: call(*given), message)

    return test


def unless_refused(call: Callable[[], Value], words: str) -> Value | None:
    """The value, or None where a ValueError says one of ``words`` (a regular expression)."""
    try:
        return call()
    except ValueError as refusal:
        assert re.search(words, str(refusal)), refusal  # noqa: PT017 - a value is as right as a refusal
        return None
