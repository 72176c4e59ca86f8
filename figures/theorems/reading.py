"""The theorems of a file of Python, which is executed."""

from __future__ import annotations

import runpy
from pathlib import Path

from tsla.empirics.runs.files import must_be_a_path
from tsla.theory.testing.theorem import Theorem


def read(path: Path) -> list[Theorem]:
    """The theorems that the file's names stand for, in their order.

    Raises ValueError in one line for what is no file, ends in an error, declares no theorem, or two of one id.
    """
    must_be_a_path("claim", path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; must be a file of Python that declares a Theorem")
    try:
        names = runpy.run_path(str(path))
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:  # whatever a file may end in
        what = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{path}: {what}{str(error).partition(chr(10))[0]}") from error
    found = list(dict.fromkeys(value for value in names.values() if isinstance(value, Theorem)))
    if not found:
        raise ValueError(f"{path} declares no theorem; a name must stand for a tsla.theory.testing.Theorem")
    ids = [theorem.id for theorem in found]
    if len(set(ids)) < len(ids):
        raise ValueError(f"{path}: id = {max(ids, key=ids.count)!r} is that of two theorems; must be of one")
    return found
