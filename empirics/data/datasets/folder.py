"""Images of one's own: FOLDER/train/CLASS/NAME.png and FOLDER/test/CLASS/NAME.png, or .jpg, .jpeg, .bmp, .webp."""

from __future__ import annotations

from pathlib import Path

from tsla.empirics.data.datasets._images import FORMATS, Listed, assembled, common_side, decoded
from tsla.empirics.data.datasets._split import Examples


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
    paths = [Path(name) for name, _ in [*train, *test]]
    side = common_side(paths) if size is None else size
    images = {str(path): decoded(path, side, str(path)) for path in paths}
    return assembled(images, train, test, len(classes), str(folder))


def _classes(folder: Path) -> list[str]:
    return sorted(found.name for found in folder.iterdir() if found.is_dir())


def _listed(folder: Path, classes: list[str]) -> Listed:
    found = [(path, label) for label, name in enumerate(classes) for path in sorted((folder / name).glob("*"))]
    return [(str(path), label) for path, label in found if path.suffix.lower() in FORMATS]
