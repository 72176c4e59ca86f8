"""The record of all certificates: of the modules that there are now, all holding, every planted error refuted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tsla.empirics import records
from tsla.theory.certificates import groups
from tsla.theory.claims import BY_ID

RECORD = records.read(Path(__file__).parents[2] / "records" / "certificates.parquet")
WORST = RECORD.table.dropna(subset=["value", "bound"])


def test_the_record_is_of_all_modules() -> None:
    assert tuple(config["group"] for config in RECORD.config["configs"]) == groups()


def test_everything_holds_and_every_planted_error_is_refuted() -> None:
    table = RECORD.table
    assert table[~table["holds"]]["name"].tolist() == []
    assert table[table["rejected"] < table["planted"]]["name"].tolist() == []
    assert set(table["claim"]) == {f"C{i}" for i in range(1, 18)}


@pytest.mark.parametrize(
    "claim",
    [pytest.param(c, marks=pytest.mark.claim(c, "worst case")) for c in sorted(set(WORST["claim"]), key=list(BY_ID).index)],
)
def test_worst_cases(claim: str, evidence: Callable[..., None]) -> None:
    rows = WORST[WORST["claim"] == claim]
    ratio = rows["value"] / rows["bound"]
    tight = rows["guarantee"] == "tight"
    assert (ratio <= 1 + 1e-6).all()
    assert ((ratio - 1).abs()[tight] <= 1e-6).all()
    found = f"{tight.sum()} of {len(rows)} tight to 1e-6" if tight.any() else f"at most {ratio.max():.1%} of the bound attained"
    evidence(f"worst cases: {found}")
