"""C17 and C2 on the digits record: what smoothing did to the variance there, with paired intervals. E1-E5 are for the study to decide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.planted import Rejects
from tsla.empirics.moments.columns import measured
from tsla.empirics.runs import records
from tsla.figures.digits import over_seeds
from tsla.theory import shrinkage, smoothing
from tsla.theory.constants import Array

RECORD = records.read(Path(__file__).parents[2] / "records" / "digits.parquet")
CONFIG = RECORD.config["configs"][0]
THETA, B, LAST = CONFIG["theta"], CONFIG["batch_size"], CONFIG["epochs"]


def variance(batch_size: int) -> pd.DataFrame:
    return measured(RECORD.table, theta=THETA, batch_size=batch_size)


def test_the_record_is_paired_and_large_enough() -> None:
    seeds = RECORD.table.groupby("method")["seed"].agg(lambda s: tuple(sorted(s.unique())))
    assert seeds.nunique() == 1
    assert len(seeds.iloc[0]) >= 10
    start = RECORD.table[RECORD.table["epoch"] == 0].groupby("seed")["train_loss"]
    assert (start.nunique() == 1).all(), "arms of one seed start from the same weights and data"


Beyond = Callable[[Array, Array, Array, float], Array]


def is_what_the_ratios_leave(beyond: Beyond) -> None:
    """The ratio of the smoothed direction less that of the control, at every measured point, for single examples and for batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shrinkage, "beyond", beyond)
        for batch_size in (1, B):
            rows = variance(batch_size)
            assert np.allclose(rows["ratio"] - rows["shrink_ratio"], rows["beyond"], atol=1e-12)


@pytest.mark.claim("C17", "measurement")
@pytest.mark.parametrize("method", ["sgd", "lsr"])
@pytest.mark.parametrize("batch_size", [1, B])
def test_what_is_left_beyond_shrinking(method: str, batch_size: int, evidence: Callable[..., None]) -> None:
    is_what_the_ratios_leave(shrinkage.beyond)
    rows = variance(batch_size)
    start, end = (over_seeds(rows, "beyond", method=method, epoch=epoch) for epoch in (0, LAST))
    evidence(f"digits, path of {method}, B = {batch_size}: beyond shrinking {start} at the start, {end} at the end")


def beyond_plain(shat2: Array, c: Array, grad2: Array, theta: float) -> Array:
    """Beyond (1-θ)²s² alone, as if the control had no bias."""
    return theta**2 * shat2 + 2 * theta * (1 - theta) * c


def covariance_once(shat2: Array, c: Array, grad2: Array, theta: float) -> Array:
    return theta**2 * (shat2 - grad2) + theta * (1 - theta) * c


@pytest.mark.claim("C17", "measurement", planted=True)
@pytest.mark.parametrize("wrong", [beyond_plain, covariance_once])
def test_wrong_differences_are_rejected(wrong: Beyond, rejects: Rejects) -> None:
    rejects(is_what_the_ratios_leave, right=shrinkage.beyond, wrong=wrong)


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
def test_a_smaller_lemma_is_refuted(factor: float, rejects: Rejects) -> None:
    rejects(lemma_holds, right=1.0, wrong=factor)
