"""Files: looked at before a run that needs them, and written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name to write a file under, which then takes the place of ``path``: a killed run leaves a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def must_be_in_checkout(path: Path, why: str) -> None:
    """Raises ValueError, saying ``why`` the path is needed, where it is not: outside a checkout of the repository."""
    if not path.exists():
        raise ValueError(f"{path} is not here; {why}: call it in a checkout of the repository")


def must_be_there(name: str, path: Path, what: str) -> None:
    """Raises ValueError, calling the file by ``name`` and saying ``what`` it must be, where there is no such file."""
    if not path.is_file():
        raise ValueError(f"{name} = {path}: {'that is a folder' if path.is_dir() else 'no such file'}; must be {what}")


def must_be_writable(**paths: Path | None) -> None:
    """Raises ValueError where a file can't be written, before a run whose results it would lose. None is not written."""
    for name, path in paths.items():
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{name} = {path}: that is a folder; must be a file")
        _must_have_a_place(name, path)


def must_be_folder(name: str, path: Path | None) -> None:
    """Raises ValueError where files can't be written into a folder, which need not be there yet. None is a folder of the command's own."""
    if path is None:
        return
    if path.exists() and not path.is_dir():
        raise ValueError(f"{name} = {path}: that is a file; must be a folder")
    _must_have_a_place(name, path)


def _must_have_a_place(name: str, path: Path) -> None:
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise ValueError(f"{name} = {path}: nothing can be written below {folder}; must be in a folder that can be written to")
