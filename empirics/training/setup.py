"""What a run trains, and on what: the network with its initial weights, and the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from tsla.empirics.data.datasets import Split, load
from tsla.empirics.models import networks
from tsla.empirics.training.configuration import TrainingConfig


def training_split(config: TrainingConfig) -> Split:
    """The data of this run, with its label noise."""
    folder = None if config.folder is None else Path(config.folder)
    names = ("per_class", "train_size", "test_size", "label_noise", "seed", "pool")
    return load(config.data, folder=folder, **{name: getattr(config, name) for name in names})


def network(config: TrainingConfig, split: Split | None = None) -> dict[str, Any]:
    """The arguments of :func:`tsla.empirics.models.networks.build` for this run; ``split``, if it is at hand, are its data."""
    split = training_split(config) if split is None else split
    return {"name": config.model, "shape": tuple(split.train_inputs.shape[1:]), "classes": split.classes, "norm": config.norm}


def initial_model(config: TrainingConfig, split: Split | None = None) -> nn.Module:
    """The network with its initial weights, which the seed decides alone."""
    described = network(config, split)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        return networks.build(**described)
