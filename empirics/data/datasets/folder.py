"""Images of one's own: FOLDER/train/CLASS/NAME.png and FOLDER/test/CLASS/NAME.png, or .jpg, .jpeg, .bmp, .webp."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.data.datasets._images import FORMATS, Listed, assembled, common_side, decoded
from tsla.empirics.data.datasets._split import Examples

File = tuple[str, int, int, int, int]
"""Its name, when it was changed last, and its size."""


def examples(folder: Path | None, *, size: int | None = None) -> Examples:
    """From the images in ``folder``, at ``size`` pixels a side: by default the side that all have, else 64.

    Classes are numbered in the order of the names of their training folders, and the images of a class are in the order of their names.

    Raises ValueError for fewer than two classes, and for a class that occurs in testing alone.
    """
    if folder is None or not all((folder / part).is_dir() for part in ("train", "test")):
        raise ValueError(f"folder = {folder} must be a folder that holds train/CLASS/ and test/CLASS/, with images in them")
    classes = _classes(folder / "train")
    unknown = sorted(set(_classes(folder / "test")) - set(classes))
    if len(classes) < 2 or unknown:
        raise ValueError(
            f"folder = {folder} has the training classes {classes} and others for testing, {unknown}; must have 2 or more, and none"
        )
    train, test = (_listed(folder / part, classes) for part in ("train", "test"))
    files = tuple(_as_it_is(name) for name, _ in [*train, *test])
    return assembled(_images(files, size), train, test, len(classes), str(folder))


def _as_it_is(name: str) -> File:
    try:
        found = Path(name).stat()
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error
    return name, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


@lru_cache(maxsize=1)
def _images(files: tuple[File, ...], size: int | None) -> dict[str, NDArray[np.uint8]]:
    """The images by name, read once a process as long as no file changes: another seed deals the same images out anew."""
    paths = [Path(name) for name, *_ in files]
    side = common_side(paths) if size is None else size
    return {str(path): decoded(path, side, str(path)) for path in paths}


def _classes(folder: Path) -> list[str]:
    return sorted(found.name for found in folder.iterdir() if found.is_dir())


def _listed(folder: Path, classes: list[str]) -> Listed:
    found = [(path, label) for label, name in enumerate(classes) for path in sorted((folder / name).glob("*"))]
    return [(str(path), label) for path, label in found if path.suffix.lower() in FORMATS]
