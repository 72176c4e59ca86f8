"""Curves of measured rates that are written down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def curve(**changes: Any) -> pd.DataFrame:
    """1/ε³ planned, half as many needed, 1/ε² for a single iterate."""
    eps = np.array([0.4, 0.2, 0.1])
    made = {"problem": "made up", "method": "tsla", "claim": "C8", "q": 1, "scale": 1.0, "sigma2": 1.0, "replicas": 9, "eps": eps}
    made |= {"predicted": 3.0, "planned": 8 / eps**3, "fixed": 5, "needed": 4 / eps**3, "single": 4 / eps**2, "at_end_low": eps**2 / 2}
    made |= {"exponent": 3.0, "exponent_low": 2.9, "exponent_high": 3.1, "planned_exponent": 3.0}
    made |= {"single_exponent": 2.0, "single_exponent_low": 1.9, "single_exponent_high": 2.1}
    return pd.DataFrame(made | changes)
