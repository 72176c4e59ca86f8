"""C13: on its instance LSR really stalls where it says, and dropping the smoothing cures it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from tests.conftest import ROOT
from tsla.empirics.runs import records
from tsla.theory.testing.planted import Rejects

RECORD = records.read(ROOT / "records" / "stall.parquet")
CONFIG = RECORD.config["configs"][0]
SIGMA2, BETA2 = CONFIG["oracle"]["sigma2"], CONFIG["oracle"]["beta2"]
DELTA = BETA2 / SIGMA2
THETA = 1 / (1 + DELTA)


def path(method: str) -> pd.DataFrame:
    return RECORD.table[RECORD.table["method"] == method]


def stalls(method: str) -> None:
    """Over the whole second half of the run, on a logarithmic scale, the gradient stays at θ²δσ² or above and the target is missed."""
    rows = path(method)
    late = rows[rows["step"] >= rows["step"].max() ** 0.5]
    assert len(late) >= 10
    assert (late["high"] >= THETA**2 * DELTA * SIGMA2).all()
    assert (late["low"] > CONFIG["eps"] ** 2).all()


@pytest.mark.claim("C13", "Monte Carlo")
def test_lsr_stalls(evidence: Callable[..., None]) -> None:
    stalls("lsr")
    rows = path("lsr")
    last, floor = rows.iloc[-1], rows["floor"].iloc[0]
    assert last["high"] >= floor / (2 * (1 + DELTA))
    assert last["low"] <= floor
    above, of_bound = last["grad2"] / (THETA**2 * BETA2), last["grad2"] / floor
    evidence(
        f"In runs, LSR's ‖∇F‖² stays at {last['grad2']:.2g}. That is {above:.2f} times θ²δσ², and {of_bound:.2f} of C5's floor V(θ).",
        headline=f"LSR stalls at {of_bound:.2f} of C5's floor",
    )


@pytest.mark.claim("C13", "Monte Carlo")
def test_tsla_is_the_cure(evidence: Callable[..., None]) -> None:
    last = path("tsla").iloc[-1]
    assert last["high"] < CONFIG["eps"] ** 2
    assert last["high"] < path("lsr").iloc[-1]["low"] / 10
    evidence(f"TSLA, which drops the smoothing, falls to {last['grad2']:.2g} on the same instance.")


@pytest.mark.claim("C13", "Monte Carlo", planted=True)
@pytest.mark.parametrize("method", ["sgd", "tsla", "sgd-pl"])
def test_methods_that_do_not_stall_are_told_apart(method: str, rejects: Rejects) -> None:
    rejects(stalls, right="lsr", wrong=method)
