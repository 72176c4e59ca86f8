"""Files: looked at before a run that needs them, and written whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from itertools import combinations, product
from pathlib import Path

from tsla.streams import came_out

Write = Callable[[Path], None]
"""Writes a file at a path."""
LONGEST_NAME = 200
"""Bytes of a file's name: file systems take 255, and the temporary name has three dots, the host and the number of the process more."""
HOST = socket.gethostname()[:32]
LOG = logging.getLogger(__name__)
"""What is worth a line on standard error, which is where Python puts it unless told otherwise."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name to write a file under, which then takes the place of ``path``: a killed run leaves a whole file or none.

    What processes of this machine that are gone left under such names is removed. Of a link, the file that it leads to. Who may read the
    file stays as it was. An OSError that names no file, such as that of a full disk, gets the name of this one. Raises ValueError where a
    device or a pipe would be replaced.
    """
    path = led_to(path)
    _must_be_replaceable("file", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{path.name}.{HOST}."
    _remove_strays(path.parent, start)
    temporary = path.with_name(f"{start}{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # a file of our own, and no link that waits there
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """The text, whole or not at all: see :func:`replacing`."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_texts(texts: Mapping[Path, str]) -> list[Path]:
    """Each at its path. Returns the paths."""
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)


def _remove_strays(folder: Path, start: str) -> None:
    """Remove the files that are called ``start`` and the number of a process that runs no more."""
    with suppress(OSError):
        for stray in folder.glob(f"{escape(start)}*"):
            number = stray.name.removeprefix(start)
            if number.isdecimal() and not _runs(int(number)):
                stray.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Whether there is such a process; where that can't be told, there may be."""
    if os.name == "nt":  # where signal 0 would be Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def must_be_a_path(name: str, path: Path) -> None:
    """Raises ValueError where the system does not say what is there: the path is too long, or lies where nobody may look."""
    try:
        path.stat()
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.EACCES):
            text = str(path)
            begins = text if len(text) <= 600 else f"{text[:80]}..."
            raise ValueError(f"{name} = {begins}: {error.strerror}; must be a path where the system can look") from error


def must_be_there(name: str, path: Path, what: str) -> None:
    """Raises ValueError, calling the file by ``name`` and saying ``what`` it must be, where there is no such file."""
    must_be_a_path(name, path)
    if not path.is_file():
        raise ValueError(
            f"{name} = {' '.join(str(path).split())}: {'that is a folder' if path.is_dir() else 'no such file'}; must be {what}"
        )


def must_be_writable(*, inputs: Mapping[str, Path | None] | None = None, **paths: Path | None) -> None:
    """Raises ValueError where a file can't be written, before a run whose results it would lose. None is not written.

    It can't be written either where it is another one of ``paths``, or one of the ``inputs``, by whatever name or link.
    """
    given = {name: path for name, path in paths.items() if path is not None}
    read = {name: path for name, path in (inputs or {}).items() if path is not None}
    for name, path in (given | read).items():
        must_be_a_path(name, path)
    for name, path in given.items():
        if (length := len(os.fsencode(path.name))) > LONGEST_NAME:
            raise ValueError(f"{name} = {path}: its name has {length} bytes; must have at most {LONGEST_NAME}")
        if path.is_dir():
            raise ValueError(f"{name} = {path}: that is a folder; must be a file")
        _must_be_replaceable(name, path)
        _must_have_a_place(name, path)
    for (name, path), (other, taken) in [*combinations(given.items(), 2), *product(given.items(), read.items())]:
        if _same(path, taken):
            raise ValueError(f"{name} = {path} and {other} = {taken} are the same file; must be two")
        if _below(path, taken) or _below(taken, path):
            raise ValueError(
                f"{name} = {path} and {other} = {taken}: one lies below the other, as if that were a folder; must be two files"
            )


def _must_be_replaceable(name: str, path: Path) -> None:
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{name} = {path}: that is a device or a pipe, which would be replaced; must be a file")


def led_to(path: Path) -> Path:
    """The path itself, or where the link leads that it is."""
    return _true(path) if path.is_symlink() else path


def _same(one: Path, other: Path) -> bool:
    return _true(one) == _true(other) or (one.exists() and other.exists() and one.samefile(other))


def _below(one: Path, other: Path) -> bool:
    return _true(other) in _true(one).parents


def _true(path: Path) -> Path:
    """Whatever links lead there; unlike ``Path.resolve`` also of a link to itself."""
    return Path(os.path.realpath(path))


def must_be_folder(name: str, path: Path | None) -> None:
    """Raises ValueError where files can't be written into a folder, which need not be there yet. None is a folder of the command's own."""
    if path is None:
        return
    must_be_a_path(name, path)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{name} = {path}: that is a file; must be a folder")
    _must_have_a_place(name, path, [led_to(path).absolute()])


def _must_have_a_place(name: str, path: Path, places: Sequence[Path] = ()) -> None:
    """Raises ValueError where the first folder there is, of ``places`` and of those above the file, can't be written to."""
    folder = next(place for place in (*places, *led_to(path).absolute().parents) if place.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise ValueError(f"{name} = {path}: nothing can be written below {folder}; must be in a folder that can be written to")


def deliver(show: Callable[[], None], *, state: Path | None, **outputs: tuple[Path | None, Write]) -> None:
    """Write the outputs of a run, then ``show`` them, and only then remove the ``state`` from which it could be had again.

    outputs: by the name of its option, the path of each, None if it is not wanted, and what writes it

    Raises OSError, in the end, where an output could not be written: the others are. Then the state is kept, and so it is where what was
    shown did not come out.
    """
    failed = []
    for name, (path, write) in outputs.items():
        if path is not None:
            try:
                write(path)
            except (OSError, ValueError) as error:  # of the text or the table, too, that a writer does not take
                failed.append(f"{name} = {path} can't be written: {getattr(error, 'strerror', None) or error}")
    show()
    if failed:
        kept = state is not None and state.exists()
        raise OSError("; ".join([*failed, f"the run is kept in state = {state}: the same command ends it"] if kept else failed))
    if state is not None and came_out():
        remove(state)


def remove(state: Path) -> None:
    """Remove the state of a run that is over; a line on standard error says where that can't be done."""
    try:
        led_to(state).unlink(missing_ok=True)
    except OSError as error:
        LOG.warning("state = %s can't be removed: %s", state, error.strerror or error)
