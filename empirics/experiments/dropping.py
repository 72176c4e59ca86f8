"""When dropping the smoothing is worst-case optimal: the best two stages of a few steps, by a search over their worst cases (C18).

A method is two stages of constant ``ηL`` and θ, and R is uniform over the iterates of the second. What it is worth is its worst case in
mean squares (``theory/certificates/worst_case/engine/mean_squares.py``) against ``F*``, under A1-A3 or A1-A4, with ``L = F0 = 1``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, minimize

from tsla.theory.constants import Constants

Row = dict[str, Any]
Point = np.ndarray
"""``η1L``, ``η2L``, and the strengths that are free."""

ARMS: Mapping[str, tuple[int, Callable[[Point], tuple[float, float]]]] = {
    "plain": (0, lambda free: (0.0, 0.0)),
    "smoothed": (1, lambda free: (free[0], free[0])),
    "dropped": (1, lambda free: (free[0], 0.0)),
    "taken up": (1, lambda free: (0.0, free[0])),
    "any": (2, lambda free: (free[0], free[1])),
}
"""Of each arm, how many strengths are free, and from these θ of both stages."""

SMALLEST = 0.02
"""Of ``ηL``."""
COARSE = (0.2, 0.6, 1.0)
"""The grid from whose best point the search goes on."""

CONFIGS = tuple(
    {"kappa": kappa, "sigma2": sigma2, "delta": delta, "T": T, "T1": [T // 4, T // 2, 3 * T // 4], "arms": list(ARMS)}
    for T, noises, deltas in ((4, (0.1, 1.0), (0.1, 0.3, 0.9)), (16, (0.1,), (0.1, 0.3)))
    for kappa in (None, 4.0)
    for sigma2 in noises
    for delta in deltas
)
"""``kappa`` is None without A4."""


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """One row an arm: the best two stages, the first of a length of ``T1``, and their worst case."""
    kappa, T = config["kappa"], config["T"]
    k = Constants(L=1, mu=None if kappa is None else 1 / kappa, sigma2=config["sigma2"], delta=config["delta"], F0=1)
    about = {"kappa": np.nan if kappa is None else kappa, "sigma2": config["sigma2"], "delta": config["delta"], "T": T}
    rows = [(about | {"arm": arm}, [best(k, arm, T1, T) for T1 in config["T1"]]) for arm in config["arms"]]
    return pd.DataFrame([row | min(found, key=_worst) for row, found in rows])


def best(k: Constants, arm: str, T1: int, T: int) -> Row:
    """The best step sizes and strengths of an arm whose first stage has T1 of T steps."""
    from tsla.theory.certificates.worst_case.engine.mean_squares import Step, worst  # needs the extra certify

    strengths, thetas = ARMS[arm]

    def row(point: Point) -> Row:
        (x1, x2), (theta1, theta2) = point[:2], thetas(point[2:])
        steps = [Step(x1, theta1)] * T1 + [Step(x2, theta2)] * (T - T1)
        found = worst(k, steps, end="F*", counted=T - T1, pl=k.mu is not None)
        about = {"T1": T1, "eta1_L": x1, "theta1": theta1, "eta2_L": x2, "theta2": theta2}
        return {"worst": np.nan_to_num(found, nan=np.inf)} | about

    def value(point: Point) -> float:
        return _worst(row(point))

    start = min(map(np.array, product(*[COARSE] * (2 + strengths))), key=value)
    box = Bounds([SMALLEST] * 2 + [0.0] * strengths, [1.0] * (2 + strengths))
    return row(minimize(value, start, method="Nelder-Mead", bounds=box, options={"xatol": 1e-3, "fatol": 1e-7}).x)


def _worst(row: Row) -> float:
    return float(row["worst"])
