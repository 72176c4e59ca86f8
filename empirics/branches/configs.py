"""What is run: the settings, and seeds for development kept apart from those that count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SEEDS = {"development": range(100, 105), "confirmatory": range(10)}
BATCH_SIZES = (1, 4, 16, 64, 256)
STEP_SIZES = (0.02, 0.1, 0.5)
SHARED = {
    "model": "mlp",
    "data": "digits",
    "train_size": 1000,
    "theta": [0.05, 0.1, 0.2, 0.3, 0.5],
    "times": [50.0, 100.0],
    "horizons": [10, 30, 100],
    "replicas": 16,
}


def configs(phase: str) -> tuple[Mapping[str, Any], ...]:
    """What is run in a phase, a key of SEEDS."""
    return tuple(
        {"phase": phase, "seed": seed, "label_noise": noise, "batch_size": B, "eta": eta, **SHARED}
        for seed in SEEDS[phase]
        for noise in (0.2, 0.4)
        for B in BATCH_SIZES
        for eta in STEP_SIZES
    )
