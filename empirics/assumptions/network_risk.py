"""The empirical risk of a network on data, as a function of its weights in one vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from tsla.empirics.models.inputs import Classifier, Inputs, ToLogits
from tsla.empirics.models.state import device_of, private_randomness, with_own_buffers
from tsla.theory.constants import Array


class NetworkRisk:
    """F of a model on data, its gradient and its Hessian-vector products, as float64 vectors over the trained parameters.

    Inputs and ``logits`` are those of :func:`tsla.gradient_moments`.
    """

    def __init__(self, model: nn.Module, inputs: Any, labels: Tensor, seed: int, microbatch: int, logits: ToLogits | None = None) -> None:
        inputs = Inputs.of(inputs)
        self._model, self._seed, self._n = Classifier(model, logits), seed, len(inputs)
        parts = (slice(start, start + microbatch) for start in range(0, len(inputs), microbatch))
        self._parts = [(inputs[part].form, labels[part]) for part in parts]
        self._device = device_of(model)
        self._trained = [p for p in model.parameters() if p.requires_grad]

    def weights(self) -> Array:
        """Where the model is."""
        return _vector([p.detach() for p in self._trained])

    def value_and_gradient(self) -> tuple[float, Array]:
        """F and ∇F there."""
        parts = [(loss, _vector(gradient)) for loss, gradient in self._gradients(create_graph=False)]
        return float(sum(float(loss.detach()) for loss, _ in parts)), np.asarray(sum(gradient for _, gradient in parts))

    def product(self, v: Array) -> Array:
        """``Hv`` by differentiating ``⟨∇F, v⟩`` (Pearlmutter, 1994)."""
        directions = self._like_parameters(v)
        total = np.zeros_like(v)
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels of attention have no second derivative
            for _, gradient in self._gradients(create_graph=True):
                along = torch.stack([(g * d).sum() for g, d in zip(gradient, directions, strict=True)]).sum()
                total += _vector(torch.autograd.grad(along, self._trained, materialize_grads=True))
        return total

    def _gradients(self, *, create_graph: bool) -> Iterator[tuple[Tensor, Sequence[Tensor]]]:
        """The loss of each microbatch, divided by all examples, and its gradient. Each call draws the same dropout."""
        with private_randomness(self._seed, self._device):
            for inputs, labels in self._parts:
                logits = with_own_buffers(self._model, inputs)
                target = labels.to(logits.dtype) if labels.is_floating_point() else labels
                loss = cross_entropy(logits, target, reduction="sum") / self._n
                yield loss, torch.autograd.grad(loss, self._trained, create_graph=create_graph, materialize_grads=True)

    def _like_parameters(self, v: Array) -> list[Tensor]:
        pieces = torch.split(torch.from_numpy(v), [p.numel() for p in self._trained])
        return [piece.to(p).view_as(p) for piece, p in zip(pieces, self._trained, strict=True)]


def _vector(tensors: Sequence[Tensor]) -> Array:
    flat: Array = torch.cat([t.detach().double().flatten() for t in tensors]).cpu().numpy()
    return flat
