"""A network before and after a short training: its moments with intervals, those of its layers, and how well it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from tsla.empirics.advice.measure.results import Reading, reading
from tsla.empirics.data.datasets import Split, load
from tsla.empirics.data.sentences import PADDING, sentences
from tsla.empirics.moments.columns import columns
from tsla.empirics.moments.measure import Measurement, draw, measure
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.empirics.moments.mode import mode
from tsla.empirics.statistics.intervals import IntervalOf
from tsla.empirics.training.evaluation import logits
from tsla.empirics.training.sgd import shuffled
from tsla.theory.moments import MOMENTS

QUANTITIES = (
    *MOMENTS,
    "delta",
    "delta_at_batch_size",
    "delta0",
    "ratio",
    "beyond",
    "theta_star",
    "critical_batch_size",
    "critical_batch_size_at_theta",
    "noise_scale",
)
"""Of :class:`~tsla.empirics.advice.measure.results.Reading`, which says what each is."""
EVALUATION, TRAINING = "evaluation", "training"
"""What BatchNorm normalises by: its running statistics, or those of each batch."""
NONE = IntervalOf(nan, nan, nan)


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """A network "before" and "after" training with plain cross-entropy, which is the ``stage`` of a row. Smoothing labels are uniform.

    One row of each stage is of the network: QUANTITIES, with their 95 % intervals, at strength ``theta`` and batches of ``batch_size``,
    from ``examples`` of the training set. One row a ``layer`` has the moments of its part of the gradient, without intervals; it has no
    ``examples``, and "" where the network holds parameters itself. Dropout is off in all of them, and BatchNorm has the running statistics
    of training images (``statistics`` = "evaluation"). Where a network has BatchNorm that couples examples in training mode, one more row
    is of batches in that mode, dropout still off ("training").

    Raises ValueError where the data or a library are not there.
    """
    split = _split(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config["seed"])
        model = _built(config)
        rows = _stage("before", model, split, config)
        _train(model, split, config)
        rows += _stage("after", model, split, config)
    about = {
        "network": config["network"],
        "version": f"{config['package']} {version(config['package'])}",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    return pd.DataFrame([about | row for row in rows])


class Reader(nn.Module):
    """A classifier of sentences of transformers, new: numbers of words ``(n, length)``, padded, to logits ``(n, num_labels)``.

    family: such as "DistilBert"; ``options`` are those of its configuration
    """

    def __init__(self, family: str, **options: Any) -> None:
        super().__init__()
        library = import_module("transformers")
        about = getattr(library, f"{family}Config")(pad_token_id=PADDING, **options)
        self.network = getattr(library, f"{family}ForSequenceClassification")(about)

    def forward(self, words: Tensor) -> Tensor:
        """The logits; what is padded is not attended to."""
        found: Tensor = self.network(input_ids=words, attention_mask=(words != PADDING).long()).logits
        return found


def _built(config: Mapping[str, Any]) -> nn.Module:
    """What ``make``, "module:function", returns for ``options``."""
    module, _, function = config["make"].partition(":")
    try:
        model: nn.Module = getattr(import_module(module), function)(**config["options"])
    except ModuleNotFoundError as error:
        needed = f"{error.name} must be installed; `make known-architectures` does it"
        raise ValueError(f"network = {config['network']!r} can't be made: {needed}") from error
    return model


def _split(config: Mapping[str, Any]) -> Split:
    folder, seed = Path(config["folder"]), config["seed"]
    if config["data"] == "sentences":
        return sentences(folder, words=config["words"], length=config["length"], seed=seed)
    split = load(config["data"], folder=folder, size=config["size"], seed=seed)
    if config["colours"] is not None:
        mean, deviation = (torch.tensor(config["colours"][name]).view(-1, 1, 1) for name in ("mean", "deviation"))
        for images in (split.train_inputs, split.test_inputs):
            images.sub_(mean).div_(deviation)
    return split


def _train(model: nn.Module, split: Split, config: Mapping[str, Any]) -> None:
    """The steps, in training mode; nothing is smoothed."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=config["eta"], weight_decay=config["weight_decay"])
    n, B, steps = len(split.train_labels), config["batch_size"], config["steps"]
    model.train()
    for rows in islice(shuffled(n, B, epochs=-(-steps * B // n) + 1, generator=torch.default_generator), steps):
        optimiser.zero_grad()
        cross_entropy(model(split.train_inputs[rows]), split.train_labels[rows]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _stage(stage: str, model: nn.Module, split: Split, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of the network as it is now. Draws come from generators of their own, so that training does not depend on them."""
    training_set, seed, B = (split.train_inputs, split.train_labels), config["seed"], config["batch_size"]
    model.train()
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.training]  # pretrained ones may be constant
    model.eval()
    _settle(model, norms, torch.split(split.train_inputs[_drawn(len(split.train_labels), config["examples"], seed + 1)], B))
    about = {"stage": stage, "test_accuracy": _accuracy(model, split, config)}
    batches = draw(*training_set, examples=config["examples"], seed=seed)
    found = measure(model, batches, "uniform", population=len(split.train_labels), seed=seed)
    of_layers = {"stage": stage, "statistics": EVALUATION}
    rows = [about | {"statistics": EVALUATION} | _whole(found, config)]
    rows += [of_layers | {"layer": name.removeprefix("network.")} | asdict(moments) for name, moments in found.layers.items()]
    if norms:
        _set(norms, training=True)
        estimates = minibatch_moments(model, training_set, batch_size=B, batches=config["batches"], seed=seed)
        how = mode(model, "batch")
        coupled = Measurement(estimates, {}, B * config["batches"], None, silent=False, mode=how, batch_size=B)
        rows.append(about | {"statistics": TRAINING} | _whole(coupled, config))
    return rows


def _whole(measurement: Measurement, config: Mapping[str, Any]) -> dict[str, Any]:
    found: Reading = reading(measurement, theta=config["theta"], batch_size=config["batch_size"])
    return {"layer": "", "mode": found.mode, "examples": found.examples} | columns(lambda name: getattr(found, name) or NONE, QUANTITIES)


def _accuracy(model: nn.Module, split: Split, config: Mapping[str, Any]) -> float:
    """On held-out examples that are drawn at random."""
    rows = _drawn(len(split.test_labels), config["test_examples"], config["seed"])
    return float((logits(model, split.test_inputs[rows]).argmax(1) == split.test_labels[rows]).double().mean())


def _drawn(n: int, some: int, seed: int) -> Tensor:
    """So many of n examples."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:some]


def _set(norms: Iterable[_BatchNorm], *, training: bool) -> None:
    for norm in norms:
        norm.training = training


@torch.no_grad()
def _settle(model: nn.Module, norms: Sequence[_BatchNorm], batches: Iterable[Tensor]) -> None:
    """Give BatchNorm the mean statistics of these batches (Wu and Johnson, 2021). The rest of the model stays in its mode.

    Those of training lag behind it, and those that a network starts with are nobody's.
    """
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    _set(norms, training=True)
    for inputs in batches:
        if norms:
            model(inputs)
    _set(norms, training=False)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
