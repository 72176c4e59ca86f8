"""A pilot: one training run with its gradient moments, and the run that is planned from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan.rows import TIMES, USED, is_record, rows_of
from tsla.empirics.moments.columns import measured, moments_of
from tsla.empirics.runs import records
from tsla.empirics.runs.numbers import with_numbers
from tsla.theory.constants import Array, batch, is_whole, real, said, shown, single, whole
from tsla.theory.moments import MOMENTS, Moments

NEEDED = ("method", "seed", "epoch", "train_loss", "test_loss", *MOMENTS)
OWN = ("theta", "batch_size", "epochs")
"""What a record's configuration says of the run to be planned, where nobody says otherwise."""


@dataclass(frozen=True, eq=False)
class Pilot:
    """What was measured along one run, and the run to be planned, of ``epochs`` epochs: the pilot itself may be shorter.

    rows:              one an epoch from 0 on, as of `tsla train`; the six moments at the epochs where they were measured, at least one
    theta, batch_size: of the planned run; moments are those of single examples, so that any batch size follows (C14)
    eta_L:             η times the largest curvature, if known; C12 ends at 1, and 1 is taken for more and where it is not known
    unit:              what time is counted in, "epoch" or "step"; where it is "step", "epoch" above and in what follows is a step

    Raises ValueError outside the ranges, for a run that diverged, and for one without moments or without variance.
    """

    rows: pd.DataFrame
    theta: float
    batch_size: int
    epochs: int
    eta_L: float | None = None  # noqa: N815 - η·L
    unit: str = "epoch"

    def __post_init__(self) -> None:
        single("theta", self.theta, above=0, at_most=1)
        batch(self.batch_size)
        whole(f"{self.unit}s", self.epochs, at_least=1, at_most=2**53)
        if self.eta_L is not None:
            single("eta_L", self.eta_L, above=0)
        at = self.rows.dropna(subset="s2")
        if at.empty:
            raise ValueError(f"the pilot has no moments; must have them at one {self.unit} at least, as `tsla train` measures them")
        if (at["s2"] <= 0).any():
            epoch = at["epoch"][at["s2"] <= 0].iloc[0]
            raise ValueError(
                f"s2 must be above 0, but is not at {self.unit} {epoch} of the pilot; without variance there is nothing to lower"
            )
        if self.rows["epoch"].max() > self.epochs:
            raise ValueError(f"{self.unit}s = {self.epochs} must be at least those of the pilot, {self.rows['epoch'].max()}")

    @cached_property
    def measured(self) -> pd.DataFrame:
        """The epochs at which moments were measured, with what follows from them (:func:`tsla.empirics.moments.columns.measured`)."""
        return measured(self.rows.sort_values("epoch"), theta=self.theta, batch_size=self.batch_size)

    @property
    def measured_at(self) -> Array:
        """Those epochs, shape (m,), as all arrays here."""
        return np.asarray(self.measured["epoch"].to_numpy(dtype=np.float64))

    @property
    def moments(self) -> Moments:
        """Those of single examples there."""
        return moments_of(self.measured)

    @property
    def scale(self) -> float:
        """``ηL`` as C12 takes it: at most 1, and 1 where it is not known."""
        return 1.0 if self.eta_L is None else min(self.eta_L, 1.0)


def pilot_of(
    source: Any, *, method: str | None = None, seed: int | None = None, eta: float | None = None, steps: int | None = None, **planned: Any
) -> Pilot:
    """The pilot in what :func:`tsla.empirics.advice.plan.rows.rows_of` takes.

    A record of `tsla train --out` knows its run: ``method`` and ``seed`` choose one of many, and what is None or left out of ``planned``
    (theta, batch_size, epochs, eta_L of the run to be planned) is the pilot's own. Where it measured ``eta_L`` (`tsla train --watch`), that
    is the mean over its epochs, in proportion for another step size ``eta``. Of other rows theta and batch_size must be given, and the run
    is as long as the rows unless ``epochs``, or ``steps`` of rows that count those, says otherwise. Raises ValueError, in one line, for
    whatever is wrong with the rows or the numbers.
    """
    if isinstance(source, str | Path) and is_record(path := Path(source)):
        if steps is not None:
            raise ValueError(f"steps = {steps} has no use with {path}, which counts epochs; give epochs")
        return _of_record(path, method, seed, eta, planned)
    for name, value in (("method", method), ("seed", seed), ("eta", eta)):
        if value is not None:
            raise ValueError(f"{name} = {said(value)} has no use with rows that are no record of `tsla train --out`")
    return _of_rows(source, planned | {"steps": steps})


def _of_rows(source: Any, planned: Mapping[str, Any]) -> Pilot:
    rows, unit = rows_of(source)
    missing = [name for name in ("theta", "batch_size") if planned.get(name) is None]
    if missing:
        raise ValueError(f"{' and '.join(missing)} must be given, since the rows of the pilot do not say what was planned")
    (other,) = (time for time in TIMES if time != unit)
    if planned.get(f"{other}s") is not None:
        raise ValueError(f"{other}s = {planned[f'{other}s']} has no use with rows that count {unit}s; give {unit}s")
    _check_rows(rows, unit)
    given = planned.get(f"{unit}s")
    length = max(int(rows[unit].max()), 1) if given is None else given
    if "reason" in rows and rows["s2"].isna().all():
        raise ValueError(f"the pilot has no moments, since nothing could be measured: {rows['reason'].iloc[-1]}")
    eta_L = _eta_L(rows) if planned.get("eta_L") is None else planned["eta_L"]
    possible = asdict(moments_of(rows).clipped())  # estimates from some examples may lie where no moments can
    return Pilot(rows.assign(**possible).rename(columns={unit: "epoch"}), planned["theta"], planned["batch_size"], length, eta_L, unit)


def _check_rows(rows: pd.DataFrame, unit: str) -> None:
    """Raises ValueError for rows without a time of their own, for a loss that is not finite, and for moments that are infinite.

    A moment that is NaN is one that could not be measured; such a loss is that of a run that diverged.
    """
    for time in rows[unit]:
        real(f"{unit} in the rows of the pilot", time, at_least=0, integral=True)
    if rows[unit].duplicated().any():
        raise ValueError(f"{unit} {rows[unit][rows[unit].duplicated()].iloc[0]} is there twice in the rows of the pilot; must be once")
    for loss in rows.get("train_loss", ()):
        real("train_loss in the rows of the pilot", loss)
    for name in MOMENTS:
        if np.isinf(rows[name]).any():
            raise ValueError(f"{name} is infinite in the rows of the pilot; must be finite, or NaN where it was not measured")


def _of_record(path: Path, method: str | None, seed: int | None, eta: float | None, planned: Mapping[str, Any]) -> Pilot:
    record = records.read(path, name="pilot")
    lacking = [name for name in NEEDED if name not in record.table]
    if lacking:
        raise ValueError(f"pilot = {path} has no column {lacking[0]}; must be a record that `tsla train --out` wrote")
    config = _one_run(record.config, method, seed)
    rows = with_numbers(record.table, ("epoch", *USED), f"pilot = {path}")
    for name in ("method", "seed"):
        rows = rows[rows[name] == config[name]]
    own: dict[str, Any] = {name: config[name] for name in OWN} | {"eta_L": _eta_L(rows)}
    if eta is not None:
        if own["eta_L"] is None or planned.get("eta_L") is not None:
            raise ValueError(
                f"eta = {shown(eta)} must come with a pilot that measured eta_L, and without eta_L itself: it counts by their product"
            )
        own["eta_L"] *= single("eta", eta, above=0) / single("eta of the pilot", config.get("eta"), above=0)
    return Pilot(rows, **own | {name: value for name, value in planned.items() if value is not None})


def _one_run(config: Mapping[str, Any], method: str | None, seed: int | None) -> Mapping[str, Any]:
    """The configuration of the run that is meant. Raises ValueError for none and for several, as the grid of a sweep has."""
    runs = config.get("configs", [config])
    if not isinstance(runs, list) or not all(map(_is_training, runs)):
        raise ValueError("the pilot's record is of something else than training; must be one that `tsla train --out` wrote")
    for name, wanted in (("method", method), ("seed", seed)):
        there = list(dict.fromkeys(run[name] for run in runs))
        if wanted is None and len(there) > 1:
            raise ValueError(f"{name} is missing: the record must be told which, of {', '.join(map(str, there))}")
        runs = [run for run in runs if run[name] == (there[0] if wanted is None else wanted)]
        if not runs:
            raise ValueError(f"{name} = {wanted!r} must be one of the record's: {', '.join(map(str, there))}")
    if len(runs) > 1:
        raise ValueError(
            f"the pilot's record has {len(runs)} runs of method {runs[0]['method']} and seed {runs[0]['seed']}; "
            "must have one, as each file in runs/ of a sweep has"
        )
    return dict(runs[0])


def _is_training(run: Any) -> bool:
    named = isinstance(run, Mapping) and isinstance(run.get("method"), str) and is_whole(run.get("seed"))
    return named and {*OWN} <= {*run}


def _eta_L(rows: pd.DataFrame) -> float | None:  # noqa: N802 - η·L
    with np.errstate(over="ignore"):  # what is too large is refused as eta_L
        return float(rows["eta_L"].mean()) if "eta_L" in rows and rows["eta_L"].notna().any() else None
