"""Copies of one network that step side by side: arms with rules of their own, replicas with batches of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

Weights = dict[str, Tensor]
"""By the names of the parameters, ``(arms, replicas, *shape)``."""

PASSES = 2**15
"""How many passes of an example through a network are evaluated at once: they should stay in the cache."""


@dataclass(frozen=True)
class Arms:
    """Step sizes and strengths of smoothing, both ``(arms,)``."""

    eta: Tensor
    theta: Tensor

    @classmethod
    def of(cls, rules: Iterable[tuple[float, float]]) -> Arms:
        """From pairs (η, θ)."""
        eta, theta = zip(*rules, strict=True)
        return cls(torch.tensor(eta), torch.tensor(theta))


class Copies:
    """Plain SGD of copies of ``model``, which has no buffers, on ``inputs`` ``(n, ...)`` and ``labels`` ``(n,)``; ŷ is uniform."""

    def __init__(self, model: nn.Module, inputs: Tensor, labels: Tensor) -> None:
        self._model, self._inputs, self._labels = model, inputs, labels
        self._logits = vmap(vmap(self._network), in_dims=(0, None))  # replicas have inputs of their own, which the arms share

    def at_model(self, arms: int = 1, replicas: int = 1) -> Weights:
        """Copies where the model is."""
        return {name: p.detach().expand(arms, replicas, *p.shape).clone() for name, p in self._model.named_parameters()}

    def walk(self, weights: Weights, arms: Arms, batches: Tensor) -> Weights:
        """Where the copies are after a step for each of ``batches`` ``(steps, replicas, B)``: rows of examples, the same for all arms."""
        for rows in batches:
            _, gradients = self._losses(weights, self._inputs[rows], self._labels[rows], arms.theta)
            weights = {name: torch.addcmul(w, _beside(w, arms.eta), gradients[name], value=-1) for name, w in weights.items()}
        return weights

    def measure(self, weights: Weights) -> tuple[Tensor, Tensor]:
        """``F`` and ``‖∇F‖²`` of every copy, unsmoothed, on all examples: both ``(arms, replicas)``, float64."""
        arms, replicas = next(iter(weights.values())).shape[:2]
        at_once = max(1, PASSES // (arms * len(self._labels)))
        found = [
            self._measure({name: w[:, first : first + at_once] for name, w in weights.items()}, min(at_once, replicas - first))
            for first in range(0, replicas, at_once)
        ]
        values, squares = (torch.cat(parts, dim=1) for parts in zip(*found, strict=True))
        return values, squares

    def _measure(self, weights: Weights, replicas: int) -> tuple[Tensor, Tensor]:
        inputs, labels = (x.expand(replicas, *x.shape) for x in (self._inputs, self._labels))
        values, gradients = self._losses(weights, inputs, labels, torch.zeros(1))
        squares = [gradient.double().flatten(2).square().sum(2) for gradient in gradients.values()]
        return values.double(), torch.stack(squares).sum(0)

    def _losses(self, weights: Weights, inputs: Tensor, labels: Tensor, theta: Tensor) -> tuple[Tensor, Weights]:
        """Mean cross-entropy of each copy, ``(arms, replicas)``, on ``inputs`` ``(replicas, b, ...)``, and its gradient."""
        tracked = {name: w.detach().requires_grad_() for name, w in weights.items()}
        log_p = self._logits(tracked, inputs).log_softmax(3)
        true = log_p.gather(3, labels.expand(len(log_p), *labels.shape)[..., None])[..., 0]
        strength = theta[:, None, None]
        losses = -((1 - strength) * true + strength * log_p.mean(3)).mean(2)
        gradients = torch.autograd.grad(losses.sum(), list(tracked.values()))  # each copy moves its own loss only
        return losses.detach(), dict(zip(tracked, gradients, strict=True))

    def _network(self, weights: Weights, inputs: Tensor) -> Tensor:
        logits: Tensor = functional_call(self._model, weights, (inputs,))
        return logits


def _beside(w: Tensor, values: Tensor) -> Tensor:
    """One value an arm, shaped to broadcast against ``(arms, replicas, ...)``."""
    return values.view(-1, *(1,) * (w.ndim - 1))
