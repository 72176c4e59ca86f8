"""The largest curvature at a point, ``‖∇²F(w)‖``: power iteration on Hessian-vector products, of a problem or of a network on data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla.empirics.forward import with_own_buffers
from tsla.empirics.minibatch import device_of, private_randomness
from tsla.empirics.problems.problem import Problem
from tsla.theory.constants import Array

ITERATIONS, CONVERGED = 100, 1e-4
"""The power iteration ends after so many products, or when one of them adds less than this part."""

Product = Callable[[Array], Array]


def difference_product(problem: Problem, w: Array) -> Product:
    """``v -> Hv`` by central differences. Each is the slope of a secant, so that its norm is at most L however wide the difference is."""
    width = np.cbrt(np.finfo(np.float64).eps) * (1 + np.linalg.norm(w))

    def product(v: Array) -> Array:
        ahead, behind = problem.gradient(np.stack([w + width * v, w - width * v]))
        return np.asarray((ahead - behind) / (2 * width))

    return product


def largest_curvature(product: Product, dimension: int, rng: Generator, *, iterations: int = ITERATIONS) -> float:
    """``‖H‖`` by power iteration, for symmetric H: ``‖Hv‖`` for unit vectors v, which never falls and never exceeds it.

    At most ``iterations`` products are taken. Eigenvalues of both signs are found. Raises FloatingPointError where a product is not finite.
    """
    v = rng.standard_normal(dimension)
    v /= np.linalg.norm(v)
    found = 0.0
    for _ in range(iterations):
        image = product(v)
        norm = float(np.linalg.norm(image))
        if not np.isfinite(norm):
            raise FloatingPointError("a Hessian-vector product is not finite")
        if norm <= found * (1 + CONVERGED):
            return max(found, norm)
        found = norm
        v = image / norm
    return found


class Loss:
    """F of a model on data, its gradient and its Hessian-vector products, as float64 vectors over the trained parameters."""

    def __init__(self, model: nn.Module, inputs: Tensor, labels: Tensor, seed: int, chunk: int) -> None:
        self._model, self._seed, self._n = model, seed, len(inputs)
        self._parts = list(zip(torch.split(inputs, chunk), torch.split(labels, chunk), strict=True))
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
        for _, gradient in self._gradients(create_graph=True):
            along = torch.stack([(g * d).sum() for g, d in zip(gradient, directions, strict=True)]).sum()
            total += _vector(torch.autograd.grad(along, self._trained, materialize_grads=True))
        return total

    def _gradients(self, *, create_graph: bool) -> Iterator[tuple[Tensor, Sequence[Tensor]]]:
        """The loss of each chunk, divided by all examples, and its gradient. Each call draws the same dropout."""
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
