"""Parameters that carry the claim which a test of them is evidence for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def of_claims(claims: Iterable[str], kind: str, *, planted: bool = False) -> list[Any]:
    """A parameter a claim; "C15a" is of C15."""
    return [pytest.param(c, marks=pytest.mark.claim(c.rstrip("abc"), kind, planted=planted)) for c in claims]
