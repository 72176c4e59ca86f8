"""Tiny runs, of two epochs, and rows but for rounding."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
import torch

from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import Row, train

TINY = {"seed": 0, "epochs": 2, "drop": 1, "theta": 0.4, "eta": 0.1, "train_size": 60, "model": "mlp", "measure_at": (0, 2)}
RULE = ("eta", "theta")


def config(method: str, **changes: object) -> TrainingConfig:
    return TrainingConfig(method, **TINY | changes)


@cache
def rows(method: str, **changes: object) -> list[Row]:
    """The rows of a tiny run, without the name of its method and its rule."""
    return [{name: value for name, value in row.items() if name not in ("method", *RULE)} for row in train(config(method, **changes))]


def near(rows: Iterable[Row], rel: float, least: float | None = None) -> list[dict[str, Any]]:
    """What rows are equal to whose numbers are these but for rounding."""
    return [
        {name: pytest.approx(value, rel=rel, abs=least) if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    ]


MEASURED = torch.randperm(60, generator=torch.Generator().manual_seed(2**32))
"""The order in which the examples of seed 0 are measured."""
