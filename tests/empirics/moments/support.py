"""Images to measure on, as tensors and as items, and a network of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = 3


def data(n: int = 60, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Images ``(n, 1, 6, 6)`` and labels."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 1, 6, 6, generator=generator, dtype=dtype), torch.randint(CLASSES, (n,), generator=generator)


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, CLASSES))


class Items:
    """A dataset that notes which examples are taken."""

    def __init__(self, inputs: Tensor, labels: Tensor) -> None:
        self.inputs, self.labels, self.taken = inputs, labels, list[int]()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.taken.append(index)
        return self.inputs[index], int(self.labels[index])
