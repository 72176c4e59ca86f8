"""A small classifier, its examples, and the two measured."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.measure import Measurement, draw, measure
from tsla.empirics.smoothing.labels import Smoothing

CLASSES = 3


def classifier() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, CLASSES)).double()


def examples(n: int = 24, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs that say something of their labels, but not all: gradients have means and variances."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    inputs = torch.randn(n, 2, generator=generator) + labels[:, None]
    return inputs.double(), labels


def measured(smoothing: Smoothing = "uniform", n: int = 24, **options: Any) -> Measurement:
    """All of ``n`` examples, as the population."""
    return measure(classifier(), draw(*examples(n)), smoothing, population=n, **options)
