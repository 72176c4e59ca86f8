"""C17 and C2 on the digits record: what smoothing did to the variance there, with paired intervals. E1-E5 are for the study to decide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.planted import assert_rejects
from tsla.empirics import records
from tsla.empirics.analysis import measured, over_seeds
from tsla.empirics.statistics import Interval
from tsla.theory import smoothing

RECORD = records.read(Path(__file__).parents[2] / "records" / "digits.parquet")
CONFIG = RECORD.config["configs"][0]
THETA, B, LAST = CONFIG["theta"], CONFIG["batch_size"], CONFIG["epochs"]


def side(interval: Interval, neutral: float) -> str:
    """On which side of ``neutral`` a 95 % interval lies: "below", "above", or "either"."""
    if float(interval.high) < neutral:
        return "below"
    return "above" if float(interval.low) > neutral else "either"


def variance(batch_size: int) -> pd.DataFrame:
    return measured(RECORD.table, theta=THETA, batch_size=batch_size)


def test_the_record_is_paired_and_large_enough() -> None:
    seeds = RECORD.table.groupby("method")["seed"].agg(lambda s: tuple(sorted(s.unique())))
    assert seeds.nunique() == 1
    assert len(seeds.iloc[0]) >= 10
    start = RECORD.table[RECORD.table["epoch"] == 0].groupby("seed")["train_loss"]
    assert (start.nunique() == 1).all(), "arms of one seed start from the same weights and data"


@pytest.mark.claim("C17", "measurement")
@pytest.mark.parametrize("method", ["sgd", "lsr"])
@pytest.mark.parametrize("batch_size", [1, B])
def test_what_is_left_beyond_shrinking(method: str, batch_size: int, evidence: Callable[..., None]) -> None:
    rows = variance(batch_size)
    assert np.allclose(rows["ratio"] - rows["shrink_ratio"], rows["beyond"], atol=1e-12)
    start, end = (over_seeds(rows, "beyond", method=method, epoch=epoch) for epoch in (0, LAST))
    evidence(f"digits, path of {method}, B = {batch_size}: beyond shrinking {start} at the start, {end} at the end")


@pytest.mark.claim("C17", "measurement", planted=True)
def test_a_variance_that_is_not_lowered_is_seen() -> None:
    """With a smoothing label as bad as δ = 30 the same analysis must not say "below"."""
    rows = RECORD.table.assign(nu2=30 * RECORD.table["s2"], shat2=30 * RECORD.table["s2"] + RECORD.table["beta2"])
    bad = measured(rows, theta=THETA, batch_size=B)
    assert side(over_seeds(bad, "ratio", method="sgd", epoch=1), 1) == "above"
    assert side(over_seeds(bad, "beyond", method="sgd", epoch=1), 0) == "above"


THETAS = np.linspace(0, 1, 21)


def lemma_holds(factor: float) -> np.ndarray:
    """Exact second moment over ``factor`` times the lemma's V, at every measured point of every run and at 21 strengths."""
    rows = RECORD.table.dropna(subset="s2")
    s2, shat2, c = (rows[name].to_numpy()[:, None] for name in ("s2", "shat2", "c"))
    ratio: np.ndarray = smoothing.second_moment(s2, shat2, c, THETAS) / (factor * smoothing.lemma(s2, shat2 / s2, THETAS))
    assert (ratio <= 1 + 1e-12).all()
    return ratio


@pytest.mark.claim("C2", "measurement")
def test_the_lemma_bounds_the_measured_second_moment(evidence: Callable[..., None]) -> None:
    ratio = lemma_holds(1.0)
    evidence(f"digits: exact/lemma {ratio.min():.2g} to {ratio.max():.3g} at {len(ratio)} measured points and {len(THETAS)} strengths")


@pytest.mark.claim("C2", "measurement", planted=True)
@pytest.mark.parametrize("factor", [0.5, 0.99])
def test_a_smaller_lemma_is_refuted(factor: float) -> None:
    assert_rejects(lemma_holds, factor)
