"""Which files of a folder were written since they were made to look old."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq


def age(folder: Path) -> set[Path]:
    """Make all files look as if written in 1970, so that :func:`rewritten` sees which are new. Returns them."""
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    return set(folder.iterdir())


def flipped(content: bytes, place: int, bit: int = 0) -> bytes:
    """The content with one bit turned."""
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def in_a_page(path: Path) -> int:
    """The place of the last byte that a record has of its first column."""
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    return (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1


def rewritten(folder: Path) -> set[Path]:
    return {path for path in folder.iterdir() if path.stat().st_mtime > 0}


def does_what_is_lost_and_no_more(make: Callable[[], Path], folder: Path) -> None:
    """Making a record again whose parts are in the folder: all of them, all but one, and all with one that is damaged."""
    whole, before = make().read_bytes(), age(folder)
    make()
    assert rewritten(folder) == set()
    lost = min(before)
    lost.unlink()
    assert make().read_bytes() == whole
    assert rewritten(folder) == {lost}
    age(folder)
    damaged = max(before)
    damaged.write_bytes(flipped(damaged.read_bytes(), in_a_page(damaged)))
    os.utime(damaged, (0, 0))
    assert make().read_bytes() == whole
    assert rewritten(folder) == {damaged}
