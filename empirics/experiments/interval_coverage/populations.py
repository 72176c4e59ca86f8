"""Populations whose exact moments are known: the examples of a training set at one point of training, and draws from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from tsla.empirics.data.datasets import CLASSES, load
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.estimators.groups import GroupSums
from tsla.empirics.training.sgd import plain_sgd, shuffled
from tsla.theory.constants import Array

MICROBATCH = 100

NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "ResNet": lambda: resnet(channels=1, classes=CLASSES, widths=(8, 16, 32)),
    "MLP": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES)),
    "CNN": lambda: nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(256, CLASSES)),
    ),
}


@dataclass(frozen=True, eq=False)
class Population:
    """N examples by the products of their gradients.

    gram:   ``⟨g_i, g_j⟩, ⟨ĝ_i, ĝ_j⟩, (⟨g_i, ĝ_j⟩ + ⟨ĝ_i, g_j⟩)/2``, ``(N, N, 3)``, float32, which is exact enough and fast
    basics: the exact basic means, ``(6,)``
    """

    gram: NDArray[np.float32]
    basics: Array

    @classmethod
    def of(cls, g: Tensor, g_hat: Tensor) -> Population:
        """From the gradients, ``(N, p)`` each, float64."""
        cross = g @ g_hat.T
        gram = torch.stack((g @ g.T, g_hat @ g_hat.T, (cross + cross.T) / 2), dim=2).numpy()
        basics = np.concatenate((np.einsum("iia->a", gram) / len(gram), gram.mean((0, 1))))
        return cls(gram.astype(np.float32), basics)

    def basics_of_batches(self, size: int) -> Array:
        """The exact basic means where a unit is the mean over ``size`` independent examples, ``(6,)``."""
        lengths, means = np.split(self.basics, 2)
        return np.concatenate((((size - 1) * means + lengths) / size, means))

    def draws(self, *, groups: int, size: int, trials: int, seed: int, replacement: bool) -> GroupSums:
        """Groups of ``size`` examples each, drawn ``trials`` times; with the same seed and size, fewer groups are the first of more."""
        N = len(self.gram)
        flat, own = self.gram.reshape(N, 3 * N), np.einsum("iia->ia", self.gram).astype(np.float64)
        squares, products = np.empty((trials, groups, 3)), np.empty((trials, 3, groups, groups))
        ones, starts = np.ones(groups * size, dtype=np.float32), np.arange(groups + 1) * size
        for trial in range(trials):
            generator = np.random.default_rng([seed, trial])
            drawn = generator.integers(N, size=groups * size) if replacement else generator.permutation(N)[: groups * size]
            squares[trial] = own[drawn].reshape(groups, size, 3).sum(1)
            rows = sparse.csr_matrix((ones, drawn, starts), shape=(groups, N)) @ flat
            columns = rows.reshape(groups, N, 3)[:, drawn].reshape(groups, groups, size, 3)
            products[trial] = np.moveaxis(columns.sum(2, dtype=np.float64), -1, 0)
        return GroupSums(np.full(groups, float(size)), squares, products)


def gradients(config: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """``g_i`` and ``ĝ_i`` (uniform ŷ) of all training examples, ``(N, p)`` each, float64, after ``epoch`` epochs of plain SGD."""
    split = load("digits", train_size=config["population"], label_noise=config["label_noise"], seed=config["seed"])
    with torch.random.fork_rng():
        torch.manual_seed(config["seed"])
        model = NETWORKS[config["network"]]()
    batches = shuffled(config["population"], 16, epochs=config["epoch"], generator=torch.Generator().manual_seed(config["seed"]))
    plain_sgd(model, split, batches, eta=0.1)
    one_hot = torch.eye(CLASSES)[split.train_labels]
    return _per_example(model, split.train_inputs, one_hot), _per_example(model, split.train_inputs, torch.full_like(one_hot, 1 / CLASSES))


def _per_example(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters: dict[str, Tensor], x: Tensor, label: Tensor) -> Tensor:
        logits: Tensor = functional_call(model, parameters, (x[None],))[0]
        return -(label * logits.log_softmax(0)).sum()

    rows = []
    for x, label in zip(torch.split(inputs, MICROBATCH), torch.split(labels, MICROBATCH), strict=True):
        found = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, label)
        rows.append(torch.cat([gradient.flatten(1) for gradient in found.values()], dim=1).double())
    return torch.cat(rows)


def some(sums: GroupSums, groups: int, trials: NDArray[np.int64] | slice = slice(None)) -> GroupSums:
    """The first groups of some trials."""
    return GroupSums(sums.sizes[:groups], sums.squares[trials, :groups], sums.products[trials, :, :groups, :groups])


def paired(sums: GroupSums) -> GroupSums:
    """Half as many groups, of twice the size."""
    trials, K = sums.squares.shape[:2]
    products = sums.products.reshape(trials, 3, K // 2, 2, K // 2, 2).sum((3, 5))
    return GroupSums(sums.sizes[::2] + sums.sizes[1::2], sums.squares.reshape(trials, K // 2, 2, 3).sum(2), products)


def as_batches(sums: GroupSums) -> GroupSums:
    """Each group as one example, whose gradient is the mean of the group's."""
    products = sums.products / np.outer(sums.sizes, sums.sizes)
    return GroupSums(np.ones(len(sums.sizes)), np.einsum("...aii->...ia", products), products)
