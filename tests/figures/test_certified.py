"""The rows that `tsla certify` prints, and what counts as a failure."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

from tests.figures.miniature import CERTIFICATES
from tsla.empirics.runs import records
from tsla.figures import certified
from tsla.theory.certificates import Certificate

HOLDING = replace(CERTIFICATES[1], rejected=2, planted=2)


def test_a_row_a_claim_and_nothing_below_it() -> None:
    composite = replace(CERTIFICATES[0], guarantee="composite", rejected=3, planted=3)
    others = [replace(HOLDING, guarantee="lower", rejected=0, planted=0), composite, replace(composite, claim="C5", holds=False)]
    head, *rows = certified.summary([*CERTIFICATES, HOLDING, *others]).splitlines()[:5]
    assert head.split("  ")[1:2] == ["claim"]
    expected = [
        "C3 1 of 1 1 of 1 3 of 3",
        "C4 2 upper + 1 lower of 3 2 of 2",
        "C5 0 of 1 3 of 3",
        "C15 1 tight of 1",
    ]
    assert [" ".join(row.split()) for row in rows] == expected


@pytest.mark.parametrize(
    ("failing", "line"),
    [
        (replace(HOLDING, holds=False, reason="no"), "C4 worst case, T = 2: does not hold: no"),
        (replace(HOLDING, rejected=1, reason="one is left"), "C4 worst case, T = 2: wrong versions survive: one is left"),
    ],
)
def test_a_failure_has_a_line(failing: Certificate, line: str) -> None:
    assert certified.failures([HOLDING, failing]) == [failing]
    assert certified.summary([HOLDING, failing]).splitlines()[-1] == line


def test_a_record_from_before_there_were_reasons_can_be_read(tmp_path: Path) -> None:
    table = pd.DataFrame(map(asdict, CERTIFICATES)).drop(columns="reason")
    records.write(tmp_path / "old.parquet", table, {}, "tsla records certificates")
    found = certified.read(tmp_path / "old.parquet")
    assert [(c.name, c.holds, c.reason) for c in found] == [(c.name, c.holds, "") for c in CERTIFICATES]
