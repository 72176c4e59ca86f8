"""CIFAR-100 (Krizhevsky, 2009): 50,000 and 10,000 colour images of 32×32 pixels, a hundred classes (the fine labels)."""

from __future__ import annotations

from pathlib import Path

from tsla.empirics.data.datasets import _cifar
from tsla.empirics.data.datasets._archives import File
from tsla.empirics.data.datasets._split import Examples

ARCHIVE = File("cifar-100-python.tar.gz", "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7", _cifar.SOURCE)


def examples(folder: Path | None, *, per_class: int | None = None, archive: File = ARCHIVE) -> Examples:
    """From the archive in ``folder``: see :func:`tsla.empirics.data.datasets._cifar.examples`."""
    train, test = "cifar-100-python/train", "cifar-100-python/test"
    return _cifar.examples(folder, archive, train=[train], test=test, labels="fine_labels", classes=100, per_class=per_class)
