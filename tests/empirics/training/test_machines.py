"""What a run is computed on is no part of what it is: its state goes on elsewhere."""

from __future__ import annotations

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
