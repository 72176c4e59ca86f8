"""Images to measure on, as tensors and as items; and the six moments from their definitions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tsla.theory.constants import Array

CLASSES = 3


def data(n: int = 60, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Images ``(n, 1, 6, 6)`` and labels."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 1, 6, 6, generator=generator, dtype=dtype), torch.randint(CLASSES, (n,), generator=generator)


class Items:
    """A dataset that notes which examples are taken."""

    def __init__(self, inputs: Tensor, labels: Tensor) -> None:
        self.inputs, self.labels, self.taken = inputs, labels, list[int]()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.taken.append(index)
        return self.inputs[index], int(self.labels[index])


def by_definition(g: Array, g_hat: Array, centre: Array | None = None) -> Array:
    """The six moments, in the order of MOMENTS, of these rows as a population, about ``centre`` or their mean."""
    middle, mean_hat = g.mean(0) if centre is None else centre, g_hat.mean(0)
    c = np.mean(np.sum((g - middle) * (g_hat - middle), axis=1))
    squares = (np.mean(np.sum((rows - about) ** 2, axis=1)) for rows, about in ((g, middle), (g_hat, middle), (g_hat, mean_hat)))
    s2, shat2, nu2 = squares
    return np.array([middle @ middle, s2, shat2, c, np.sum((mean_hat - middle) ** 2), nu2])
