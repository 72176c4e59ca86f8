"""Copies of one network that step side by side: arms with rules of their own, replicas with batches of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

from tsla.empirics.data.datasets import Split
from tsla.empirics.training.ensemble.replicas import Replicas, Slope

PASSES = 2**15
"""How many passes of an example through a network are evaluated at once: they should stay in the cache."""


class Copies:
    """Plain SGD of copies of ``model``, which has no buffers and stays where it is, on the training examples of ``split``; ŷ is uniform.

    rules:     step size and strength of smoothing (η, θ) of each arm
    replicas:  copies of each arm
    """

    def __init__(self, model: nn.Module, split: Split, rules: Iterable[tuple[float, float]] = ((0.0, 0.0),), replicas: int = 1) -> None:
        self._inputs, self._labels, self._replicas = split.train_inputs, split.train_labels, replicas
        self._eta, self._theta = (torch.tensor(values) for values in zip(*rules, strict=True))
        self._networks = Replicas([model] * (len(self._eta) * replicas), arms=len(self._eta))

    def walk(self, batches: Tensor) -> None:
        """A step for each of ``batches`` ``(steps, replicas, B)``: rows of examples, the same for all arms."""
        for rows in batches:
            self._networks.step(self._inputs[rows], _slope(partial(_losses, self._labels[rows], self._theta)), self._eta)

    def measure(self) -> tuple[Tensor, Tensor]:
        """``F`` and ``‖∇F‖²`` of every copy, unsmoothed, on all examples: both ``(arms, replicas)``, float64."""
        at_once = max(1, PASSES // (len(self._eta) * len(self._labels)))
        found = [self._measure(first, min(first + at_once, self._replicas)) for first in range(0, self._replicas, at_once)]
        values, squares = (torch.cat(parts, dim=1) for parts in zip(*found, strict=True))
        return values, squares

    def _measure(self, first: int, end: int) -> tuple[Tensor, Tensor]:
        inputs, labels = (x.expand(end - first, *x.shape) for x in (self._inputs, self._labels))
        losses = partial(_losses, labels, torch.zeros(1))
        logits, gradients = self._networks.gradients(inputs, _slope(losses), slice(first, end))
        squares = [gradient.double().flatten(2).square().sum(2) for gradient in gradients]
        return losses(logits).double(), torch.stack(squares).sum(0)


def _losses(labels: Tensor, theta: Tensor, logits: Tensor) -> Tensor:
    """Mean cross-entropy of each copy, ``(arms, replicas)``, with labels ``(replicas, b)`` smoothed by each arm's ``theta``."""
    log_p = logits.log_softmax(3)
    true = log_p.gather(3, labels.expand(len(log_p), *labels.shape)[..., None])[..., 0]
    strength = theta[:, None, None]
    return -((1 - strength) * true + strength * log_p.mean(3)).mean(2)


def _slope(losses: Callable[[Tensor], Tensor]) -> Slope:
    """By autograd: ``softmax - y`` rounds otherwise, and ResNet-8 magnifies that to another path than the record's."""

    def slope(logits: Tensor) -> Tensor:
        logits.requires_grad_()
        return torch.autograd.grad(losses(logits).sum(), logits)[0]  # each copy moves its own loss only

    return slope
