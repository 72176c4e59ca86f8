"""Regret of a rule: what a run planned by it loses against the best drop epoch of a sweep."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan.validation import OUTCOMES, PER_CENT
from tsla.empirics.statistics.intervals import student_t
from tsla.theory.constants import Array, real

GRID = ("sgd", "lsr", "tsla")


def cross_fitted(grid: Array) -> Array:
    """For each seed the best arm by the mean over the *other* seeds, the first of equals: shape (n,), from losses of shape (n, arms).

    The best by all seeds would owe part of its lead to the very outcomes that it is compared on. Raises ValueError for fewer than 2 seeds.
    """
    if len(grid) < 2:
        raise ValueError(f"seeds = {len(grid)} must be at least 2: the best of a sweep is chosen on other seeds")
    return np.asarray(np.argmin((grid.sum(axis=0) - grid) / (len(grid) - 1), axis=1))


def nearest(arms: pd.DataFrame, theta: float, drop: int) -> int:
    """The row of ``arms`` next to a plan: first in θ, then in epochs; of two equally far the smaller one.

    ``arms``: columns theta and drop, in their order; the arm of drop 0, which never smooths, belongs to every θ.
    """
    strengths = np.unique(arms["theta"][arms["drop"] > 0])
    strength = strengths[np.argmin(np.abs(strengths - theta).round(9))]
    near = arms["drop"][(arms["drop"] == 0) | (arms["theta"] == strength)]
    return int((near - drop).abs().idxmin())


def by_setting(sweep: pd.DataFrame, choices: pd.DataFrame, tuning: pd.DataFrame | None = None) -> pd.DataFrame:
    """Regret of each rule in each setting, for each outcome that the sweep has, with Student's 95 % interval over seeds.

    sweep:    one row a run, the outcomes at its end: ``setting, method, theta, drop, seed`` and columns of OUTCOMES, not yet logarithms.
              Methods of GRID are TSLA(s) over s = ``drop``: "sgd" is s = 0 whatever its drop, "lsr" has the number of epochs there.
              Others are left out. Each seed of a setting has the same arms.
    choices:  ``setting, seed, rule, kind, theta, drop``, as from :func:`tsla.empirics.experiments.planner.rules.choices`
    tuning:   a sweep over the same arms on other seeds, by whose means the best arm is chosen; if left out, :func:`cross_fitted`

    A regret is the outcome of the arm :func:`nearest` to the plan less that of the best arm, seed by seed: above 0 is worse, for a loss in
    units of its logarithm. Below 0 the sweep's seeds chose worse than the rule. Columns of the result: ``outcome, setting, rule, kind,
    seeds, drop, regret, low, high``; ``drop`` is the mean. Raises ValueError where arms, seeds or values lack.
    """
    lines = [
        {"outcome": outcome, "setting": setting, **line}
        for setting, rows in sweep.groupby("setting", sort=False)
        for outcome in OUTCOMES
        if outcome in sweep
        for line in _of_setting(
            rows,
            choices[choices["setting"] == setting],
            outcome,
            None if tuning is None else tuning[tuning["setting"] == setting],
        )
    ]
    return pd.DataFrame(lines)


def _of_setting(rows: pd.DataFrame, choices: pd.DataFrame, outcome: str, tuning: pd.DataFrame | None) -> list[dict[str, object]]:
    grid = _grid(rows, outcome)
    seeds, arms, losses = grid.index, grid.columns.to_frame(index=False), grid.to_numpy()
    best = cross_fitted(losses) if tuning is None else _best(_grid(tuning, outcome), grid)
    least = losses[np.arange(len(losses)), best]
    nearest_to = cache(partial(nearest, arms))  # most seeds and rules ask for the same few
    lines: list[dict[str, object]] = []
    for (rule, kind), planned in choices.groupby(["rule", "kind"], sort=False):
        plans = planned.set_index("seed").reindex(seeds)
        if plans["drop"].isna().any():
            raise ValueError(f"rule {rule!r} has no plan for seed {seeds[plans['drop'].isna()][0]}; must have one for each of the sweep")
        chosen = [nearest_to(theta, int(drop)) for theta, drop in zip(plans["theta"], plans["drop"], strict=True)]
        own = losses[np.arange(len(losses)), chosen]
        lines.append({"rule": rule, "kind": kind, "drop": float(plans["drop"].mean())} | _interval(own - least))
    return lines


def _best(tuning: pd.DataFrame, grid: pd.DataFrame) -> Array:
    """The best arm by the means of other seeds, for each seed."""
    if not tuning.columns.equals(grid.columns):
        raise ValueError("tuning has other arms than the sweep; must have the same pairs of theta and drop")
    return np.full(len(grid), np.argmin(tuning.to_numpy().mean(axis=0)))


def _grid(rows: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """The losses, a row a seed and a column a pair (theta, drop), in order, each there once. The plain arm has θ = 0."""
    swept = rows[rows["method"].isin(GRID)]
    swept = swept.assign(drop=swept["drop"].where(swept["method"] != "sgd", 0))
    swept = swept.assign(theta=swept["theta"].where(swept["drop"] > 0, 0.0))
    twice = swept.duplicated(["seed", "theta", "drop"])
    if twice.any():
        named = ", ".join(f"{name} = {swept[twice].iloc[0][name]}" for name in ("setting", "seed", "theta", "drop"))
        raise ValueError(f"the sweep has {named} more than once; must have it once")
    wide = swept.pivot(index="seed", columns=["theta", "drop"], values=outcome).sort_index(axis=1)  # noqa: PD010 - pivot_table would average
    values = wide.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        arms = wide.columns.to_frame(index=False).to_dict("records")
        seed, column = (int(i[0]) for i in np.nonzero(~np.isfinite(values)))
        named = ", ".join(f"{name} = {value}" for name, value in arms[column].items())
        raise ValueError(f"{outcome} of {named}, seed {wide.index[seed]} must be finite: a run that lacks or diverged can't be left out")
    return pd.DataFrame(_as_loss(outcome, values), index=wide.index, columns=wide.columns)


def _as_loss(outcome: str, values: Array) -> Array:
    """The values with smaller ones better. Raises ValueError for a loss that is not above 0."""
    return np.log(real(outcome, values, above=0)) if OUTCOMES[outcome] == PER_CENT else -values


def _interval(regrets: Array) -> dict[str, object]:
    interval = student_t(regrets)
    estimates = {"regret": interval.estimate, "low": interval.low, "high": interval.high}
    return {"seeds": len(regrets)} | {name: float(value) for name, value in estimates.items()}
