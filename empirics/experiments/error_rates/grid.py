"""Where settings vary independently: hit rates of a predicted sign, whose rows of a setting agree with each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from tsla.empirics.experiments.error_rates.trial import Trial, covers
from tsla.empirics.experiments.sign_prediction.predictions import PREDICTORS
from tsla.empirics.experiments.sign_prediction.verdicts import PRIMARY, SETTING, UNITS, decided, primary
from tsla.empirics.statistics.intervals import IntervalOf

SETTINGS = {"MLP": 26, "ResNet-8": 5}
"""Settings that have established signs in the records."""
LOWERED, HITS = 0.7, 0.9
"""How often smoothing lowers the outcome in a setting, which "always" knows; and how often a predictor that is worth something is right."""
MOST = 20
"""Rows of a setting: from a tenth of them to all are established."""


def hit_rates(_: Path) -> Trial:
    """The verdict on the predicted sign, where the rows of a setting all agree: then settings are all that there is to count."""

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        found: dict[str, bool] = {}
        unit = UNITS["case"] if wrong else SETTING
        for name, settings in SETTINGS.items():
            none, some = (primary(_table(rng, settings, hits), unit) for hits in (LOWERED, HITS))
            lead = IntervalOf(some["above"], some["above_low"], some["above_high"])
            found |= {
                f"interval, {name}": covers(lead, HITS - LOWERED),
                f"supported, {name}": decided(none).startswith("supported"),
                f"refuted, {name}": decided(none).startswith("refuted"),
                f"seen, {name}": decided(some).startswith("supported"),
            }
        return found

    return trial


def _table(rng: Generator, settings: int, hits: float) -> pd.DataFrame:
    """A record of branches: rows of settings, each with a sign that is right or wrong in all its rows."""
    of = np.repeat(np.arange(settings), rng.integers(MOST // 10, MOST + 1, settings))
    lowered, right = rng.random(settings) < LOWERED, rng.random(settings) < hits
    said = {f"{name}_{PRIMARY['rival']}": np.where(lowered == right, -1.0, 1.0)[of] for name in PREDICTORS}
    sign, outcome = np.where(lowered, -1.0, 1.0)[of], f"{PRIMARY['outcome']}_{PRIMARY['rival']}"
    same = {"label_noise": 0.2, "batch_size": of, "eta": 0.1, "snapshot": np.arange(len(of)), "theta": 0.1, "seed": 0}
    ends = {outcome: sign, f"{outcome}_low": sign - 0.5, f"{outcome}_high": sign + 0.5}
    return pd.DataFrame(same | {"K": PRIMARY["K"], "eta_L": 0.5, "diverged": False} | said | ends)
