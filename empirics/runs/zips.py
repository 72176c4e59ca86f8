"""Zip archives, which files of arrays and of tensors are: every member looked at before anything in them is believed."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from math import inf
from typing import IO

from tsla.empirics.runs.errors import first_line

PIECE = 2**20
"""Bytes that are read at a time."""
END = 2**16 + 22
"""Bytes that the end of an archive has at most, with its comment."""
MOST = 2**16 - 1
"""Where the end says so many members, there may be more."""
LARGE, RATIO = 2**30, 100
"""What unpacks to more than LARGE bytes and to more than RATIO times its size is no data: numbers are packed tenfold at best."""


class _TooLargeError(ValueError):
    """What is whole, and does not fit."""


def verify(file: IO[bytes], most: float = inf) -> None:
    """Read a zip archive from end to end, in pieces, and compare each member with the checksum that was written with it.

    What is no zip archive passes: it is for whoever reads it to refuse. Raises ValueError, saying what the file is, for an archive that is
    damaged, and for one that would unpack to far more than it is, or to more than ``most`` bytes. Then ``file`` is at its beginning.
    """
    try:
        if zipfile.is_zipfile(file):
            _read(file, most)
    except _TooLargeError:
        raise
    except Exception as error:  # whatever broken bytes lead to
        raise ValueError(f"damaged, or written without checksums: {first_line(error)}") from error
    file.seek(0)


def _read(file: IO[bytes], most: float) -> None:
    """Read every member to its end, where ``zipfile`` compares the checksum."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if min(len(members), MOST) != _written(file):
            raise zipfile.BadZipFile("members are missing")
        if not _bounded(members, file.seek(0, os.SEEK_END)):
            raise zipfile.BadZipFile("it would unpack to far more than was written")
        if (size := sum(member.file_size for member in members)) > most:
            raise _TooLargeError(f"{size / 2**30:.4g} GiB unpacked, of which at most {most / 2**30:.4g} GiB fit the memory")
        for member in members:
            with archive.open(member) as content:
                while content.read(PIECE):
                    pass


def _written(file: IO[bytes]) -> int:
    """How many members the end of the archive says that there are, at most MOST, which ``zipfile`` does not look at."""
    file.seek(-min(END, file.seek(0, os.SEEK_END)), os.SEEK_END)
    _, _, end = file.read().rpartition(b"PK\5\6")
    return int.from_bytes(end[6:8], "little")


def _bounded(members: Sequence[zipfile.ZipInfo], size: int) -> bool:
    """Whether members share no bytes of the file, and are not much larger than their bytes there."""
    together = sum(member.compress_size for member in members)
    return together <= size and all(member.file_size <= max(LARGE, RATIO * member.compress_size) for member in members)
