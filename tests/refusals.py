"""Tests of what is refused: each bad argument by one line that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def refusals(call: Callable[..., object], *rows: tuple[Any, ...]) -> Callable[[tuple[Any, ...]], None]:
    """A test that ``call(*given)`` raises a ValueError of one line, in which the pattern is found, for each row ``(*given, pattern)``."""

    @pytest.mark.parametrize("row", rows, ids=[row[-1] for row in rows])
    def test(row: tuple[Any, ...]) -> None:
        *given, pattern = row
        with pytest.raises(ValueError, match=pattern) as refusal:
            call(*given)
        assert "\n" not in str(refusal.value)

    return test
