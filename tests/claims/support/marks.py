"""Tests that carry the claim which they are evidence for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.planted import Rejects


def of_claims(claims: Iterable[str], kind: str, *, planted: bool = False) -> list[Any]:
    """A parameter a claim; "C15a" is of C15."""
    return [pytest.param(c, marks=pytest.mark.claim(c.rstrip("abc"), kind, planted=planted)) for c in claims]


def properties(claim: str, right: Any, wrong: Mapping[Callable[[Any], None], Iterable[Any]], *, found: str = "") -> Callable[..., None]:
    """Tests that ``right`` passes each check, which report what was ``found``, and that each check rejects its ``wrong`` versions."""
    cases = [
        pytest.param(check, version, marks=pytest.mark.claim(claim, "property", planted=version is not right))
        for check, versions in wrong.items()
        for version in (right, *versions)
    ]

    @pytest.mark.parametrize(("check", "version"), cases)
    def test(check: Callable[[Any], None], version: Any, rejects: Rejects, evidence: Callable[..., None]) -> None:
        if version is not right:
            rejects(check, right=right, wrong=version)
        else:
            check(right)
            if found:
                evidence(found)

    return test
