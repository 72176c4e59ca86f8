"""Stanford Dogs (Khosla et al., 2011): 12,000 and 8,580 photographs of dogs, 120 classes.

The authors publish no checksums: these are the ones that TensorFlow Datasets recorded.
"""

from __future__ import annotations

import io
from pathlib import Path

from scipy.io import loadmat

from tsla.empirics.data.datasets._archives import File, contents, members
from tsla.empirics.data.datasets._images import SIZE, Listed, assembled, decoded
from tsla.empirics.data.datasets._split import Examples
from tsla.empirics.runs.errors import first_line

SOURCE = "http://vision.stanford.edu/aditya86/ImageNetDogs/"
IMAGES = File("images.tar", "a443fc2f9a851aa1a7b8e4fa4af94b8459fce2c9f5a2f4dd4669cf9673a4ec58", SOURCE)
LISTS = File("lists.tar", "34b47cacd9a98b5d150e084f24d29391c084c55272295ec65c85651bc35f4d6c", SOURCE)
ROOT = "Images/"


def examples(folder: Path | None, *, size: int = SIZE, images: File = IMAGES, lists: File = LISTS) -> Examples:
    """From the two archives in ``folder``, at ``size`` pixels a side."""
    tables = contents(folder, lists, ["train_list.mat", "test_list.mat"])
    train, test = (_listed(tables[f"{which}_list.mat"], f"{lists.name}: {which}_list.mat") for which in ("train", "test"))
    found = members(folder, images, lambda name: name.startswith(ROOT))
    return assembled({name: decoded(content, size, f"{images.name}: {name}") for name, content in found}, train, test, 120, images.name)


def _listed(content: bytes, where: str) -> Listed:
    try:
        table = loadmat(io.BytesIO(content), variable_names=["file_list", "labels"])  # type: ignore[arg-type]
        names, labels = table["file_list"].ravel(), table["labels"].ravel()
        return [(f"{ROOT}{name.item()}", int(label) - 1) for name, label in zip(names, labels, strict=True)]
    except Exception as error:  # whatever broken bytes lead to
        raise ValueError(f"{where} cannot be read: {first_line(error)}") from error
