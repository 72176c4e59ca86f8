"""Where the seeds of a sweep vary independently: the regret of a rule, and the best of several drops."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from tsla.empirics.experiments.error_rates.trial import Trial, as_normal, centred, covers, units
from tsla.empirics.experiments.planner.regret import by_setting, cross_fitted
from tsla.empirics.experiments.study import verdicts
from tsla.empirics.experiments.study.drops import LINES, less_none
from tsla.empirics.experiments.study.outcomes import OUTCOMES
from tsla.empirics.experiments.study.settings import EPOCHS, TUNING_SEEDS
from tsla.empirics.statistics.intervals import IntervalOf, student_t
from tsla.theory.constants import Array

SEEDS, GAPS = 10, (0.0, 0.02, 0.05, 0.1)
"""Of a sweep: how much worse each arm is than the best one, in units of the spread that seeds do not share."""
SHARED, OWN = 1.0, 0.1
"""The spread of log losses that the arms of a seed share, and that of each run."""
ARMS = (("sgd", 0), ("tsla", 2), ("tsla", 4), ("lsr", 8))
"""Methods and drops."""


def regret(_: Path) -> Trial:
    """The regret of a rule, here to smooth to the end, against the best arm of a sweep: chosen on its other seeds, or by tuning on others.

    Losses of a seed share a part that is ten times as large as what they don't share. The truth is the mean regret of many sweeps. Beside
    an arm that tuning chose it is known, and its mean over what tuning may choose is that of many tunings.
    """
    gaps = OWN * np.array(GAPS)
    plan = {"setting": "any", "rule": "always", "kind": "naive", "theta": 0.1, "drop": ARMS[-1][1]}

    def losses(rng: Generator, seeds: int = SEEDS) -> Array:
        """Logarithms, a row a seed."""
        return np.asarray(rng.normal(0, SHARED, (seeds, 1)) + rng.normal(0, OWN, (seeds, len(ARMS))) + gaps)

    def of_sweep(drawn: Array) -> float:
        return float(np.mean(drawn[:, -1] - drawn[np.arange(len(drawn)), cross_fitted(drawn)]))

    def beside_chosen(tuning: Array) -> float:
        return float(gaps[-1] - gaps[np.argmin(tuning.mean(axis=0))])

    many = [np.random.default_rng([0, i]) for i in range(4000)]
    of_sweeps = float(np.mean([of_sweep(losses(rng)) for rng in many]))
    of_tunings = float(np.mean([beside_chosen(losses(rng, len(TUNING_SEEDS))) for rng in many]))

    def said(swept: Array, tuning: Array | None = None) -> IntervalOf[float]:
        choices = pd.DataFrame({"seed": range(len(swept)), **plan})
        row = by_setting(_runs(swept), choices, None if tuning is None else _runs(tuning)).iloc[0]
        return IntervalOf(row["regret"], row["low"], row["high"])

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        swept, tuning = (units(losses(rng, seeds).T, wrong).T for seeds in (SEEDS, len(TUNING_SEEDS)))
        by_tuning = said(swept, tuning)
        return {
            "regret": covers(said(swept), of_sweeps),
            "beside the tuned": covers(by_tuning, beside_chosen(tuning)),
            "beside what tuning may choose": covers(by_tuning, of_tunings),
        }

    return trial


def _runs(log_losses: Array) -> pd.DataFrame:
    """A sweep, from a row a seed."""
    return pd.DataFrame(
        {"setting": "any", "method": method, "theta": 0.1, "drop": drop, "seed": seed, "train_loss": loss}
        for seed, row in enumerate(np.exp(log_losses))
        for (method, drop), loss in zip(ARMS, row, strict=True)
    )


def drops(folder: Path) -> Trial:
    """A line of the best drop's figure where no drop has an effect: whether the interval of a drop, or of any, excludes 0 in its favour."""
    study = verdicts.load(folder)

    def in_favour(setting: str, outcome: str, theta: float) -> list[Array]:
        """Of each drop, how much better than without smoothing its seeds are, moved to mean 0."""
        found, sign = less_none(study.tuning, study.runs, setting, outcome, theta), 1 if OUTCOMES[outcome].higher_is_better else -1
        return [sign * centred(differences) for drop, differences in found.items() if drop < EPOCHS]

    lines = [in_favour(*line) for line in LINES]

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        line = lines[int(rng.integers(len(lines)))]
        seeds = {n: rng.integers(n, size=n) for n in sorted({len(drop) for drop in line})}
        pick = int(rng.integers(len(line)))
        found: dict[str, bool] = {}
        for law, drops in (("", line), (", normal", [as_normal(drop, rng) for drop in line])):
            better = [bool(student_t(units(drop[seeds[len(drop)]], wrong)).low > 0) for drop in drops]
            found |= {f"a drop{law}": better[pick], f"any drop{law}": any(better)}
        return found

    return trial
