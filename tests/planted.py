"""Planted errors: a check worth having rejects a wrong version of what it checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

Subject = TypeVar("Subject")


def assert_rejects(check: Callable[[Subject], None], wrong: Subject) -> None:
    """``check(wrong)`` must fail by an assertion of its own, not by an accident."""
    with pytest.raises(AssertionError):
        check(wrong)
