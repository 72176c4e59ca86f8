"""CUB-200-2011 (Wah et al., 2011): 5,994 and 5,794 photographs of birds, 200 classes."""

from __future__ import annotations

from pathlib import Path

from tsla.empirics.data.datasets._archives import File, members, reading
from tsla.empirics.data.datasets._images import SIZE, Listed, assembled, decoded
from tsla.empirics.data.datasets._split import Examples

ARCHIVE = File(
    "CUB_200_2011.tgz",
    "0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
    "https://data.caltech.edu/records/65de6-vp158",
)
ROOT = "CUB_200_2011/"
TABLES = [f"{ROOT}{name}.txt" for name in ("images", "image_class_labels", "train_test_split")]


def examples(folder: Path | None, *, size: int = SIZE, archive: File = ARCHIVE) -> Examples:
    """From the archive in ``folder``, at ``size`` pixels a side."""
    tables, images = {}, {}
    for name, content in members(folder, archive, lambda name: name in TABLES or name.startswith(f"{ROOT}images/")):
        if name in TABLES:
            tables[name] = content
        else:
            images[name] = decoded(content, size, f"{archive.name}: {name}")
    with reading(archive.name):
        train, test = _listed(*(tables[name] for name in TABLES))
    return assembled(images, train, test, 200, archive.name)


def _listed(*tables: bytes) -> tuple[Listed, Listed]:
    """The images for training and for testing; each table has lines of an image's number and its name, its class, and 1 for training."""
    names, labels, training = (dict(line.split() for line in table.decode().splitlines()) for table in tables)
    listed = [(f"{ROOT}images/{name}", int(labels[i]) - 1, training[i]) for i, name in names.items()]
    train, test = ([(name, label) for name, label, use in listed if use == which] for which in "10")
    return train, test
