"""Tests that carry the claim which they are evidence for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tsla.theory.testing.planted import Rejects


def of_claims(claims: Iterable[str], kind: str, *, planted: bool = False) -> list[Any]:
    """A parameter a claim; "C15a" is of C15."""
    return [pytest.param(c, marks=pytest.mark.claim(c.rstrip("abc"), kind, planted=planted)) for c in claims]


def properties(
    claim: str, right: Any, checks: Mapping[Callable[[Any], None], Iterable[Any]], *, found: str = "", **said: Any
) -> Callable[..., None]:
    """Tests that ``right`` passes each of ``checks``, which report what was ``found``, and that each rejects its wrong versions.

    said: what else they report, as the fixture ``evidence`` takes it
    """
    cases = []
    for check, versions in checks.items():
        cases.append(pytest.param(check, None, marks=pytest.mark.claim(claim, "property"), id=check.__name__))
        cases += [pytest.param(check, version, marks=pytest.mark.claim(claim, "property", planted=True)) for version in versions]

    @pytest.mark.parametrize(("check", "wrong"), cases)
    def test(check: Callable[[Any], None], wrong: Any, rejects: Rejects, evidence: Callable[..., None]) -> None:
        if wrong is not None:
            rejects(check, right=right, wrong=wrong)
        else:
            check(right)
            if found:
                evidence(found, **said)

    return test
