"""Data sets of images, one module each, and arrays from a file.

To add one, add a module to this package with a function ``examples(folder) -> Examples``: ``folder`` is where the user keeps the files, or
None. It may also take ``size`` or ``per_class``, as :func:`load` has them. It is found by itself; its name has - for _.
What data sets share is in modules whose names begin with an underscore. Nothing is downloaded.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from inspect import signature
from pathlib import Path

from tsla.empirics.data.datasets._arrays import arrays
from tsla.empirics.data.datasets._split import Examples, Split, Through, smaller, split
from tsla.empirics.data.datasets.digits import CLASSES
from tsla.empirics.runs.files import must_be_a_path
from tsla.theory.constants import must_be_one_of, whole

__all__ = ["CLASSES", "Examples", "Split", "Through", "arrays", "load", "names", "split"]


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
    size: int | None = None,
    per_class: int | None = None,
    pool: int = 1,
    through: Through | None = None,
) -> Split:
    """The data set called ``name``: a seeded random choice of training examples with label noise, and the test set.

    folder:      where the files are, for data that don't come with a package
    train_size:  how many training examples, by default all of them. Of data without a test set (digits, mnist) the others are for testing,
                 by default 1 of 5
    test_size:   only so many test examples, the first ones
    label_noise: the fraction of training labels that is moved to another class, both uniformly random
    size:        the side in pixels that photographs are cropped and scaled to (cub200, dogs, folder), by default 64; but images of a folder
                 that are squares of one size keep it
    per_class:   of each class only so many training images, and a quarter as many for testing: those whose names have the least SHA-256
                 (cifar10, cifar100)
    pool:        means over squares of so many pixels a side, for smaller images
    through:     what all images go through before the choice, so that it does for all seeds; it has no use with ``pool``

    Raises ValueError for unknown names, outside the ranges, and where the files are missing, broken or others than they should be.
    """
    must_be_one_of("data", name, names())
    if size is not None:
        whole("size", size, at_least=1)
    examples = _examples(name, folder, size=size, per_class=per_class)
    if through is not None:
        examples = examples.through(through)
    found = split(examples, train_size=train_size, label_noise=label_noise, seed=seed)
    return smaller(found, test_size=test_size, pool=pool)


def _examples(name: str, folder: Path | None, **options: int | None) -> Examples:
    """All examples of a data set. Raises ValueError for an option that is given and that it does not take, and for a folder's path."""
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    given = {option: value for option, value in options.items() if value is not None}
    for option, value in given.items():
        if option not in signature(module.examples).parameters:
            raise ValueError(f"{option} = {value} has no use with data = {name!r}")
    if folder is not None:
        must_be_a_path("folder", folder)
    found: Examples = module.examples(folder, **given)
    return found
