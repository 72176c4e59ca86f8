"""What training mode does to the noise of a network with BatchNorm, beside what fixed statistics give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import torch
from torch import nn

from tsla.empirics.data.datasets import CLASSES, Split, load
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.columns import columns
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.empirics.statistics.intervals import IntervalOf
from tsla.empirics.training.sgd import plain_sgd, shuffled
from tsla.theory.moments import MOMENTS, Moments


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """A ResNet with BatchNorm on digits, after ``epochs`` epochs of plain SGD; three rows.

    ``statistics`` is "evaluation" or "batch": per-example moments of the whole training set
    (:func:`tsla.gradient_moments`), exact, at ``batch_size`` by C14; or "training": :func:`minibatch_moments`, examples
    drawn independently as C14 supposes. Each of the six moments and δ has three columns, the last two for the ends of its 95 % interval.
    """
    data = load("digits", train_size=config["train_size"], label_noise=config["label_noise"], seed=config["seed"])
    training_set = (data.train_inputs, data.train_labels)
    model, B = _trained(config, data), config["batch_size"]
    found = {how: _exact(gradient_moments(model, *training_set, batch_norm=how).at_batch_size(B)) for how in ("evaluation", "batch")}
    found["training"] = minibatch_moments(
        model, training_set, batch_size=B, batches=config["batches"], replacement=True, seed=config["seed"]
    ).quantity
    about = {"epochs": config["epochs"], "batch_size": B}
    return pd.DataFrame([about | {"statistics": how} | columns(interval, (*MOMENTS, "delta")) for how, interval in found.items()])


def _trained(config: Mapping[str, Any], data: Split) -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(config["seed"])
        model = resnet(channels=1, classes=CLASSES, widths=tuple(config["widths"]), norm=nn.BatchNorm2d)
        order = {"epochs": config["epochs"], "generator": torch.default_generator}
        plain_sgd(model, data, shuffled(len(data.train_labels), config["training_batch_size"], **order), eta=config["eta"])
    return model


def _exact(moments: Moments) -> Callable[[str], IntervalOf[float]]:
    def point(name: str) -> IntervalOf[float]:
        value = getattr(moments, name)
        return IntervalOf(value, value, value)

    return point
