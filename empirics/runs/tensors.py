"""Files of tensors, numbers and names, in torch's format: written so that a full disk is called one, and read without running code.

Those of safetensors are read too. The format is a length of 8 bytes, a header in JSON and the numbers
(https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from tsla.empirics.runs import zips


def save(path: Path, content: Mapping[str, Any]) -> None:
    """``torch.save``, but what the operating system says is raised as it is: torch hides it behind a RuntimeError of its own."""
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


SAFETENSORS = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
"""The names of types in files of safetensors."""


def load(path: Path) -> Any:
    """What a file of ``torch.save`` holds, on the CPU; of one whose name ends in .safetensors, its tensors by name.

    The checksums of the file come first. Those of safetensors have none, nor have those of torch.save before 1.6.

    Raises ValueError, saying what the file is or is not, where it is damaged or of another kind.
    """
    if path.suffix == ".safetensors":
        return _safetensors(path)
    with path.open("rb") as file:
        zips.verify(file)
        return _content(file, path)


def _content(file: IO[bytes], path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders about bytes that are no pickle
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever an unpickler makes of bytes that are something else
        raise ValueError(f"not a file of torch.save that loads with weights_only=True{_why(path)}") from error


def _why(path: Path) -> str:
    """The classes of what a file holds beside tensors, numbers and names, and what to do about them; empty where that can't be told."""
    try:
        classes = torch.serialization.get_unsafe_globals_in_checkpoint(path)  # reads their names, and runs nothing
    except Exception:  # as above
        return ""
    beside = ", ".join(sorted(classes))
    return f": it holds {beside}, which would run code; save the weights alone, torch.save(model.state_dict(), ...)" if beside else ""


def _safetensors(path: Path) -> dict[str, Tensor]:
    content = path.read_bytes()
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        header.pop("__metadata__", None)
        return {name: _part(content, start, **about) for name, about in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"not a file of safetensors with tensors of {', '.join(SAFETENSORS)}") from error


def _part(content: bytes, start: int, *, dtype: str, shape: list[int], data_offsets: tuple[int, int]) -> Tensor:
    """A tensor of its own; raises ValueError and others where the numbers are not there."""
    begin, end = data_offsets
    kind, count = SAFETENSORS[dtype], math.prod(shape)
    if not 0 <= begin <= end <= len(content) - start or end - begin != count * kind.itemsize:
        raise ValueError("numbers are missing")
    if not count:  # frombuffer takes no empty one
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(bytearray(content[start + begin : start + end]), dtype=kind).reshape(shape)
