"""Files of arrays, in NumPy's format."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save(path: Path, content: Mapping[str, Any]) -> None:
    """``np.savez`` under this very name. What is no array, such as a text, comes back as one without axes."""
    with path.open("wb") as file:
        np.savez(file, **content)


def load(path: Path) -> dict[str, NDArray[Any]]:
    """What :func:`save` wrote. Raises ValueError, saying what the file is not, where it is of another kind."""
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return dict(file)
    except (TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError("not a file of numpy.savez") from error
