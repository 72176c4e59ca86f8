"""What the benchmark of training says, and one run from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.benchmarks import train
from tests.benchmarks.harness import timing
from tests.benchmarks.train import BASE, Row, Setting

TINY = Setting("tiny", replace(BASE, model="mlp", train_size=40, momentum=0.9))


def row(ours: float, bare: float, problem: str = "") -> Row:
    return Row("setting", "cpu", problem, {"ours": [timing.Call(ours, 0.0)], "bare": [timing.Call(bare, 0.0)]})


def test_targets() -> None:
    assert row(1.0, 0.95).verdict() == "setting: throughput over that of the bare loop: 0.95 (0.95 to 0.95), target ≥ 0.95: holds"
    assert row(1.0, 0.94).verdict().endswith(": does not hold")
    assert row(1.0, 2.0, "other weights").verdict().endswith(": does not hold")
    assert Row("setting", "cpu").verdict().endswith("not measured, target ≥ 0.95")


@pytest.mark.parametrize("changes", [{}, {"channels_last": True}, {"precision": "bf16"}])
def test_both_loops_end_an_epoch_with_the_same_weights(changes: dict[str, object]) -> None:
    setting = replace(TINY, config=replace(TINY.config, model="resnet8", train_size=32, **changes))
    models = []
    for contestant in train.CONTESTANTS.values():
        epoch, model = contestant(setting)
        epoch()
        models.append(model)
    assert train.disagreement(*models) == ""
    epoch()
    assert train.disagreement(*models).startswith("other weights: off by ")


def test_random_images() -> None:
    setting = replace(TINY, images=(10, 3, 4, 4))
    split = setting.split()
    assert (split.train_inputs.shape, split.classes, setting.steps) == ((10, 3, 4, 4), 10, 1)
    assert torch.equal(split.train_inputs, setting.split().train_inputs)
    assert (TINY.steps, train.SETTINGS[2].steps) == (3, 8)


def test_one_run_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(train, "SETTINGS", (TINY,))
    assert train.main(["--rounds", "2", "--seconds", "0.01", "--out", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "train.json").read_text(encoding="utf-8"))
    assert [len(calls) for calls in content["rows"][0]["calls"].values()] == [2, 2]
    assert "| tiny; cpu (1 thread), float32, 1 process |" in (tmp_path / "train.md").read_text(encoding="utf-8")
    assert "tiny: throughput over that of the bare loop: " in capsys.readouterr().out
