"""The record of all certificates: of the modules that there are now, all holding, every planted error refuted.

That it says what the certificates give is tested where they are run: all of algebra and rounding, and the short worst cases of each module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.claims.support.marks import of_claims
from tests.theory.certificates.committed import RECORD, TO_CERTIFY, assert_recorded
from tsla.figures.evidence import WORST as WORST_CASE
from tsla.theory.certificates import certify, groups
from tsla.theory.claims import BY_ID
from tsla.theory.testing.planted import assert_rejects

WORST = RECORD.table.dropna(subset=["value", "bound"])


def test_the_record_is_of_all_modules_and_everything_holds_and_every_planted_error_is_refuted() -> None:
    assert tuple(config["group"] for config in RECORD.config["configs"]) == groups()
    table = RECORD.table
    assert table[~table["holds"]]["name"].tolist() == []
    assert table[table["rejected"] < table["planted"]]["name"].tolist() == []
    assert set(table["claim"]) >= TO_CERTIFY


@pytest.mark.parametrize("claim", of_claims(sorted(set(WORST["claim"]), key=list(BY_ID).index), "worst case"))
def test_worst_cases(claim: str, evidence: Callable[..., None]) -> None:
    rows = WORST[WORST["claim"] == claim]
    ratio = rows["value"] / rows["bound"]
    tight, below = rows["guarantee"] == "tight", rows["guarantee"] != "lower"
    assert (ratio <= 1 + 1e-6)[below].all()
    assert (ratio >= 1 - 1e-6)[~below].all()
    assert ((ratio - 1).abs()[tight] <= 1e-6).all()
    found = f"In {below.sum()} programs of a few steps the worst case nowhere exceeds the bound."
    found += f" In {tight.sum()} it equals the bound to 1e-6." if tight.any() else f" It is at most {ratio[below].max():.4g} of it."
    found += "" if below.all() else f" In {(~below).sum()} it is at least what an instance is said to have."
    evidence(found, tightness={WORST_CASE: ratio[below].max()})


WRONG: list[dict[str, Any]] = [
    {"holds": False},
    {"value": 5 * (1 + 1e-5)},
    {"value": float("nan")},
    {"bound": 4.0},
    {"rejected": 0},
    {"statement": "F(w - ηd) ≤ F(w)"},
    {"name": "under another name"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(*wrong))
def test_a_record_that_says_something_else_is_rejected(wrong: dict[str, Any]) -> None:
    fresh = [certificate for certificate in certify("worst_case.one_step") if "all directions" in certificate.name]
    assert_recorded(fresh)
    row = RECORD.table[RECORD.table["name"] == fresh[0].name].index
    table = RECORD.table.copy()
    table.loc[row, list(wrong)] = list(wrong.values())
    assert_rejects(lambda table: assert_recorded(fresh, table), pd.DataFrame(table))
