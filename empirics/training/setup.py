"""What a run trains, and on what: the network with its initial weights, and the data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tsla.empirics.data.datasets import Split, Through, load
from tsla.empirics.models import efficientnet, networks
from tsla.empirics.models.features import features
from tsla.empirics.training.configuration import FIELDS, TrainingConfig
from tsla.empirics.training.devices import device_of
from tsla.empirics.training.own import Data, OwnSplit


def training_split(config: TrainingConfig) -> Split:
    """The data of this run, with its label noise: images, or what the frozen part of the network makes of them."""
    folder = None if config.folder is None else Path(config.folder)
    names = ("per_class", "train_size", "test_size", "label_noise", "seed", "pool")
    return load(config.data, folder=folder, through=_frozen(config), **{name: getattr(config, name) for name in names})


def _frozen(config: TrainingConfig) -> Through | None:
    """What the images go through before training, None where all is trained. Raises ValueError for what has no use with features."""
    if config.model != efficientnet.NAME or config.trained == "all":
        return None
    of_images = (name for name in ("augment", "pool") if getattr(config, name) != FIELDS[name].default)
    config.refuse_without_effect("trained", *of_images)
    return partial(features, trained=config.trained, device=device_of(config))


def network(config: TrainingConfig, split: Data | None = None) -> dict[str, Any]:
    """The arguments of :func:`tsla.empirics.models.networks.build` for this run; ``split``, if it is at hand, are its data.

    Raises ValueError for inputs that are no single tensor.
    """
    split = training_split(config) if split is None else split
    if isinstance(split, OwnSplit):
        raise ValueError("model = None must be a network of your own for inputs that are not one tensor: those of tsla take one")  # noqa: TRY004
    own = ("pretrained", "trained", "hidden") if config.model == efficientnet.NAME else ("norm",)
    described = {"name": config.model, "shape": tuple(split.train_inputs.shape[1:]), "classes": split.classes}
    return described | {name: getattr(config, name) for name in own}


def initial_model(config: TrainingConfig, split: Data | None = None) -> nn.Module:
    """The network, or the part of it that is trained, with its initial weights: beside those of ImageNet the seed decides alone."""
    described = network(config, split)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        return networks.build(**described)
