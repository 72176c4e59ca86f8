"""The archives of CIFAR (Krizhevsky, 2009), as they are for Python: pickles of rows of 3·32·32 bytes, with lists of labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.data.datasets._archives import File, contents, unpickled
from tsla.empirics.data.datasets._split import Examples

SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html"
SHAPE = (3, 32, 32)


def examples(folder: Path | None, archive: File, *, train: Sequence[str], test: str, labels: str, classes: int) -> Examples:
    """The images and labels of the members ``train`` and ``test``, whose labels are called ``labels``."""
    found = contents(folder, archive, [*train, test])
    parts = [_part(found[name], f"{archive.name}: {name}", labels, classes) for name in train]
    inputs, targets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Examples(inputs, targets, classes, *_part(found[test], f"{archive.name}: {test}", labels, classes))


def _part(content: bytes, where: str, labels: str, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    batch = unpickled(content, where)
    inputs: Any
    targets: Any
    inputs, targets = (batch.get("data"), batch.get(labels)) if isinstance(batch, dict) else (None, None)
    of_bytes = isinstance(inputs, np.ndarray) and inputs.dtype == np.uint8
    whole = isinstance(targets, list) and all(type(k) is int and 0 <= k < classes for k in targets)
    if not of_bytes or not whole or inputs.shape != (len(targets), math.prod(SHAPE)):
        raise ValueError(f"{where} must hold 'data', (n, 3072) bytes, and {labels!r}, n whole numbers below {classes}")
    return inputs.reshape(-1, *SHAPE), np.array(targets, dtype=np.int64)
