"""Planted errors: a check worth having passes what is right and rejects a wrong version of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import pytest

Subject = TypeVar("Subject")
Version = TypeVar("Version")


def assert_rejects(check: Callable[[Subject], object], wrong: Subject) -> None:
    """``check(wrong)`` must fail by an assertion of its own, not by an accident."""
    with pytest.raises(AssertionError):
        check(wrong)


class Rejects(Protocol):
    """What the fixture ``rejects`` gives: the check passes ``right`` and rejects ``wrong``."""

    def __call__(self, check: Callable[[Version], object], *, right: Version, wrong: Version) -> None: ...
