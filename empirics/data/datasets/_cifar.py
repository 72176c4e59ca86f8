"""The archives of CIFAR (Krizhevsky, 2009), as they are for Python: pickles of rows of 3·32·32 bytes, with lists of labels and of names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.data.datasets._archives import File, contents, unpickled
from tsla.empirics.data.datasets._split import Examples
from tsla.theory.constants import whole

SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html"
SHAPE = (3, 32, 32)
PER_TEST_IMAGE = 4
"""Training images for each test image of a class, where only some of each class are taken."""


@dataclass(frozen=True, eq=False)
class Part:
    """Training or test set: ``(n, 3, 32, 32)``, ``(n,)``, and the names of the images ``(n,)``."""

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: NDArray[np.str_]

    def fewest(self, classes: int) -> int:
        """Images of the class that has the fewest."""
        return int(np.bincount(self.labels, minlength=classes).min())

    def least(self, count: int, classes: int) -> Part:
        """Of each class the ``count`` images whose names have the least SHA-256: sorted by class, and in a class by name."""
        digests = np.array([sha256(name.encode()).hexdigest() for name in self.names.tolist()])
        order = np.lexsort((digests, self.labels))
        chosen = np.concatenate([order[self.labels[order] == label][:count] for label in range(classes)])
        chosen = chosen[np.lexsort((self.names[chosen], self.labels[chosen]))]
        return Part(self.inputs[chosen], self.labels[chosen], self.names[chosen])


def examples(
    folder: Path | None, archive: File, *, train: Sequence[str], test: str, labels: str, classes: int, per_class: int | None
) -> Examples:
    """The images and labels of the members ``train`` and ``test``, whose labels are called ``labels``.

    With ``per_class`` only so many training images of each class, and a quarter as many test images, by :meth:`Part.least`, in the order in
    which the data set "folder" reads them. Raises ValueError where there are fewer.
    """
    found = contents(folder, archive, [*train, test])
    batches = [_batch(found[name], f"{archive.name}: {name}", labels, classes) for name in train]
    training = Part(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in ("inputs", "labels", "names")))
    testing = _batch(found[test], f"{archive.name}: {test}", labels, classes)
    if per_class is not None:
        most = min(training.fewest(classes), PER_TEST_IMAGE * testing.fewest(classes))
        whole("per_class", per_class, at_least=PER_TEST_IMAGE, at_most=most)
        training, testing = training.least(per_class, classes), testing.least(per_class // PER_TEST_IMAGE, classes)
    return Examples(training.inputs, training.labels, classes, testing.inputs, testing.labels)


def _batch(content: bytes, where: str, labels: str, classes: int) -> Part:
    batch = unpickled(content, where)
    inputs: Any
    targets: Any
    names: Any
    inputs, targets, names = (batch.get(key) for key in ("data", labels, "filenames")) if isinstance(batch, dict) else (None,) * 3
    of_bytes = isinstance(inputs, np.ndarray) and inputs.dtype == np.uint8
    complete = isinstance(targets, list) and all(type(k) is int and 0 <= k < classes for k in targets)
    named = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not (of_bytes and complete and named) or inputs.shape != (len(targets), math.prod(SHAPE)) or len(names) != len(targets):
        rule = f"'data', (n, 3072) bytes, {labels!r}, n whole numbers below {classes}, and 'filenames', n names"
        raise ValueError(f"{where} must hold {rule}")
    return Part(inputs.reshape(-1, *SHAPE), np.array(targets, dtype=np.int64), np.array(names))
