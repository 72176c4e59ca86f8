"""A folder with what is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.measure.support import NETWORK, mlp
from tsla.empirics.models import checkpoints
from tsla.empirics.models.networks import build

MODELS = """
import torch

def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))

def half():
    return mlp().half()

def double():
    return mlp().double()

def batch_norm():
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 3))

def broken():
    return torch.nn.Linear(6, "3")

def nothing():
    return 3

def shouts():
    raise ValueError("\\x1b[31mred")

def leaves():
    raise SystemExit(3)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory: a digits checkpoint, and a network, its weights and data of another kind."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    training = {"seed": 3, "train_size": 60, "label_noise": 0.1}
    checkpoints.write(tmp_path / "digits.pt", build(**NETWORK), network=NETWORK, training=training)
    # A name of its own, as a module is imported once for all tests.
    (tmp_path / "measured_models.py").write_text(MODELS, encoding="utf-8")
    torch.save(mlp().state_dict(), tmp_path / "mlp.pt")
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=48)
    np.savez(tmp_path / "data.npz", inputs=generator.normal(size=(48, 6)) + labels[:, None], labels=labels)
    return tmp_path
