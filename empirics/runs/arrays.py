"""Files of arrays, in NumPy's format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tsla.empirics.runs import zips


def save(path: Path, content: Mapping[str, Any]) -> None:
    """``np.savez`` under this very name. What is no array, such as a text, comes back as one without axes."""
    with path.open("wb") as file:
        np.savez(file, **content)


def load(path: Path, names: Collection[str] | None = None, *, most: float = inf) -> dict[str, NDArray[Any]]:
    """What :func:`save` wrote, or the arrays of these ``names`` alone; with allow_pickle=False.

    The checksums of the file come first. Raises ValueError, saying what the file is or is not, where it is damaged or of another kind, or
    would unpack to more than ``most`` bytes.
    """
    with path.open("rb") as file:
        zips.verify(file, most)
        return _content(file, names)


def _content(file: IO[bytes], names: Collection[str] | None) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as found:
            return {name: _array(found[name]) for name in (found if names is None else names)}
    except MemoryError as error:
        raise ValueError("a file whose arrays do not fit the memory") from error
    except Exception as error:  # whatever broken bytes lead to
        which = "" if names is None else f" with {' and '.join(names)}"
        raise ValueError(f"not a file of numpy.savez{which}") from error


def _array(found: object) -> NDArray[Any]:
    """What ``np.load`` found, which is bytes where it is no array."""
    if not isinstance(found, np.ndarray):
        raise TypeError(f"{type(found).__name__} in place of an array")
    return found
