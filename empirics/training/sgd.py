"""Plain SGD, for whoever needs a network after some steps of it and nothing else of :func:`tsla.train`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla.empirics.data.datasets import Split


def plain_sgd(model: nn.Module, split: Split, batches: Iterable[Tensor], *, eta: float) -> None:
    """Train the model in place: for each of ``batches``, which are rows of training examples, a step on their mean cross-entropy."""
    optimiser = torch.optim.SGD(model.parameters(), lr=eta)
    for rows in batches:
        optimiser.zero_grad()
        cross_entropy(model(split.train_inputs[rows]), split.train_labels[rows]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def shuffled(n: int, batch_size: int, *, epochs: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of n examples, in a new order in each epoch; the last batch of an epoch has what is left."""
    for _ in range(epochs):
        yield from torch.split(torch.randperm(n, generator=generator), batch_size)
