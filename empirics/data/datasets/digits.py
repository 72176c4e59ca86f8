"""scikit-learn's digits (Alpaydin and Kaynak, 1998): 1,797 grey images of 8×8 pixels that come with its wheel, ten classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from tsla.empirics.data.datasets._split import Examples

CLASSES = 10


def examples(folder: Path | None = None) -> Examples:
    """From scikit-learn's wheel. There is no test set."""
    data = load_digits()
    return Examples(data.images[:, None], data.target.astype(np.int64), CLASSES, white=16)
