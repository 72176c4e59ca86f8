"""scikit-learn's digits (Alpaydin and Kaynak, 1998): 1,797 grey images of 8×8 pixels that come with its wheel, ten classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from tsla.empirics.data.datasets._split import Examples, Split, split

CLASSES = 10


def examples(folder: Path | None = None) -> Examples:
    """From scikit-learn's wheel. There is no test set."""
    data = load_digits()
    return Examples(data.images[:, None], data.target.astype(np.int64), CLASSES, white=16)


def digits(*, train_size: int, label_noise: float, seed: int) -> Split:
    """A random split, of whose training labels a fraction ``label_noise``, chosen at random, is moved to another class, uniformly.

    The same seed gives the same split and the same noise. Raises ValueError outside the ranges.
    """
    return split(examples(), train_size=train_size, label_noise=label_noise, seed=seed)
