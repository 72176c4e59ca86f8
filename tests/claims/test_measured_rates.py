"""C9, C12 and C15 against the samples that were really needed, and what the one-sided tests refute when constants are halved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.planted import assert_rejects
from tsla.empirics import rate_verdicts, records

RECORDS = Path(__file__).parents[2] / "records"
METHODS = {
    "C9": ("sgd", "tsla", "lsr"),
    "C12": ("smoothed-pl",),
    "C15": ("sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr-pl"),
}
HALVED = ("C4", "C5", "C7", "C8", "C12", "C16")


def table(name: str) -> pd.DataFrame:
    return records.read(RECORDS / f"{name}.parquet").table


def curves(claim: str) -> list[pd.DataFrame]:
    """A table a method, problem and regime of delta."""
    rows = table("measured_rates")
    return [curve for _, curve in rows[rows["method"].isin(METHODS[claim])].groupby(["method", "problem", "q", "scale"], sort=False)]


def none_is_refuted(found: list[pd.DataFrame]) -> None:
    assert found
    assert not [rate_verdicts.verdict(curve) for curve in found if rate_verdicts.verdict(curve) == rate_verdicts.REFUTED]


def steeper(curve: pd.DataFrame) -> pd.DataFrame:
    """As if the samples had grown by half a power of eps more than planned."""
    names = [f"{kind}{end}" for kind in ("exponent", "single_exponent") for end in ("", "_low", "_high")]
    return curve.assign(**dict.fromkeys(names, curve["planned_exponent"] + 0.5))


def later(curve: pd.DataFrame) -> pd.DataFrame:
    """As if the plan's end had missed its target."""
    return curve.assign(at_end_low=1.1 * curve["eps"] ** 2)


def marked(*claims: str, planted: bool = False) -> list[object]:
    return [pytest.param(c, marks=pytest.mark.claim(c, "Monte Carlo", planted=planted)) for c in claims]


@pytest.mark.parametrize("claim", marked(*METHODS))
def test_no_rate_is_refuted(claim: str, evidence: Callable[..., None]) -> None:
    found = curves(claim)
    none_is_refuted(found)
    verdicts = [rate_verdicts.verdict(curve) for curve in found]
    evidence(f"measured rates: {verdicts.count(rate_verdicts.ATTAINED)} of {len(found)} attained, the others faster than the bound")


@pytest.mark.parametrize("plant", [steeper, later])
@pytest.mark.parametrize("claim", marked(*METHODS, planted=True))
def test_a_rate_that_is_exceeded_is_refuted(claim: str, plant: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    for curve in curves(claim):
        if np.isfinite(curve["planned"]).all() and (
            plant is later or (curve["predicted"].iloc[0] > 0 and not rate_verdicts.by_single_iterate(curve))
        ):
            assert_rejects(none_is_refuted, [plant(curve)])


def halved_bounds_are_refuted(rows: pd.DataFrame) -> None:
    assert len(rows) >= 1
    assert rows["refuted"].all()
    assert (rows["p_bound"] > 0.001).all()


@pytest.mark.parametrize("claim", marked(*HALVED))
def test_a_halved_bound_is_refuted_and_the_bound_is_not(claim: str, evidence: Callable[..., None]) -> None:
    rows = table("power_of_tests")
    rows = rows[rows["claim"] == claim]
    halved_bounds_are_refuted(rows)
    evidence(
        f"half of it is refuted with p <= {max(rows['p_value'].max(), 1e-300):.0e}; nearest instance at {rows['ratio'].max():.3f} of it"
    )


@pytest.mark.parametrize("claim", marked(*HALVED, planted=True))
def test_a_loose_instance_refutes_nothing(claim: str) -> None:
    rows = table("power_of_tests")
    rows = rows[rows["claim"] == claim]
    assert_rejects(halved_bounds_are_refuted, rows.assign(refuted=False))
    assert_rejects(halved_bounds_are_refuted, rows.assign(p_bound=0.0))
