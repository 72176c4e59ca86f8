"""What a run is computed on is no part of what it is: its state goes on elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.empirics.training.tiny import near
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import train

CONFIG = TrainingConfig("tsla", epochs=4, train_size=60, model="mlp", momentum=0.9, augment=True, measure_at=(0, 4))
ELSEWHERE = [
    {"threads": 2},
    {"device": "auto", "deterministic": True},
    pytest.param({"device": "cuda"}, marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]


@pytest.mark.parametrize("changes", ELSEWHERE)
def test_a_state_goes_on_elsewhere_to_the_same_rows(changes: dict[str, Any], tmp_path: Path) -> None:
    """To rounding; another run does not go on there."""
    undisturbed = list(train(CONFIG))
    begun = train(CONFIG, state=tmp_path / "state")
    for _ in range(4):  # two epochs and more
        next(begun)
    begun.close()

    with pytest.raises(ValueError, match="must be the state of this very run; it is another's"):
        next(train(replace(CONFIG, **changes, momentum=0.8), state=tmp_path / "state"))
    assert list(train(replace(CONFIG, **changes), state=tmp_path / "state")) == near(undisturbed, rel=1e-3)


def settings() -> tuple[object, ...]:
    enabled, warn_only = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    return enabled, warn_only, torch.get_default_dtype(), torch.get_num_threads(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")


@pytest.fixture
def of_the_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What torch computes with may be changed: it is put back at the end."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    yield monkeypatch
    torch.use_deterministic_algorithms(mode=False)
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("workspace", [None, ":16:8"])
@pytest.mark.parametrize("warn_only", [None, False, True])
def test_what_torch_computes_with_is_left_as_it_was(workspace: str | None, warn_only: bool | None, of_the_user: pytest.MonkeyPatch) -> None:
    if workspace is not None:
        of_the_user.setenv("CUBLAS_WORKSPACE_CONFIG", workspace)
    if warn_only is not None:
        torch.use_deterministic_algorithms(mode=True, warn_only=warn_only)
    before = settings()
    rows = train(replace(CONFIG, threads=2, deterministic=True))
    next(rows)
    assert settings() == before
    next(rows)
    rows.close()
    assert settings() == before


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_run_does_not_depend_on_the_default_type(dtype: torch.dtype, of_the_user: pytest.MonkeyPatch) -> None:
    undisturbed = list(train(CONFIG))
    torch.set_default_dtype(dtype)
    assert list(train(CONFIG)) == undisturbed
    assert torch.get_default_dtype() == dtype
