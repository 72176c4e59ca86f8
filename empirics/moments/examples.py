"""Examples to draw from, of whatever kind of data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tsla.empirics.smoothing.labels import Smoothing

Drawn = NDArray[np.int64]
"""Indices of examples."""


class ExamplePool:
    """A set to draw examples from, onto ``device``: two tensors (inputs, labels), or what has a length and items (input, label)."""

    def __init__(self, dataset: Any, smoothing: Smoothing, device: torch.device) -> None:
        self.smoothing, self.device = smoothing, device
        self._tensors: tuple[Tensor, Tensor] | None = None
        self._items = dataset
        if isinstance(dataset, (tuple, list)) and len(dataset) == 2 and all(isinstance(part, Tensor) for part in dataset):
            self._tensors = (dataset[0], dataset[1])
            if len(dataset[0]) != len(dataset[1]):
                raise ValueError(f"dataset holds {len(dataset[0])} inputs and {len(dataset[1])} labels; must be equally many")
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise ValueError(f"dataset is a {type(dataset).__name__}; must be two tensors (inputs, labels), or have a length and items")
        if len(self) == 0:
            raise ValueError("dataset holds 0 examples; must be at least 1")
        if isinstance(smoothing, str) and smoothing == "prior":
            raise ValueError("smoothing = 'prior' would change with the examples drawn; give the frequencies of the classes as a tensor")
        if _by_example(smoothing) and len(smoothing) != len(self):
            raise ValueError(f"smoothing has {len(smoothing)} rows; must be (K,), or one row for each of the {len(self)} examples")

    def __len__(self) -> int:
        return len(self._items if self._tensors is None else self._tensors[0])

    def take(self, drawn: Drawn) -> tuple[Tensor, Tensor, Smoothing]:
        """Inputs, labels and ŷ of these examples."""
        inputs, labels = self._stacked(drawn.tolist()) if self._tensors is None else (_rows(part, drawn) for part in self._tensors)
        return (
            inputs.to(self.device),
            labels.to(self.device),
            _rows(self.smoothing, drawn) if _by_example(self.smoothing) else self.smoothing,
        )

    def _stacked(self, drawn: Sequence[int]) -> tuple[Tensor, Tensor]:
        pairs = [self._pair(index) for index in drawn]
        return torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])

    def _pair(self, index: int) -> tuple[Tensor, Tensor]:
        item = self._items[index]
        try:
            x, y = item
            return torch.as_tensor(x), torch.as_tensor(y)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"dataset[{index}] must be a pair (input, label) of tensors, arrays or numbers: {error}") from error


def _rows(tensor: Tensor, drawn: Drawn) -> Tensor:
    return tensor[torch.from_numpy(drawn).to(tensor.device)]


def _by_example(smoothing: Smoothing) -> TypeGuard[Tensor]:
    return isinstance(smoothing, Tensor) and smoothing.ndim > 1 and len(smoothing) > 1
