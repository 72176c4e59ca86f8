"""Data: scikit-learn's digits (Alpaydin and Kaynak, 1998), 1,797 images of 8×8 that come with its wheel, and arrays from a file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

CLASSES = 10


@dataclass(frozen=True)
class Split:
    """Training and test examples. Inputs are ``(n, 1, 8, 8)`` float32 in [0, 1]; labels ``(n,)`` int64; only training labels are noisy."""

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor


def digits(*, train_size: int, label_noise: float, seed: int) -> Split:
    """A random split, of whose training labels a fraction ``label_noise``, chosen at random, is moved to another class, uniformly.

    The same seed gives the same split and the same noise. Raises ValueError outside the ranges.
    """
    if not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise = {label_noise} must lie in [0, 1]")
    data = load_digits()
    if not 1 <= train_size < len(data.target):
        raise ValueError(f"train_size = {train_size} must lie in 1 ... {len(data.target) - 1}")
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(data.target))
    inputs = (data.images[order] / 16).astype(np.float32)[:, None]
    labels = data.target[order].astype(np.int64)
    flipped = generator.permutation(train_size)[: round(label_noise * train_size)]
    labels[flipped] = (labels[flipped] + generator.integers(1, CLASSES, size=len(flipped))) % CLASSES
    return Split(*(torch.from_numpy(a) for a in (inputs[:train_size], labels[:train_size], inputs[train_size:], labels[train_size:])))


def arrays(path: Path, *, name: str = "data") -> tuple[Tensor, Tensor]:
    """Examples of an .npz file: ``inputs`` ``(n, ...)``, floats as float32, and ``labels`` ``(n,)``, int64. Loaded with allow_pickle=False.

    Raises ValueError, calling the file by ``name``, where it is no such file, and for inputs that are not finite.
    """
    where = f"{name} = {path}"
    if not path.is_file():
        raise ValueError(f"{where}: no such file; must be 'digits', or an .npz file with the arrays inputs (n, ...) and labels (n,)")
    try:
        with np.load(path, allow_pickle=False) as found:
            inputs, labels = found["inputs"], found["labels"]
    except (LookupError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:  # of .npy files as well
        raise ValueError(
            f"{where} must be an .npz file with the arrays inputs (n, ...) and labels (n,), without pickled objects"
        ) from error
    if inputs.dtype.kind not in "fiub" or labels.dtype.kind not in "iu":
        raise ValueError(f"{where}: inputs are {inputs.dtype} and labels {labels.dtype}; must be numbers, and labels whole ones")
    if labels.ndim != 1 or inputs.ndim < 1 or len(inputs) != len(labels) or len(labels) < 2:
        raise ValueError(f"{where}: inputs have shape {inputs.shape}, labels {labels.shape}; must be (n, ...) and (n,), n at least 2")
    if not np.isfinite(inputs).all():
        raise ValueError(f"{where}: inputs hold values that are not finite")
    return torch.from_numpy(inputs.astype(np.float32 if inputs.dtype.kind == "f" else np.int64)), torch.from_numpy(labels.astype(np.int64))
