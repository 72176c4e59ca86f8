"""What a data set gives, and what training gets: a random subset, with label noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from tsla.theory.constants import whole

Through = Callable[[NDArray[Any], float], NDArray[Any]]
"""Images ``(n, C, H, W)``, numbers from 0 to the second argument, to what takes their place."""


@dataclass(frozen=True, eq=False)
class Examples:
    """A data set as it is stored.

    inputs, labels:           ``(n, C, H, W)``, numbers from 0 to ``white``, and ``(n,)``, whole numbers below ``classes``
    test_inputs, test_labels: the same for its own test set, None where it has none
    """

    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    classes: int
    test_inputs: NDArray[Any] | None = None
    test_labels: NDArray[np.int64] | None = None
    white: float = 255

    def through(self, function: Through) -> Examples:
        """The same labels, with what ``function`` makes of the inputs."""
        test = None if self.test_inputs is None else function(self.test_inputs, self.white)
        return replace(self, inputs=function(self.inputs, self.white), test_inputs=test, white=1)


@dataclass(frozen=True)
class Split:
    """Training and test examples. Inputs ``(n, C, H, W)`` float32 in [0, 1], or features ``(n, ...)``; labels ``(n,)`` int64; only training
    labels are noisy.
    """  # noqa: D205 - the summary needs two lines

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    classes: int


def split(examples: Examples, *, train_size: int | None, label_noise: float, seed: int) -> Split:
    """A random choice of ``train_size`` training examples, of whose labels a fraction ``label_noise`` is moved to another class.

    Which labels are moved, and where to, is uniformly random. The test set is the data's own, whole, or else what the choice left. By
    default all training examples are chosen, or, without a test set, 4 of 5. The same seed gives the same choice and the same noise. Raises
    ValueError outside the ranges.
    """
    n = len(examples.labels)
    most = n - 1 if examples.test_inputs is None else n
    if train_size is None:
        train_size = n * 4 // 5 if examples.test_inputs is None else n
    if not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise = {label_noise} must lie in [0, 1]")
    whole("train_size", train_size, at_least=1, at_most=most)
    generator = np.random.default_rng(seed)
    order = generator.permutation(n)
    chosen, rest = order[:train_size], order[train_size:]
    labels = examples.labels[chosen]
    moved = generator.permutation(train_size)[: round(label_noise * train_size)]
    labels[moved] = (labels[moved] + generator.integers(1, examples.classes, size=len(moved))) % examples.classes
    test_inputs, test_labels = examples.test_inputs, examples.test_labels
    if test_inputs is None or test_labels is None:
        test_inputs, test_labels = examples.inputs[rest], examples.labels[rest]
    train, test = (torch.from_numpy(x.astype(np.float32)) / examples.white for x in (examples.inputs[chosen], test_inputs))
    return Split(train, torch.from_numpy(labels), test, torch.from_numpy(test_labels), examples.classes)


def smaller(found: Split, *, test_size: int | None, pool: int) -> Split:
    """The first ``test_size`` test examples, and means over squares of ``pool`` pixels a side. Raises ValueError outside the ranges."""
    if test_size is not None:
        whole("test_size", test_size, at_least=1, at_most=len(found.test_labels))
    whole("pool", pool, at_least=1, at_most=min(found.train_inputs.shape[2:], default=1))
    found = replace(found, test_inputs=found.test_inputs[:test_size], test_labels=found.test_labels[:test_size])
    if pool == 1:  # features have no sides
        return found
    return replace(found, train_inputs=avg_pool2d(found.train_inputs, pool), test_inputs=avg_pool2d(found.test_inputs, pool))
