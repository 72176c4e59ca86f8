"""Training mode beside fixed statistics: the rows of the experiment."""

from __future__ import annotations

import pandas as pd

from tsla.empirics.experiments import batch_norm
from tsla.empirics.experiments.registry import EXPERIMENTS
from tsla.theory.moments import MOMENTS


def test_three_rows() -> None:
    config = EXPERIMENTS["batch_norm"].configs[-1] | {"train_size": 40, "epochs": 1, "batch_size": 8, "batches": 8, "widths": [4, 4]}
    table = batch_norm.run(config)
    assert list(table["statistics"]) == ["evaluation", "batch", "training"]
    assert (set(table["epochs"]), set(table["batch_size"])) == ({1}, {8})
    exact, sampled = table.iloc[:2], table.iloc[2]
    for name in (*MOMENTS, "delta"):
        assert (exact[name] == exact[f"{name}_low"]).all()
        assert (exact[name] == exact[f"{name}_high"]).all()
        assert sampled[f"{name}_low"] < sampled[name] < sampled[f"{name}_high"]
    assert table["s2"].nunique() == 3
    pd.testing.assert_frame_equal(table, batch_norm.run(config))
