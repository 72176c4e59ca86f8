"""What a run trains, and on what: the network with its initial weights, and the data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsla.empirics.data.datasets import Split, Through, load
from tsla.empirics.models import efficientnet, networks
from tsla.empirics.models.features import features
from tsla.empirics.moments.examples import ExamplePool
from tsla.empirics.training.configuration import FIELDS, TrainingConfig
from tsla.empirics.training.devices import device_of


def training_split(config: TrainingConfig) -> Split:
    """The data of this run, with its label noise: images, or what the frozen part of the network makes of them."""
    folder = None if config.folder is None else Path(config.folder)
    names = ("per_class", "train_size", "test_size", "label_noise", "seed", "pool")
    return load(config.data, folder=folder, through=_frozen(config), **{name: getattr(config, name) for name in names})


def own_split(sets: Any) -> Split:
    """The data of a run from ``(training set, test set)``, each as :func:`tsla.measure` takes one: (inputs, labels), a DataLoader, of which
    the set and its collate_fn are used, or what has a length and items. Each example is read once, inputs become float32, and there are
    as many classes as labels say.

    Raises ValueError for what is no such pair, for examples of which an input is no single tensor, for inputs of two shapes, and for a
    label that is no whole number from 0 on.
    """  # noqa: D205 - the summary needs more lines
    if not isinstance(sets, (tuple, list)) or len(sets) != 2:
        parted = f" of {len(sets)} parts" if isinstance(sets, (tuple, list)) else ""
        raise ValueError(f"split is a {type(sets).__name__}{parted}; must be (training set, test set), such as ((x, y), (x2, y2))")
    (inputs, labels), (test_inputs, test_labels) = (_all_of(name, data) for name, data in zip(("training", "test"), sets, strict=True))
    if inputs.shape[1:] != test_inputs.shape[1:]:
        shapes = f"{tuple(inputs.shape[1:])} in the training set and {tuple(test_inputs.shape[1:])} in the test set"
        raise ValueError(f"inputs have shape {shapes}; must be one")
    return Split(inputs, labels, test_inputs, test_labels, int(max(labels.max(), test_labels.max())) + 1)


def _all_of(name: str, data: Any) -> tuple[Tensor, Tensor]:
    pool = ExamplePool(data, "uniform", torch.device("cpu"))
    inputs, labels, _ = pool.batch(np.arange(len(pool)))
    if not isinstance(inputs.form, Tensor):
        must = "must be one tensor an example: for others use SmoothedCrossEntropy and MomentsMonitor in a loop of your own"
        raise ValueError(f"inputs of the {name} set are a {type(inputs.form).__name__}; {must}")  # noqa: TRY004 - bad input
    if labels.ndim != 1 or labels.is_floating_point() or labels.is_complex() or labels.min() < 0:
        low = f" from {labels.min().item()} on" if not labels.is_complex() else ""
        raise ValueError(
            f"labels of the {name} set have shape {tuple(labels.shape)} and type {labels.dtype}{low}; must be (n,), 0, 1, 2, ..."
        )
    return inputs.form.float(), labels.long()


def _frozen(config: TrainingConfig) -> Through | None:
    """What the images go through before training, None where all is trained. Raises ValueError for what has no use with features."""
    if config.model != efficientnet.NAME or config.trained == "all":
        return None
    of_images = (name for name in ("augment", "pool") if getattr(config, name) != FIELDS[name].default)
    config.refuse_without_effect("trained", *of_images)
    return partial(features, trained=config.trained, device=device_of(config))


def network(config: TrainingConfig, split: Split | None = None) -> dict[str, Any]:
    """The arguments of :func:`tsla.empirics.models.networks.build` for this run; ``split``, if it is at hand, are its data."""
    split = training_split(config) if split is None else split
    own = ("pretrained", "trained", "hidden") if config.model == efficientnet.NAME else ("norm",)
    described = {"name": config.model, "shape": tuple(split.train_inputs.shape[1:]), "classes": split.classes}
    return described | {name: getattr(config, name) for name in own}


def initial_model(config: TrainingConfig, split: Split | None = None) -> nn.Module:
    """The network, or the part of it that is trained, with its initial weights: beside those of ImageNet the seed decides alone."""
    described = network(config, split)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        return networks.build(**described)
