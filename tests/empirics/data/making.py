"""Files as the authors of data sets make them, small."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from tsla.empirics.data.datasets._archives import File
from tsla.empirics.data.sentences import INNER


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def described(path: Path, content: bytes | None = None) -> File:
    """The file at ``path`` with its checksum, or that of its unpacked content."""
    return File(path.name, hashlib.sha256(path.read_bytes() if content is None else content).hexdigest(), "https://example.org")


def tar(path: Path, members: Mapping[str, bytes], *others: tarfile.TarInfo) -> File:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return described(path)


def idx(path: Path, array: np.ndarray, name: str = "") -> File:
    """A packed IDX file; ``name`` goes into the header of the packing."""
    content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    with path.open("wb") as stream, gzip.GzipFile(name, "wb", fileobj=stream) as packed:
        packed.write(content)
    return described(path, content)


def image(array: np.ndarray, kind: str = "png") -> bytes:
    """An image file of ``(h, w, 3)`` or ``(h, w)`` bytes."""
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind)
    return stream.getvalue()


def image_folder(folder: Path) -> Path:
    """Images of 6×6 pixels of two classes, one darker than the other: eight for training and four for testing."""
    for i in range(12):
        path = folder / ("test" if i >= 8 else "train") / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(noise(6, 6, 3, seed=i) // (1 + i % 2)))
    return folder


class _Python2(pickle._Pickler):
    """Pickles of Python 2 and its NumPy: strings are bytes, and NumPy's module has its old name."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, text: bytes | str) -> None:
        content = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(text)

    dispatch[bytes] = dispatch[str] = save_string

    def save_global(self, obj: object, name: str | None = None) -> None:
        module = obj.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{name or obj.__qualname__}\n".encode())
        self.memoize(obj)


def python2_pickle(found: object) -> bytes:
    stream = io.BytesIO()
    _Python2(stream, protocol=2).dump(found)
    return stream.getvalue()


def sentences_archive(folder: Path, texts: Mapping[str, list[str]], **others: bytes) -> File:
    """The archive of rated sentences, with these of each source and no more; ``others`` are further members of the inner one."""
    lines = {source: "".join(f"{i}\t0.5\t{text}\r\n" for i, text in enumerate(some)) for source, some in texts.items()}
    files = {f"hutto_ICWSM_2014/{source}_GroundTruth.txt": content.encode("latin-1") for source, content in lines.items()}
    tar(inner := folder / "inner.tar.gz", files | others)
    return tar(folder / "outer.tar.gz", {INNER: inner.read_bytes()})
