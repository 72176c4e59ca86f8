"""C17 and C2 on the digits record: what smoothing did to the variance there, with paired intervals. E1-E5 are for the study to decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT
from tsla.empirics.moments.columns import measured, moments_of
from tsla.empirics.runs import records
from tsla.figures.digits import over_seeds
from tsla.theory import smoothing
from tsla.theory.moments import Moments, Value
from tsla.theory.testing.planted import Rejects

RECORD = records.read(ROOT / "records" / "digits.parquet")
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


Beyond = Callable[[Moments, float], Value]
PATHS = {"sgd": "plain SGD", "lsr": "LSR"}


def is_what_the_ratios_leave(beyond: Beyond) -> None:
    """The ratio of the smoothed direction less that of the control, at every measured point, for single examples and for batches."""
    for batch_size in (1, B):
        rows = variance(batch_size)
        batch = moments_of(rows).at_batch_size(batch_size)
        for said in (rows["beyond"], beyond(batch, THETA) / batch.s2):
            assert np.allclose(rows["ratio"] - rows["shrink_ratio"], said, atol=1e-12)


@pytest.mark.claim("C17", "measurement")
@pytest.mark.parametrize("method", PATHS)
@pytest.mark.parametrize("batch_size", [1, B])
def test_what_is_left_beyond_shrinking(method: str, batch_size: int, evidence: Callable[..., None]) -> None:
    is_what_the_ratios_leave(Moments.beyond)
    rows = variance(batch_size)
    start, end = (over_seeds(rows, "beyond", method=method, epoch=epoch) for epoch in (0, LAST))
    evidence(
        f"On the digits record, in batches of {batch_size} along the path of {PATHS[method]}, smoothing changes the variance by {start} of "
        f"plain SGD's at the start and by {end} at the end, beyond what a smaller step does. Less than 0 is good. "
        "The intervals are of 95 % over the seeds.",
        **({"headline": f"variance {end} beyond a smaller step"} if (method, batch_size) == ("lsr", B) else {}),
    )


@pytest.mark.claim("C17", "measurement", planted=True)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda m, theta: replace(m, grad2=0.0).beyond(theta),  # beyond (1-θ)²s² alone, as if the control had no bias
        lambda m, theta: replace(m, c=m.c / 2).beyond(theta),
    ],
)
def test_wrong_differences_are_rejected(wrong: Beyond, rejects: Rejects) -> None:
    rejects(is_what_the_ratios_leave, right=Moments.beyond, wrong=wrong)


THETAS = np.linspace(0, 1, 21)


def lemma_holds(factor: float) -> np.ndarray:
    """Exact second moment over ``factor`` times the lemma's V, at every measured point of every run and at 21 strengths."""
    rows = RECORD.table.dropna(subset="s2")
    found, thetas = moments_of(rows), THETAS[:, None]
    ratio = (found.second_moment(thetas) / (factor * smoothing.lemma(found.s2, found.delta, thetas))).T
    assert (ratio <= 1 + 1e-12).all()
    return ratio


@pytest.mark.claim("C2", "measurement")
def test_the_lemma_bounds_the_measured_second_moment(evidence: Callable[..., None]) -> None:
    ratio = lemma_holds(1.0)
    part = f"{ratio.min():.2g} to {ratio.max():.3g}"
    evidence(
        f"On the digits record the exact second moment is {part} of V, at {len(ratio)} measured points and {len(THETAS)} strengths θ.",
        headline=f"measured at {part} of V",
    )


@pytest.mark.claim("C2", "measurement", planted=True)
@pytest.mark.parametrize("factor", [0.5, 0.99])
def test_a_smaller_lemma_is_refuted(factor: float, rejects: Rejects) -> None:
    rejects(lemma_holds, right=1.0, wrong=factor)
