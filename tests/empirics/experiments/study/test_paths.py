"""Along the paths of the study runs are paired by their seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsla.empirics.experiments.study.paths import variance_at_equal_epoch

SEEDS = range(5)
PATHS = pd.DataFrame(
    [
        {"setting": "s", "arm": arm, "epoch": epoch, "seed": seed, "s2": np.exp(seed**2 + epoch + more)}
        for arm, more in (("lsr-0.1", 0.5), ("none", 0.0))
        for epoch in (2, 3)
        for seed in SEEDS
    ]
)
"""Seeds differ by far more than the arms, which differ by 0.5 at each seed."""


def without(arm: str, seed: int) -> pd.Series[bool]:
    return (PATHS["arm"] != arm) | (PATHS["seed"] != seed)


@pytest.mark.parametrize("paths", [PATHS, PATHS[::-1], PATHS[without("none", 2) & without("lsr-0.1", 2)]], ids=["all", "turned", "four"])
def test_equal_epochs_are_paired_by_seed_in_whatever_order(paths: pd.DataFrame) -> None:
    found = variance_at_equal_epoch(paths, "s", "lsr-0.1", 3)
    assert [found.estimate, found.low, found.high] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("lacking", [{"none": 0}, {"lsr-0.1": 4}, {"none": 0, "lsr-0.1": 4}], ids=str)
def test_seeds_that_one_of_the_two_lacks_are_refused(lacking: dict[str, int]) -> None:
    """Also where both have as many."""
    there = np.logical_and.reduce([without(arm, seed) for arm, seed in lacking.items()])
    with pytest.raises(ValueError, match=r"seeds of 'lsr-0.1' = \[.*\] at epoch 3 in 's' must be those of 'none', \["):
        variance_at_equal_epoch(PATHS[there], "s", "lsr-0.1", 3)
