"""Loss, accuracy and calibration of a network on data: never smoothed, and in evaluation mode."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla.empirics.models.inputs import Classifier
from tsla.empirics.smoothing.labels import evaluation_mode
from tsla.empirics.training.own import Data, OwnInputs, in_parts

BINS = 15
"""Of the calibration error (Guo et al., 2017)."""
MOST_EXAMPLES, MOST_NUMBERS, ON_CPU = 1024, 2**24, 2**18
"""Most examples, and most input numbers, that are evaluated at once. A CPU takes fewer: what a layer returns then stays in its cache, and
below the 32 MB from which the allocator fetches fresh pages for every tensor. ResNet-20 on 15,000 images of 32×32 took 20.2 s in parts of
1024, and takes 6.9 s in parts of 85."""
OWN = 64
"""Examples of one's own data that are evaluated at once: ids of words, and masks, don't tell how many numbers a network makes of them."""


def evaluate(model: Classifier, split: Data) -> dict[str, float]:
    """``train_loss``, which is F; ``test_loss``, ``test_accuracy`` and ``test_ece``: mean cross-entropies in float64, and fractions."""
    with evaluation_mode(model):
        train, test = logits(model, split.train_inputs), logits(model, split.test_inputs)
    return scores(train, split.train_labels, test, split.test_labels)


def scores(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> dict[str, float]:
    """The same from logits ``(n, K)`` and labels ``(n,)``."""
    train, test = train.double(), test.double()
    return {
        "train_loss": float(cross_entropy(train, train_labels)),
        "test_loss": float(cross_entropy(test, test_labels)),
        "test_accuracy": float((test.argmax(1) == test_labels).double().mean()),
        "test_ece": calibration_error(test, test_labels),
    }


@torch.no_grad()
def logits(model: nn.Module, inputs: Tensor | OwnInputs) -> Tensor:
    """The model's logits ``(n, K)``, some examples at a time; of inputs of one's own those of a :class:`Classifier`."""
    if not isinstance(inputs, Tensor):
        return torch.cat([model(part.form) for part in in_parts(inputs, OWN)])
    numbers = ON_CPU if inputs.device.type == "cpu" else MOST_NUMBERS
    at_once = max(1, min(MOST_EXAMPLES, numbers // inputs[0].numel()))
    return torch.cat([model(part) for part in torch.split(inputs, at_once)])


def calibration_error(logits: Tensor, labels: Tensor) -> float:
    """The expected calibration error: ``|confidence - accuracy|`` of each of BINS equal bins of confidence, weighted by its examples.

    Shapes ``(n, K)`` and ``(n,)``. A bin holds confidences in ``(k/15, (k+1)/15]``.
    """
    confidence, prediction = logits.softmax(1).max(1)
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    excess = confidence - (prediction == labels).to(confidence)
    return float(torch.zeros(BINS).to(excess).index_add_(0, bins, excess).abs().sum() / len(labels))
