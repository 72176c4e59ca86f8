"""CIFAR-10 (Krizhevsky, 2009): 50,000 and 10,000 colour images of 32×32 pixels, ten classes."""

from __future__ import annotations

from pathlib import Path

from tsla.empirics.data.datasets import _cifar
from tsla.empirics.data.datasets._archives import File
from tsla.empirics.data.datasets._split import Examples

ARCHIVE = File("cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", _cifar.SOURCE)
TRAIN = [f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)]
TEST = "cifar-10-batches-py/test_batch"


def examples(folder: Path | None, *, per_class: int | None = None, archive: File = ARCHIVE) -> Examples:
    """From the archive in ``folder``: see :func:`tsla.empirics.data.datasets._cifar.examples`."""
    return _cifar.examples(folder, archive, train=TRAIN, test=TEST, labels="labels", classes=10, per_class=per_class)
