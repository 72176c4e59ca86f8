"""Rules that are fitted to outcomes, beside a prediction that is fitted to none: a look-up table, and a logistic regression."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from tsla.theory.constants import Array

RIDGE = 1.0
"""Half of it times the squares of the weights is added to the log loss, as scikit-learn does by default."""


def looked_up(lowered: pd.Series[bool], case: pd.Series[int]) -> Array:
    """What most of the *other* samples of the same case did, shape (n,), bool: each seed has one. Where they are even, what most did."""
    others = lowered.groupby(case).transform("sum") - lowered - (lowered.groupby(case).transform("size") - 1) / 2
    return np.where(others == 0, lowered.mean() > 0.5, others > 0)


def regressed(features: pd.DataFrame, lowered: pd.Series[bool], apart: pd.Series[int]) -> Array:
    """Logistic regression of ``lowered`` on standardised features, shape (n,), bool: each part is predicted by the fit to the others.

    ``apart``: the part of each sample, of two parts at least.
    """
    spread = features.std(ddof=0)
    X = np.column_stack([np.ones(len(features)), (features - features.mean()) / spread.where(spread > 0, 1.0)])
    found = np.zeros(len(X), dtype=bool)
    for part in apart.unique():
        there = (apart == part).to_numpy()
        others = lowered[~there].to_numpy(dtype=np.float64)
        found[there] = X[there] @ weights(X[~there], others) > 0 if 0 < others.mean() < 1 else others[0]  # of one kind, no fit is the best
    return found


def weights(X: Array, y: Array) -> Array:
    """Those of the logistic regression of ``y`` (n,), 0 or 1, on ``X`` (n, k), whose first column is 1 and bears no penalty; by Newton."""
    ridge = RIDGE * np.diag([0.0] + [1.0] * (X.shape[1] - 1))
    w = np.zeros(X.shape[1])
    for _ in range(50):
        p = expit(X @ w)
        step = np.linalg.solve((X.T * (p * (1 - p))) @ X + ridge, X.T @ (p - y) + ridge @ w)
        w = w - step
        if np.abs(step).max() < 1e-10:
            break
    return w
