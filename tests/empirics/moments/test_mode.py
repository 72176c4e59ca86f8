"""How a network was run is said as it was."""

from __future__ import annotations

import pytest
from torch import nn

from tsla.empirics.moments.mode import mode
from tsla.theory.testing.planted import Rejects

RUNNING, OF_BATCH = "BatchNorm by its running statistics", "BatchNorm by the statistics of each batch"


def network(*layers: nn.Module, off: int | None = None) -> nn.Module:
    """In training mode, but for one layer."""
    model = nn.Sequential(nn.Linear(2, 2), *layers)
    if off is not None:
        model[1 + off].eval()
    return model


CASES = {
    "training mode, no dropout or BatchNorm layer": (network(nn.Dropout(0.0)), None),
    "training mode, dropout on": (network(nn.Dropout(), nn.Dropout1d()), None),
    "training mode, dropout on in 1 of 2 layers": (network(nn.Dropout(), nn.Dropout(), off=0), None),
    "evaluation mode, dropout off": (network(nn.Dropout()).eval(), None),
    f"evaluation mode, dropout off, {RUNNING}": (network(nn.Dropout(), nn.BatchNorm1d(2)).eval(), "batch"),
    f"training mode, {RUNNING}": (network(nn.BatchNorm1d(2)), "evaluation"),
    f"training mode, {OF_BATCH}": (network(nn.BatchNorm1d(2)), "batch"),
}


@pytest.mark.parametrize("said", CASES)
def test_mode(said: str) -> None:
    assert mode(*CASES[said]) == said


def test_a_layer_that_is_switched_by_itself_counts(rejects: Rejects) -> None:
    def looks_at_layers(said: object) -> None:
        (other,) = [name for name in CASES if "1 of 2" in name]
        assert said(*CASES[other]) == other  # type: ignore[operator]

    rejects(looks_at_layers, right=mode, wrong=lambda model, _: f"training mode, dropout {'on' if model.training else 'off'}")
