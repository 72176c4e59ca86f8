"""Files that others made: their checksum comes first, and nothing in them is run or written to the disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from tsla.empirics.runs.errors import first_line

UNPACKED = 2**26
"""The most bytes that are decompressed from a .gz file."""


@dataclass(frozen=True)
class File:
    """A file that the user has to get: its name, the SHA-256 of its content as hexadecimal digits, and where it comes from."""

    name: str
    sha256: str
    source: str


def path(folder: Path | None, file: File) -> Path:
    """Where the file is. Raises ValueError, saying which file to put where, if it is not there."""
    if folder is None or not (folder / file.name).is_file():
        raise ValueError(f"folder = {folder} must be a folder that holds {file.name}, from {file.source}")
    return folder / file.name


def verify(digest: str, file: File, where: Path) -> None:
    """Raises ValueError where the SHA-256 is not that of the file."""
    if digest != file.sha256:
        raise ValueError(f"{where} has the SHA-256 {digest}; must be {file.sha256}: get {file.name} again, from {file.source}")


def unpacked(folder: Path | None, file: File) -> bytes:
    """The content of a .gz file. The checksum is that of the content, since the same content is packed in more than one way.

    Raises ValueError where it is missing, broken or another file.
    """
    where = path(folder, file)
    with reading(where), gzip.open(where) as stream:
        content = stream.read(UNPACKED)
    verify(hashlib.sha256(content).hexdigest(), file, where)
    return content


def members(folder: Path | None, file: File, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the members of a tar archive whose names are ``wanted``, in the archive's order, read into memory.

    The checksum is that of the archive. Raises ValueError where the archive is missing, broken or another one, and for links, special
    files, absolute names, names that lead out of the folder, and names that occur twice.
    """
    where = path(folder, file)
    with where.open("rb") as stream:
        verify(hashlib.file_digest(stream, "sha256").hexdigest(), file, where)
        stream.seek(0)  # the same open file, so that what was verified is what is read
        yield from _regular_files(stream, where, wanted)


def within(content: bytes, where: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """The same of a tar archive that is itself a member of one, and so has been verified; refusals call it ``where``."""
    return _regular_files(io.BytesIO(content), where, wanted)


def _regular_files(stream: IO[bytes], where: Path | str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    seen = set()
    with reading(where), tarfile.open(fileobj=stream) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts or not (member.isreg() or member.isdir()) or name in seen:
                raise ValueError(f"{member.name!r} is a link, a special file, there twice, or leads out of the folder")
            seen.add(name)
            content = archive.extractfile(member) if wanted(str(name)) else None
            if content is not None:
                yield str(name), content.read()


def contents(folder: Path | None, file: File, names: Collection[str]) -> dict[str, bytes]:
    """The members of a tar archive called ``names``: see :func:`members`. Raises ValueError where one is missing, too."""
    found = dict(members(folder, file, set(names).__contains__))
    missing = sorted(set(names) - set(found))
    if missing:
        raise ValueError(f"{path(folder, file)} must hold {', '.join(missing)}")
    return found


@contextmanager
def reading(where: Path | str) -> Iterator[None]:
    """Turns what goes wrong in reading ``where`` into a ValueError of one line."""
    try:
        yield
    except (OSError, EOFError, LookupError, MemoryError, TypeError, ValueError, tarfile.TarError, zlib.error) as error:
        raise ValueError(f"{where} cannot be read: {first_line(error)}") from error


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _OfArrays(pickle.Unpickler):
    """Makes arrays, and what pickles hold without a name: numbers, strings, lists, dicts."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may call."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is asked for; only arrays, numbers and strings may be in it")
        return _ALLOWED[module, name]


def unpickled(content: bytes, where: str) -> Any:
    """What the pickle, of Python 2 and NumPy, holds, if it is arrays, numbers and strings alone.

    Raises ValueError, calling it ``where``, otherwise, before anything that it asks for is called.
    """
    try:
        return _OfArrays(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # whatever broken bytes lead to
        raise ValueError(f"{where} cannot be unpickled: {first_line(error)}") from error
