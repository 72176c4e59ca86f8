"""What a run has to itself as long as it goes on: the file of a state, the folder of a sweep."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tsla.empirics.runs.files import led_to

try:
    import fcntl
except ImportError:  # no such locks on this system
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(name: str, path: Path | None) -> Iterator[None]:
    """Within this context the file or folder at ``path`` is this process's own. None is nobody's.

    A file beside it is locked, which the operating system undoes when the process ends, however that ends. Of a killed one the file stays,
    and the next process takes and removes it. Raises ValueError, calling the path by ``name``, where another process has it. Where there
    are no locks, or the file can't be written, nothing is held.
    """
    lock = None if path is None or fcntl is None else _locked(name, path)
    try:
        yield
    finally:
        if lock is not None:
            Path(lock.name).unlink(missing_ok=True)  # while it is locked: else it might be another's by now
            lock.close()


def wait_for(path: Path) -> None:
    """Return when no process has the file or folder at ``path``, which may take as long as a run."""
    with suppress(OSError), _beside(path).open("r+", encoding="utf-8") as lock:  # NFS locks for its own what may be written, and no other
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)


def _beside(path: Path) -> Path:
    where = led_to(path.absolute())
    return where.with_name(f".{where.name}.lock")


def _locked(name: str, path: Path) -> IO[str] | None:
    where = _beside(path)
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        file = where.open("a+", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if where.exists() and os.path.samestat(os.fstat(file.fileno()), where.stat()):
            with suppress(OSError):  # of a full disk: it is held all the same, and removed in the end
                file.truncate(0)
                os.write(file.fileno(), f"{os.getpid()} on {socket.gethostname()}".encode())  # file would try again when it is closed
            return file
    except BlockingIOError:
        file.seek(0)
        who = file.read()
        file.close()
        raise ValueError(f"{name} = {path} is in use by process {who}; wait until it ends, or choose another") from None
    except OSError:
        file.close()
        return None
    file.close()  # who had it removed it, after it was opened here and before it was locked
    return _locked(name, path)
