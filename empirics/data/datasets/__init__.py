"""Data sets of images, one module each, and arrays from a file.

To add one, add a module to this package with a function ``examples(folder, *, size) -> Examples``: ``folder`` is where the user keeps the
files, or None, and ``size`` the side in pixels for images that have none of their own. It is found by itself; its name has - for _.
What data sets share is in modules whose names begin with an underscore. Nothing is downloaded.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

from tsla.empirics.data.datasets._arrays import arrays
from tsla.empirics.data.datasets._split import Examples, Split, Through, smaller, split
from tsla.empirics.data.datasets.digits import CLASSES, digits
from tsla.theory.constants import whole

__all__ = ["CLASSES", "SIZE", "Examples", "Split", "Through", "arrays", "digits", "load", "names", "split"]

SIZE = 64


def names() -> tuple[str, ...]:
    """Names of the data sets, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules if not name.startswith("_")))


def load(
    name: str,
    *,
    folder: Path | None = None,
    train_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    size: int = SIZE,
    pool: int = 1,
    through: Through | None = None,
) -> Split:
    """The data set called ``name``: a seeded random choice of training examples with label noise, and the test set.

    folder:      where the files are, for data that don't come with a package
    train_size:  how many training examples, by default all of them. Of data without a test set (digits, mnist) the others are for testing,
                 by default 1 of 5
    test_size:   only so many test examples, the first ones
    label_noise: the fraction of training labels that is moved to another class, both uniformly random
    size:        the side in pixels that photographs are cropped and scaled to (cub200, dogs, folder)
    pool:        means over squares of so many pixels a side, for smaller images
    through:     what all images go through before the choice, so that it does for all seeds; it has no use with ``pool``

    Raises ValueError for unknown names, outside the ranges, and where the files are missing, broken or others than they should be.
    """
    if name not in names():
        raise ValueError(f"data = {name!r} must be one of {', '.join(names())}")
    whole("size", size, at_least=1)
    examples: Examples = import_module(f"{__name__}.{name.replace('-', '_')}").examples(folder, size=size)
    if through is not None:
        examples = examples.through(through)
    found = split(examples, train_size=train_size, label_noise=label_noise, seed=seed)
    return smaller(found, test_size=test_size, pool=pool)
