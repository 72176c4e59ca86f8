"""What is compared: outcomes of runs, step sizes chosen by them on the tuning seeds, and paired differences on the confirmatory ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tsla.empirics.experiments.study.arms import theta_of
from tsla.empirics.experiments.study.settings import EARLY, EPOCHS
from tsla.theory.constants import Array

TIE = 1e-12
"""Means this near to one another are those of the same numbers, added in another order."""
RUN = ["setting", "arm", "eta", "seed"]
"""The columns that name a run."""


@dataclass(frozen=True)
class Outcome:
    """The mean of ``column`` over ``epochs``; of a loss, the mean of its logarithm."""

    column: str
    epochs: tuple[int, ...]
    higher_is_better: bool = False

    def of(self, rows: pd.DataFrame) -> pd.Series:
        """One value a run, indexed by RUN, from one row an epoch. A run that diverged has the worst value there is."""
        chosen = rows[rows["epoch"].isin(self.epochs)]
        found = self.scaled(chosen).groupby([chosen[name] for name in RUN]).mean()
        gone = ~np.isfinite(rows.groupby(RUN)["train_loss"].max(skipna=False)).reindex(found.index)
        return found.mask(gone, -np.inf if self.higher_is_better else np.inf)

    def scaled(self, rows: pd.DataFrame) -> pd.Series:
        """The column as it is compared."""
        column = rows[self.column].astype(np.float64)  # of None where it was not measured
        return column if self.higher_is_better else column.map(np.log)


OUTCOMES = {
    "early loss": Outcome("train_loss", EARLY),
    "loss": Outcome("train_loss", (EPOCHS,)),
    "gradient": Outcome("grad2", (EPOCHS,)),
    "test loss": Outcome("test_loss", (EPOCHS,)),
    "accuracy": Outcome("test_accuracy", (EPOCHS,), higher_is_better=True),
    "calibration": Outcome("test_ece", (EPOCHS,)),
}
LAST = (EPOCHS - 2, EPOCHS - 1, EPOCHS)
LATER = {
    "early loss": OUTCOMES["early loss"],
    "early accuracy": Outcome("test_accuracy", EARLY, higher_is_better=True),
    **{name: replace(OUTCOMES[name], epochs=LAST) for name in ("loss", "test loss", "accuracy", "calibration")},
}
"""Those of the third round."""
TUNED_FOR = ("early loss", "loss", "test loss", "accuracy")
"""The outcomes that step sizes are tuned for; ‖∇F‖² is looked at with those that are tuned for F, calibration with those for accuracy."""


@dataclass(frozen=True)
class Choice:
    """An arm at a step size, as the tuning seeds chose it."""

    arm: str
    eta: float


def summary(rows: pd.DataFrame, outcomes: Mapping[str, Outcome] = OUTCOMES) -> pd.DataFrame:
    """One row a run from one row an epoch: RUN and the outcomes. Losses as logarithms."""
    return pd.DataFrame({name: outcome.of(rows) for name, outcome in outcomes.items()}).reset_index()


def tuned(tuning: pd.DataFrame, setting: str, arm: str, outcome: str) -> Choice:
    """The step size with the best mean of the outcome over the tuning seeds. Raises ValueError where the arm diverged at each."""
    return best(tuning, setting, [arm], outcome)


def best(tuning: pd.DataFrame, setting: str, arms: Iterable[str], outcome: str) -> Choice:
    """The best of several arms, each at its own best step size. ``tuning``: as from :func:`summary`.

    Of equal means the one of the smaller step size counts as better, then the one of the larger θ, then the one whose runs come first: as
    the last bits of the means had it when the study was run, which are another in another release of pandas.
    """
    wanted = list(arms)
    rows = tuning[(tuning["setting"] == setting) & tuning["arm"].isin(wanted)]
    gain = rows[outcome] if (OUTCOMES | LATER)[outcome].higher_is_better else -rows[outcome]
    means = gain.groupby([rows["arm"], rows["eta"]], sort=False).mean()
    finite = means[np.isfinite(means)]
    if finite.empty:
        raise ValueError(f"arm = {', '.join(wanted)}: no run in {setting!r} that did not diverge; must have one")
    tied = finite[finite >= finite.max() - TIE]
    arm, eta = min(tied.index, key=lambda cell: (cell[1], -theta_of(cell[0])))
    return Choice(str(arm), float(eta))


def values(runs: pd.DataFrame, setting: str, choice: Choice, outcome: str) -> pd.Series:
    """The outcome of a choice by seed, from confirmatory runs as from :func:`summary`. Raises ValueError where there are none."""
    of_arm = runs[(runs["setting"] == setting) & (runs["arm"] == choice.arm)]
    rows = of_arm[np.isclose(of_arm["eta"], choice.eta, rtol=1e-6)]
    if rows.empty:
        raise ValueError(f"arm = {choice.arm!r} at eta = {choice.eta:g} has no run in {setting!r}; must be one of the study's")
    found: pd.Series = rows.set_index("seed")[outcome].sort_index()
    return found


def differences(runs: pd.DataFrame, setting: str, a: Choice, b: Choice, outcome: str) -> Array:
    """``a - b`` seed by seed, shape (seeds,), at the seeds of the one that has fewer.

    Raises ValueError where the other one lacks some of them, or a run diverged.
    """
    first, second = (values(runs, setting, choice, outcome) for choice in (a, b))
    fewer = min(first.index, second.index, key=len)
    if not (fewer.isin(first.index).all() and fewer.isin(second.index).all()):
        raise ValueError(f"{a.arm} and {b.arm} have other seeds in {setting!r}; a paired difference needs the same")
    found: Array = (first[fewer] - second[fewer]).to_numpy(dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError(f"{a.arm} or {b.arm} diverged in {setting!r}; leaving the seed out would flatter it")
    return found
