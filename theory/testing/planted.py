"""Planted errors: a check worth having passes what is right and rejects a wrong version of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from sysconfig import get_path
from typing import Protocol, TypeVar

import pytest
from hypothesis import Phase, settings

TESTING = Path(__file__).parent
LIBRARIES = (*(Path(get_path(name)) for name in ("stdlib", "purelib", "platlib")), TESTING.parent.parent)
"""Where a check of somebody's does not stand: Python, what is installed, and tsla but for this package."""
SEARCH = 40
"""So many times as many examples as usual are tried for an error, which only has to be found: the search ends at the first."""
Subject = TypeVar("Subject")
Version = TypeVar("Version", bound=Hashable)


def assert_rejects(check: Callable[[Subject], object], wrong: Subject) -> None:
    """``check(wrong)`` must fail by an assertion."""
    with _examples(SEARCH), pytest.raises(AssertionError):
        check(wrong)


class Rejects(Protocol):
    """What the fixture ``rejects`` gives: :func:`tells_apart`, whose call is reported, so that the planted error counts."""

    def __call__(self, check: Callable[[Version], object], *, right: Version, wrong: Version) -> AssertionError:
        """The failure of ``check`` on the wrong version."""


def tells_apart(check: Callable[[Version], object], *, right: Version, wrong: Version) -> AssertionError:
    """``check`` passes ``right`` and fails on ``wrong``, by an assertion of its own and not by an accident. Returns its failure.

    Both are what goes in at the front: code, a formula of the claim, or a name or number that one is made from. A table of what was found
    is not hashable and raises TypeError, for an outcome that is edited shows nothing of how it was found.
    """
    for version in (right, wrong):
        try:
            hash(version)
        except TypeError:
            raise TypeError(f"a {type(version).__name__} is no version of code or claim: plant the error where it is made") from None
    _passes(check, right)
    with _examples(SEARCH), pytest.raises(AssertionError) as failure:
        check(wrong)
    where = Path(failure.traceback[-1].path)
    if TESTING not in where.parents and any(library in where.parents for library in LIBRARIES):
        raise AssertionError(f"not the check failed, but something in {where}")
    return failure.value


@cache
def _passes(check: Callable[[Version], object], right: Version) -> None:
    """Once for all errors that are planted in the same thing, on some examples: a test of its own tries them all."""
    with _examples(0.4):
        check(right)


@contextmanager
def _examples(times: float) -> Generator[None, None, None]:
    """So many times as many examples of a property as usual, and no time for shrinking the first that fails."""
    usual = settings.get_current_profile_name()
    parent = settings.get_profile(usual)
    settings.register_profile("planted", parent, phases=[Phase.explicit, Phase.generate], max_examples=round(times * parent.max_examples))
    settings.load_profile("planted")
    try:
        yield
    finally:
        settings.load_profile(usual)
