"""The sweep of `make gpu-study` in a small form: its own configurations, with fewer and smaller images, on the processor."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import isfinite
from pathlib import Path

import pytest

from tsla.empirics.training.loop import train
from tsla.empirics.training.sweeps.file import read

SWEEP = read(Path(__file__).parents[3] / "examples" / "gpu_study.toml")
SMALL = {"device": "cpu", "data": "digits", "folder": None, "train_size": 12, "test_size": 12, "batch_size": 8, "epochs": 2}
MEASURED = {"measure_at": (0, 2), "measured_examples": 4}
ARM = {"norm": "batch", "method": "sgd", "drop": 30, "theta": 0.1, "seed": 0}


def test_arms_share_seeds_and_settings() -> None:
    smoothing = [("lsr", 30), ("tsla", 30), ("tsla", 45)]  # 30, half of the epochs, is what lsr and sgd have in place of a drop
    arms = {(norm, *arm): 5 for norm in ("batch", "group") for arm in (("sgd", 30), *smoothing)}
    assert Counter((config.norm, config.method, config.drop) for config in SWEEP.configs) == arms
    assert {(config.norm, config.seed) for config in SWEEP.configs} == {(norm, seed) for norm in ("batch", "group") for seed in range(5)}
    assert len({replace(config, **ARM) for config in SWEEP.configs}) == 1
    assert {config.theta for config in SWEEP.configs if config.method != "sgd"} == {0.1}
    assert {(config.device, config.train_size, config.label_noise) for config in SWEEP.configs} == {("auto", None, 0)}


def test_tsla_drops_where_the_step_size_falls() -> None:
    one = SWEEP.configs[0]
    falls = {epoch for epoch in range(1, one.epochs) if one.step_size(epoch) < one.step_size(epoch - 1)}
    assert {config.drop for config in SWEEP.configs if config.method == "tsla"} == falls == {30, 45}


@pytest.mark.parametrize(("method", "norm"), [("sgd", "batch"), ("tsla", "group")])
def test_a_run_in_small(method: str, norm: str) -> None:
    full = next(config for config in SWEEP.configs if (config.method, config.norm) == (method, norm))
    rows = list(train(replace(full, **SMALL, **MEASURED, drop=1)))
    assert [row["theta"] for row in rows] == [full.theta * (method == "tsla"), 0.0, 0.0]
    assert [row["eta"] for row in rows] == pytest.approx([0.1, 0.01, 0.01])
    assert all(isfinite(row["train_loss"]) for row in rows)
    assert [row["s2"] is not None for row in rows] == [True, False, True]
