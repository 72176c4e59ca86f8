"""Training as an experiment: what ``tsla records digits`` runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import train


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of :func:`~tsla.empirics.training.loop.train`; ``config`` is a flat TrainingConfig."""
    return pd.DataFrame(list(train(TrainingConfig.of_flat(config))))
