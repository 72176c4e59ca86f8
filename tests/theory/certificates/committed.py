"""The committed record of the certificates, and whether what is found here and now is what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from tsla.empirics.runs import records
from tsla.theory.certificates import Certificate, certify
from tsla.theory.claims import CLAIMS
from tsla.theory.methods import declared

RECORD = records.read(Path(__file__).parents[3] / "records" / "certificates.parquet")
SAID = ("kind", "statement", "guarantee", "holds", "rejected", "planted", "axiom")
FOUND = ("value", "bound")
TO_CERTIFY = {claim.id for claim in CLAIMS if not claim.of_training} - {method.claim for method in declared() if method.statement}
"""Claims that need a certificate. A bound that states its claim itself may do without."""


@cache
def outcomes(group: str) -> tuple[Certificate, ...]:
    return tuple(certify(group))


def assert_recorded(certificates: Iterable[Certificate], table: pd.DataFrame = RECORD.table) -> None:
    """Each has a row, which says the same of it, and has the same numbers to 1e-6."""
    rows = {(row["claim"], row["name"]): row for row in table.to_dict("records")}
    for certificate in certificates:
        fresh, recorded = asdict(certificate), rows.get((certificate.claim, certificate.name), {})
        assert {name: recorded.get(name) for name in SAID} == {name: fresh[name] for name in SAID}
        for name in FOUND:
            expected = float("nan") if fresh[name] is None else fresh[name]
            assert recorded[name] == pytest.approx(expected, rel=1e-6, nan_ok=True), f"{certificate.claim} {certificate.name}: {name}"


def recorded(kind: str) -> set[tuple[str, str]]:
    """Claim and name of all certificates of a kind."""
    rows = RECORD.table[RECORD.table["kind"] == kind]
    return set(zip(rows["claim"], rows["name"], strict=True))
