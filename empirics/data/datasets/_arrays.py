"""Examples from a file of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsla.empirics.runs.arrays import load
from tsla.empirics.runs.files import must_be_there
from tsla.empirics.runs.memory import there_is

COPIES = 3
"""Of the arrays, while they are read, checked and converted: so much memory they take, packed a thousand times smaller as they may be."""


def arrays(path: Path) -> tuple[Tensor, Tensor]:
    """Examples of an .npz file: ``inputs`` ``(n, ...)``, floats as float32, and ``labels`` ``(n,)``, int64. Loaded with allow_pickle=False.

    Raises ValueError, calling the file ``data``, where it is damaged or no such file, and for inputs that are not finite.
    """
    where = f"data = {path}"
    must_be_there("data", path, "'digits', or an .npz file with the arrays inputs (n, ...) and labels (n,)")
    try:
        found = load(path, ("inputs", "labels"), most=there_is() // COPIES)
    except ValueError as error:
        must = "must be an .npz file with the arrays inputs (n, ...) and labels (n,), without pickled objects"
        raise ValueError(f"{where} {must}; it is {error}") from error
    inputs, labels = found["inputs"], found["labels"]
    if inputs.dtype.kind not in "fiub" or labels.dtype.kind not in "iu":
        raise ValueError(f"{where}: inputs are {inputs.dtype} and labels {labels.dtype}; must be numbers, and labels whole ones")
    if labels.ndim != 1 or inputs.ndim < 1 or len(inputs) != len(labels) or len(labels) < 2:
        raise ValueError(f"{where}: inputs have shape {inputs.shape}, labels {labels.shape}; must be (n, ...) and (n,), n at least 2")
    with np.errstate(over="ignore"):
        converted = inputs.astype(np.float32 if inputs.dtype.kind == "f" else np.int64)
    if not np.isfinite(converted).all():
        what = "not finite" if not np.isfinite(inputs).all() else f"too large for float32, above {np.finfo(np.float32).max:.3g}"
        raise ValueError(f"{where}: inputs hold values that are {what}")
    return torch.from_numpy(converted), torch.from_numpy(labels.astype(np.int64))
