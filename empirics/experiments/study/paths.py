"""Along the paths of the study: the variance of the gradient at equal epochs and at equal F."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsla.empirics.statistics.intervals import Interval, student_t


def variance_at_equal_epoch(paths: pd.DataFrame, setting: str, arm: str, epoch: int) -> Interval:
    """``log s²`` on the arm's own path less that on the path of ``none``, before the same epoch, paired by seed.

    Raises ValueError where the two were not measured at the same seeds.
    """
    ours, none = (_log_s2(paths, setting, path, epoch) for path in (arm, "none"))
    if not ours.index.equals(none.index):
        raise ValueError(
            f"seeds of {arm!r} = {list(ours.index)} at epoch {epoch} in {setting!r} must be those of 'none', {list(none.index)}"
        )
    return student_t((ours - none).to_numpy())


def _log_s2(paths: pd.DataFrame, setting: str, arm: str, epoch: int) -> pd.Series[float]:
    rows = _path(paths, setting, arm)
    found: pd.Series[float] = np.log(rows[rows["epoch"] == epoch].set_index("seed")["s2"].sort_index())
    return found


def variance_at_equal_loss(paths: pd.DataFrame, setting: str, arm: str, epoch: int) -> Interval:
    """The same, where ``none`` has the F that the arm has before ``epoch``: being behind in training looks like variance reduction.

    ``log s²`` of ``none`` is interpolated in F along its path; seeds whose F it never has are left out. NaN where fewer than 2 are left.
    """
    none = dict(iter(_path(paths, setting, "none").groupby("seed")))
    found = [
        difference
        for seed, rows in _path(paths, setting, arm).groupby("seed")
        if np.isfinite(difference := _at_equal_loss(rows, none[seed], epoch))
    ]
    return student_t(found) if len(found) > 1 else Interval(*(np.asarray(np.nan),) * 3)


def _at_equal_loss(arm: pd.DataFrame, none: pd.DataFrame, epoch: int) -> float:
    here = arm[arm["epoch"] == epoch].iloc[0]
    by_loss = none.sort_values("train_loss")
    variance = np.interp(here["train_loss"], by_loss["train_loss"], np.log(by_loss["s2"]), left=np.nan, right=np.nan)
    return float(np.log(here["s2"]) - variance)


def _path(paths: pd.DataFrame, setting: str, arm: str) -> pd.DataFrame:
    rows = paths[(paths["setting"] == setting) & (paths["arm"] == arm)].dropna(subset="s2")
    if rows.empty:
        raise ValueError(f"arm = {arm!r} has no measured path in {setting!r}; must be one of the study's")
    return rows
