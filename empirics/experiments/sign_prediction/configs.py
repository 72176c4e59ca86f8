"""What is run: the grids, and seeds for development kept apart from those that count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Grid = Mapping[str, Any]
"""The values of what varies, and ``shared``, which does not."""

MLP: Grid = {
    "label_noise": (0.2, 0.4),
    "batch_size": (1, 4, 16, 64, 256),
    "eta": (0.02, 0.1, 0.5),
    "shared": {"model": "mlp", "theta": [0.05, 0.1, 0.2, 0.3, 0.5], "horizons": [10, 30, 100], "replicas": 16},
}
RESNET: Grid = {
    "label_noise": (0.2,),
    "batch_size": (4, 16, 64),
    "eta": (0.1, 0.4),
    "shared": {"model": "resnet8", "theta": [0.1, 0.3], "horizons": [10, 30], "replicas": 8},
}
SHARED = {"data": "digits", "train_size": 1000, "times": [50.0, 100.0]}
PHASES: Mapping[str, tuple[Grid, range]] = {
    "development": (MLP, range(100, 105)),
    "confirmatory": (MLP, range(10)),
    "resnet8": (RESNET, range(5)),
}


def configs(phase: str) -> tuple[Mapping[str, Any], ...]:
    """What is run in a phase, a key of PHASES."""
    grid, seeds = PHASES[phase]
    return tuple(
        {"phase": phase, "seed": seed, "label_noise": noise, "batch_size": B, "eta": eta, **SHARED, **grid["shared"]}
        for seed in seeds
        for noise in grid["label_noise"]
        for B in grid["batch_size"]
        for eta in grid["eta"]
    )
