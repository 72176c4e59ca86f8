"""Real data that needs no network: scikit-learn's digits (Alpaydin and Kaynak, 1998), 1,797 images of 8×8, in the wheel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

CLASSES = 10


@dataclass(frozen=True)
class Split:
    """Training and test examples. Inputs are ``(n, 1, 8, 8)`` float32 in [0, 1]; labels ``(n,)`` int64; only training labels are noisy."""

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor


def digits(*, train_size: int, label_noise: float, seed: int) -> Split:
    """A random split, of whose training labels a fraction ``label_noise``, chosen at random, is moved to another class, uniformly.

    The same seed gives the same split and the same noise. Raises ValueError outside the ranges.
    """
    if not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise = {label_noise} must lie in [0, 1]")
    data = load_digits()
    if not 1 <= train_size < len(data.target):
        raise ValueError(f"train_size = {train_size} must lie in 1 ... {len(data.target) - 1}")
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(data.target))
    inputs = (data.images[order] / 16).astype(np.float32)[:, None]
    labels = data.target[order].astype(np.int64)
    flipped = generator.permutation(train_size)[: round(label_noise * train_size)]
    labels[flipped] = (labels[flipped] + generator.integers(1, CLASSES, size=len(flipped))) % CLASSES
    return Split(*(torch.from_numpy(a) for a in (inputs[:train_size], labels[:train_size], inputs[train_size:], labels[train_size:])))
