"""Files that the library of safetensors writes are read as it reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tsla.empirics.runs import tensors
from tsla.theory.testing.planted import assert_rejects


def test_files_of_the_library(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    file = tmp_path / "all.safetensors"
    numbers = torch.arange(-3, 3).reshape(2, 3)
    kinds = {name: numbers.abs().to(kind) for name, kind in tensors.SAFETENSORS.items()}
    library.save_file(kinds | {"empty": torch.zeros(0, 2), "scalar": torch.tensor(2.5)}, file, metadata={"format": "pt"})

    def reads(expected: dict[str, torch.Tensor]) -> None:
        torch.testing.assert_close(tensors.load(file), expected, rtol=0, atol=0)

    reads(library.load_file(file))
    assert_rejects(reads, library.load_file(file) | {"I32": kinds["I32"].T})
