"""Images in files, decoded by Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.data.datasets._split import Examples
from tsla.empirics.runs.errors import first_line

if TYPE_CHECKING:
    from PIL import Image

SIZE = 64
"""The side in pixels that photographs are scaled to."""
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}
Listed = Sequence[tuple[str, int]]  # names of images, each with its label


def decoded(file: bytes | Path, size: int, where: str) -> NDArray[np.uint8]:
    """The image in three colours, its middle square scaled to ``size`` pixels a side: ``(3, size, size)``.

    Raises ValueError, calling the file by ``where``, for broken and for very large ones.
    """
    from PIL import Image, ImageOps  # here, so that data without files of images load without Pillow

    with _opened(file, where) as image:
        square = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    return np.asarray(square).transpose(2, 0, 1)


def common_side(images: Iterable[Path]) -> int:
    """The side in pixels that all images have, if they are squares of one size, else SIZE.

    Only the heads of the files are read. Raises ValueError for broken ones.
    """
    sides: set[int] = set()
    for path in images:
        with _opened(path, str(path)) as image:
            sides.update(image.size)
    return sides.pop() if len(sides) == 1 else SIZE


@contextmanager
def _opened(file: bytes | Path, where: str) -> Iterator[Image.Image]:
    """The image of a file or of its content, not yet decoded: what breaks within this context is a ValueError that calls it ``where``."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=sorted(set(FORMATS.values()))) as image:
            yield image
    except UnidentifiedImageError as error:
        raise ValueError(f"{where} must be an image in one of the formats {', '.join(FORMATS)}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # SyntaxError comes from broken PNGs
        raise ValueError(f"{where} cannot be read: {first_line(error)}") from error


def assembled(images: Mapping[str, NDArray[np.uint8]], train: Listed, test: Listed, classes: int, where: str) -> Examples:
    """The training and the test set, whose images and labels are listed. Raises ValueError for an empty list and for what is not there."""
    for name, label in [*train, *test]:
        if name not in images or label not in range(classes):
            raise ValueError(f"{where} must hold {name}, of a class below {classes}, which its list names")
    if not train or not test:
        raise ValueError(f"{where} must list images for training and for testing")
    inputs, test_inputs = (np.stack([images[name] for name, _ in listed]) for listed in (train, test))
    labels, test_labels = (np.array([label for _, label in listed], dtype=np.int64) for listed in (train, test))
    return Examples(inputs, labels, classes, test_inputs, test_labels)
