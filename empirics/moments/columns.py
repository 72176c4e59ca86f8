"""The columns of records: of an interval, three; from measured moments, the quantities of the theory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from tsla.empirics.statistics.intervals import IntervalOf
from tsla.theory.constants import Array
from tsla.theory.moments import MOMENTS, Moments


def columns(interval: Callable[[str], IntervalOf[float]], names: Sequence[str]) -> dict[str, float]:
    """Of a row: for each of these quantities its estimate and, under ``_low`` and ``_high``, its interval."""
    return {
        name + end: value
        for name in names
        for found in [interval(name)]
        for end, value in (("", found.estimate), ("_low", found.low), ("_high", found.high))
    }


def measured(table: pd.DataFrame, *, theta: float, batch_size: int) -> pd.DataFrame:
    """The rows at which moments were measured, with what follows from them for batches of ``batch_size`` (C11, C14, C17).

    Adds ``delta``, ``delta0`` and ``theta_star`` of single examples (A3, C17, C11); and for the batch, at strength ``theta`` and
    divided by the plain variance ``s²/B``: ``ratio`` of the smoothed direction, ``shrink_ratio`` of the control with step (1-θ)η,
    their difference ``beyond`` (negative: smoothing does more than shrink), and ``bias_share`` = ``θ²β²/(s²/B)``; of a run that reports its
    ``alignment``, :func:`noise_to_signal` too. Raises ValueError where a run diverged.
    """
    if "train_loss" in table and not np.isfinite(table["train_loss"]).all():
        diverged = table[~np.isfinite(table["train_loss"])].iloc[0]
        raise ValueError(f"the run of {diverged['method']}, seed {diverged['seed']}, diverged; leaving it out would flatter the others")
    rows = table.dropna(subset="s2").copy()
    single = moments_of(rows)
    batch = single.at_batch_size(batch_size)
    rows["delta"], rows["delta0"], rows["theta_star"] = single.delta, single.shrunk.delta, single.theta_star
    rows["ratio"], rows["shrink_ratio"] = (of.second_moment(theta) / batch.s2 for of in (batch, batch.shrunk))
    rows["beyond"], rows["bias_share"] = batch.beyond(theta) / batch.s2, batch.bias(theta) / batch.s2
    if "alignment" in rows and rows["alignment"].notna().all():
        rows["noise_to_signal"] = noise_to_signal(single, rows["alignment"].to_numpy(dtype=np.float64), theta)
    return rows


def noise_to_signal(moments: Moments, alignment: Array, theta: float) -> Array:
    """``N(θ)/S(θ)`` over ``N(0)/S(0)``: the noise of the smoothed direction over its squared mean along ``∇F``.

    ``S(θ) = ((1-θ)‖∇F‖² + θ⟨∇F, Eĝ⟩)²/‖∇F‖²`` with ``⟨∇F, Eĝ⟩ = alignment``, in units of ``‖∇F‖²``. A smaller step lowers both alike, so
    that it is 1 of the control (C17), and no batch size changes it. Infinite where there is no signal, and NaN without a gradient. Shapes:
    as of the moments.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        signal = (1 - theta) + theta * alignment / moments.grad2
        return np.asarray(moments.noise(theta) / moments.s2 / signal**2)


def moments_of(rows: pd.DataFrame) -> Moments:
    """The moments in the columns of a record, as arrays of one number a row."""
    return Moments(*(rows[name].to_numpy(dtype=np.float64) for name in MOMENTS))
