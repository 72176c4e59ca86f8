"""Fashion-MNIST (Xiao et al., 2017): 60,000 and 10,000 grey images of 28×28 pixels, ten classes.

The package dataset-fashion-mnist of Debian and Ubuntu installs the files where they are found; those of the authors do as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.data.datasets._archives import File, unpacked
from tsla.empirics.data.datasets._split import Examples

INSTALLED = Path("/usr/share/datasets/fashion-mnist")
SOURCE = "https://github.com/zalandoresearch/fashion-mnist, or the Debian package dataset-fashion-mnist"
SHA256 = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of what is packed in them."""
FILES = tuple(File(name, sha256, SOURCE) for name, sha256 in SHA256.items())


def examples(folder: Path | None, *, files: Sequence[File] = FILES) -> Examples:
    """From the four files in ``folder``, by default where the package installs them."""
    return _installed() if folder is None and files is FILES else _read(folder or INSTALLED, files)


@cache
def _installed() -> Examples:
    """Once a process: many runs deal the same images out anew."""
    return _read(INSTALLED, FILES)


def _read(folder: Path, files: Sequence[File]) -> Examples:
    inputs, labels, test_inputs, test_labels = (_idx(unpacked(folder, file), file) for file in files)
    return Examples(inputs[:, None], labels.astype(np.int64), 10, test_inputs[:, None], test_labels.astype(np.int64))


def _idx(content: bytes, file: File) -> NDArray[Any]:
    """The array of an IDX file of bytes: two zeros, 8, the number of dimensions, the dimensions as big-endian integers, the bytes."""
    dimensions = content[3] if content[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start], dtype=">u4").astype(int)
    if dimensions == 0 or len(shape) < dimensions or len(content) != start + shape.prod():
        raise ValueError(f"{file.name} must be an IDX file of bytes")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
