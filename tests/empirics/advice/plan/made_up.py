"""Regrets that are made up: what each rule loses, in settings on which rules are chosen and in those that judge."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan.rules import RULES

BUILDING, JUDGING = ("b0", "b1", "b2"), tuple(f"j{i}" for i in range(8))
NAIVE = {"never": 0.3, "always": 0.1}


def regrets(
    *, outcomes: tuple[str, ...] = ("test_loss",), building: Mapping[str, float], judging: Mapping[str, float], noise: float = 0.01
) -> pd.DataFrame:
    """Regrets by rule in the two kinds of settings, the naive rules' as in NAIVE."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"outcome": outcome, "setting": setting, "rule": rule, "kind": RULES[rule].kind, "regret": value + noise * rng.normal()}
            for outcome in outcomes
            for settings, values in ((BUILDING, building), (JUDGING, judging))
            for setting in settings
            for rule, value in {**NAIVE, **values}.items()
        ]
    )


GOOD = {"floor": 0.01, "delta": 0.2, "least test loss": 0.05}
