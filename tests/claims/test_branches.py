"""C12 and C14 against a network: whether their sign, from the moments at a snapshot, came true (docs/branches.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tsla.empirics import records
from tsla.empirics.branches import configs, document, verdict

ROOT = Path(__file__).parents[2]
RECORDS = {network: records.read(ROOT / "records" / f"{name}.parquet") for network, name in document.RECORDS.items()}
PHASES = {"MLP": "confirmatory", "ResNet-8": "resnet8"}
networks = pytest.mark.parametrize("network", document.RECORDS)


@networks
def test_the_records_are_of_the_planned_seeds(network: str) -> None:
    assert RECORDS[network].config["configs"] == list(configs(PHASES[network]))
    assert set(RECORDS[network].table["phase"]) == {PHASES[network]}


@networks
@pytest.mark.parametrize("claim", [pytest.param(c, marks=pytest.mark.claim(c, "measurement")) for c in ("C12", "C14")])
def test_the_sign_from_the_moments_came_true(network: str, claim: str, evidence: Callable[..., None]) -> None:
    """A hit rate decides about a predictor, not about a bound, which is proved: the verdict of the claim is left to its proof."""
    row = document.primary(verdict(RECORDS[network].table))
    hit, above = (f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]" for name in ("hit", "above"))
    evidence(
        f"{network} on digits, {document.PRIMARY['K']} steps from a snapshot: the sign of the floor {document.decided(row)} of ‖∇F‖², "
        f"hit rate {hit}, less the better rule that does not look {above}"
    )


def turned(table: pd.DataFrame) -> pd.DataFrame:
    """As if smoothing had done the opposite."""
    ends = {f"grad2_plain{end}": -table[f"grad2_plain{other}"] for end, other in (("", ""), ("_low", "_high"), ("_high", "_low"))}
    return table.assign(**ends)


@networks
@pytest.mark.parametrize("claim", [pytest.param(c, marks=pytest.mark.claim(c, "measurement", planted=True)) for c in ("C12", "C14")])
def test_the_opposite_would_have_been_seen(network: str, claim: str) -> None:
    table = RECORDS[network].table
    row, other = (document.primary(verdict(found)) for found in (table, turned(table)))
    assert other["hit"] == pytest.approx(1 - row["hit"])
    assert document.decided(other) != document.decided(row)


def test_the_document_has_these_tables() -> None:
    assert document.whole(ROOT / "records") in (ROOT / document.DOCUMENT).read_text(encoding="utf-8")
