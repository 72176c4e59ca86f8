"""Every drop beside training without smoothing, each at the step size that is tuned for it: the lines of the figure of the best drop."""

from __future__ import annotations

from itertools import product

import pandas as pd

from tsla.empirics.experiments.study.outcomes import differences, tuned
from tsla.empirics.experiments.study.settings import EPOCHS, PRIMARY, WHOLE
from tsla.theory.constants import Array

SETTINGS = tuple(name for name in PRIMARY if name in WHOLE)
LINES = tuple(product(SETTINGS, ("loss", "test loss", "accuracy"), (0.1, 0.3)))
"""Settings, outcomes and θ."""


def less_none(tuning: pd.DataFrame, runs: pd.DataFrame, setting: str, outcome: str, theta: float) -> dict[int, Array]:
    """By the epoch of the drop, paired differences by seed; EPOCHS is smoothing that is never dropped. In the order of the tuning runs."""
    none = tuned(tuning, setting, "none", outcome)
    arms = [arm for arm in tuning.loc[tuning["setting"] == setting, "arm"].unique() if arm.startswith((f"tsla-{theta}-", f"lsr-{theta}"))]
    return {_drop(arm): differences(runs, setting, tuned(tuning, setting, arm, outcome), none, outcome) for arm in arms}


def _drop(arm: str) -> int:
    return EPOCHS if arm.startswith("lsr") else int(arm.rsplit("-", 1)[1])
