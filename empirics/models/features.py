"""What the frozen part of a pretrained network makes of images: computed once for all images of a data set, and kept in a file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tsla.empirics.models import efficientnet
from tsla.empirics.runs.files import replacing
from tsla.empirics.runs.progress import Progress

LOG = logging.getLogger(__name__)
DIGEST = hashlib.sha256().digest_size
"""Bytes at the end of a file of features: the SHA-256 of its numbers."""


def features(images: NDArray[Any], white: float, *, trained: str, device: torch.device) -> NDArray[np.float32]:
    """Of each image ``(n, C, h, w)``, numbers from 0 to ``white``, what the part that is ``trained`` takes in: ``(n, *INPUTS[trained])``.

    Found in :func:`folder` where they have been computed before: for the same bytes, weights, sizes, version of torch and kind of device.
    A line on standard error says where they can't be kept; then they are computed again next time.
    """
    path, shape = folder() / f"{_key(images, white, trained, device)}.npy", (len(images), *efficientnet.INPUTS[trained])
    kept = _kept(path, shape)
    if kept is not None:
        return kept
    found = _computed(efficientnet.frozen(trained).to(device), images, white, shape, device)
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, found)
            file.write(_digest(found))
    except OSError as error:
        LOG.warning("the features can't be kept in %s: %s", path, error.strerror or error)
    return found


def folder() -> Path:
    """Where features are kept: ``tsla`` in the user's folder for caches, which XDG_CACHE_HOME says, or else ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tsla"


def _key(images: NDArray[Any], white: float, trained: str, device: torch.device) -> str:
    """The SHA-256 of all that the features follow from."""
    about = {
        "images": [str(images.dtype), images.shape, white],
        "network": [efficientnet.WEIGHTS, trained, efficientnet.SIDE, efficientnet.MIDDLE, efficientnet.SCALE],
        "computed": [torch.__version__, version("efficientnet-lite-pytorch"), device.type],
    }
    digest = hashlib.sha256(json.dumps(about).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()


def _kept(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """What is in the file; None where there is none, or one that is damaged. It need not fit into memory."""
    try:
        found = np.load(path, allow_pickle=False, mmap_mode="r")
        with path.open("rb") as file:
            file.seek(-DIGEST, os.SEEK_END)
            written = file.read()
    except Exception:  # whatever broken bytes lead to
        return None
    return found if found.shape == shape and found.dtype == np.float32 and _digest(found) == written else None


def _digest(found: NDArray[Any]) -> bytes:
    """What stands behind the numbers in the file, where readers of its format don't look."""
    return hashlib.sha256(found.data).digest()


def _computed(part: nn.Module, images: NDArray[Any], white: float, shape: tuple[int, ...], device: torch.device) -> NDArray[np.float32]:
    """In batches of a fixed size: on a processor as many side by side as it has cores, each on one of them."""
    found, size = np.empty(shape, dtype=np.float32), efficientnet.at_once(device)
    part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def compute(start: int) -> None:
        some = slice(start, start + size)
        with torch.no_grad():
            found[some] = part(torch.from_numpy(images[some].astype(np.float32)).to(device) / white).cpu().numpy()

    starts = range(0, len(images), size)
    workers = (os.cpu_count() or 1) if device.type == "cpu" else 1
    with (
        Progress("features", total=len(starts)) as progress,
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        for start, _ in zip(starts, pool.map(compute, starts), strict=True):
            progress.advance(f"{min(start + size, len(images)):,} images")
    return found
