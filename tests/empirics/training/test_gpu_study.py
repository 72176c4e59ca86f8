"""The sweep of `make gpu-study` in a small form: its own configurations, with fewer and smaller images, on the processor."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from pathlib import Path

import pytest

from tsla.empirics.training.loop import train
from tsla.empirics.training.sweeps.file import read

SWEEP = read(Path(__file__).parents[3] / "examples" / "gpu_study.toml")
SMALL = {"device": "cpu", "data": "digits", "train_size": 12, "test_size": 12, "batch_size": 8, "epochs": 2, "drop": 1, "warmup": 1}
MEASURED = {"measure_at": (0, 2), "measured_examples": 4}


def test_arms_share_seeds_and_settings() -> None:
    arms = {(config.method, config.eta) for config in SWEEP.configs}
    assert {(config.method, config.eta, config.seed) for config in SWEEP.configs} == {(*arm, seed) for arm in arms for seed in range(10)}
    assert len({replace(config, method="sgd", eta=0.1, seed=0) for config in SWEEP.configs}) == 1
    assert {(config.device, config.train_size) for config in SWEEP.configs} == {("cuda", None)}


@pytest.mark.parametrize("method", ["sgd", "tsla"])
def test_a_run_in_small(method: str) -> None:
    full = next(config for config in SWEEP.configs if config.method == method)
    rows = list(train(replace(full, **SMALL, **MEASURED)))
    assert [row["theta"] for row in rows] == [full.theta * (method == "tsla"), 0.0, 0.0]
    assert all(isfinite(row["train_loss"]) for row in rows)
    assert [row["s2"] is not None for row in rows] == [True, False, True]
