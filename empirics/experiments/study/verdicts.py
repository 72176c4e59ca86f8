"""E1-E5: the primary comparisons of ``docs/study_plan.md``, tested as a family, and the verdicts that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsla.empirics.experiments.study.arms import THETAS
from tsla.empirics.experiments.study.comparisons import CLAIMS, Comparison, accuracies
from tsla.empirics.experiments.study.outcomes import OUTCOMES, differences, summary
from tsla.empirics.experiments.study.scope import scope
from tsla.empirics.experiments.study.settings import (
    BATCH_SIZE,
    CONFIRMATORY,
    DECAY,
    DECAY_TUNING,
    EARLY,
    PATHS,
    PRIMARY,
    TEMPERING,
    TUNING,
)
from tsla.empirics.experiments.study.third import EVERY
from tsla.empirics.moments.columns import measured
from tsla.empirics.runs import records
from tsla.empirics.statistics.intervals import Interval, effect_size, holm, paired_p_value, student_t
from tsla.empirics.statistics.power import paired_power
from tsla.theory.constants import Array

LEVEL = 0.05
MATTERS = {"E1": 0.01, "E2": 0.01, "E3": 0.005, "E4": 0.01, "E5": 0.005}
"""The smallest effect that matters: of a variance ratio, of the logarithm of a loss, of an accuracy."""
IN_FAVOUR = {"E1": -1, "E2": -1, "E3": 1, "E4": -1, "E5": 1}
DIFFERENCES = {
    "E1": f"variance ratio less that of the control, θ = {THETAS[0]}, epochs {EARLY[0]} to {EARLY[-1]}",
    "E2": f"log F, mean of epochs {EARLY[0]} to {EARLY[-1]}",
    "E3": "test accuracy, as a fraction",
    "E4": "log test loss",
    "E5": "test accuracy, as a fraction",
}
"""Of what the findings are mean paired differences."""
MAJORITY = 3
"""Of the five primary settings."""

SUPPORTED, REFUTED, NO_BENEFIT, MIXED = "supported", "refuted", "no benefit that matters", "mixed"


@dataclass(frozen=True)
class Study:
    """The records: tuning (a row a run), confirmatory runs (``runs``, a row a run; ``epochs``, a row an epoch too), paths, tempering.

    ``decay_tuning`` and ``decay``: the first two where the step size decays, a row a run.
    """

    tuning: pd.DataFrame
    runs: pd.DataFrame
    epochs: pd.DataFrame
    paths: pd.DataFrame
    tempering: pd.DataFrame
    decay_tuning: pd.DataFrame
    decay: pd.DataFrame


def load(folder: Path) -> Study:
    """The study of the records in a folder."""
    names = (TUNING, CONFIRMATORY, PATHS, TEMPERING, DECAY_TUNING, DECAY)
    tuning, confirmatory, along, tempering, decay_tuning, decay = (records.read(folder / f"{name}.parquet").table for name in names)
    return Study(tuning, summary(confirmatory), confirmatory, along, tempering, decay_tuning, summary(decay))


@dataclass(frozen=True)
class Finding:
    """One comparison, seed by seed; ``p`` is that of the two-sided paired t-test."""

    claim: str
    setting: str
    what: str
    differences: Array
    p: float

    @property
    def interval(self) -> Interval:
        """The mean difference with Student's 95 % interval."""
        return student_t(self.differences)

    @property
    def effect(self) -> float:
        """Cohen's d_z, positive in favour of the claim."""
        return IN_FAVOUR[self.claim] * float(effect_size(self.differences))

    @property
    def spread(self) -> float:
        """The standard deviation of the differences."""
        return float(np.std(self.differences, ddof=1))

    @property
    def power(self) -> float:
        """The probability with which so many seeds see the smallest effect that matters, in a test at 5 % that stands alone."""
        return paired_power(len(self.differences), MATTERS[self.claim] / self.spread)


def e1(study: Study, setting: str) -> Finding:
    """What smoothing at θ = 0.1 does beyond the control, on the path of ``none``."""
    return _finding("E1", setting, "smoothed less the control, θ = 0.1", _early(study, setting)["beyond"])


def e1_literally(study: Study, setting: str) -> Finding:
    """The variance ratio less 1, without the control: reported beside E1, and counted nowhere."""
    return _finding("E1", setting, "smoothed less plain, θ = 0.1", _early(study, setting)["ratio"] - 1)


def _early(study: Study, setting: str) -> pd.DataFrame:
    path = study.paths[(study.paths["setting"] == setting) & (study.paths["arm"] == "none")]
    rows = measured(path.assign(method="none"), theta=THETAS[0], batch_size=BATCH_SIZE)
    means: pd.DataFrame = rows[rows["epoch"].isin(EARLY)].groupby("seed")[["beyond", "ratio"]].mean()
    return means


def compared(study: Study, claim: str, setting: str, comparisons: Sequence[Comparison]) -> Finding:
    """The comparison that speaks least for the claim: all must hold. Where it speaks against it, p counts the chances there were."""
    found = [_finding(claim, setting, str(one), differences(study.runs, setting, one.a, one.b, one.outcome)) for one in comparisons]
    sign = 1 if OUTCOMES[comparisons[0].outcome].higher_is_better else -1
    least = min(found, key=lambda one: sign * float(effect_size(one.differences)))
    against = sign * least.differences.mean() < 0
    return replace(least, p=min(1.0, len(found) * least.p)) if against else least


def _finding(claim: str, setting: str, what: str, found: ArrayLike) -> Finding:
    array = np.asarray(found, dtype=np.float64)
    return Finding(claim, setting, what, array, float(paired_p_value(array)))


def family(study: Study) -> list[Finding]:
    """Every claim at every primary setting, with Holm's adjusted p."""
    found = [e1(study, setting) for setting in PRIMARY]
    found += [compared(study, claim, setting, of(study.tuning, setting)) for claim, of in CLAIMS.items() for setting in PRIMARY]
    return [replace(one, p=float(p)) for one, p in zip(found, holm([one.p for one in found]), strict=True)]


def decayed(study: Study, claim: str, setting: str) -> list[Finding]:
    """E3 or E5 in a setting of DECAYED, and its arms less ``none``: exploratory, so that ``p`` is of each test by itself."""
    compared = accuracies(study.decay_tuning, setting, claim)
    return [_finding(claim, setting, str(one), differences(study.decay, setting, one.a, one.b, one.outcome)) for one in compared]


def verdict(claim: str, findings: Sequence[Finding]) -> str:
    """Of one claim, from its findings at the primary settings with adjusted p: see the plan."""
    significant = [one.effect for one in findings if one.p < LEVEL]
    for_it, against = (sum(np.sign(effect) == side for effect in significant) for side in (1, -1))
    if for_it >= MAJORITY and not against:
        return SUPPORTED
    if against >= MAJORITY and not for_it:
        return REFUTED
    return NO_BENEFIT if not for_it and sum(_excludes_what_matters(one) for one in findings) >= MAJORITY else MIXED


def where(findings: Sequence[Finding]) -> str:
    """The settings of the findings of one claim in words, with seeds and power: a verdict holds there, and is not known to elsewhere."""
    by_network: dict[str, list[Finding]] = {}
    for one in findings:
        by_network.setdefault(EVERY[one.setting].model, []).append(one)
    seen = {
        model: f"{_range([len(one.differences) for one in own], 'd')} seeds, power {_range([one.power for one in own], '.2f')}"
        for model, own in by_network.items()
    }
    return (
        f"{scope([EVERY[one.setting] for one in findings], seen)}; decided by {len(_deciding(findings))} of these {len(findings)} settings"
    )


def _deciding(findings: Sequence[Finding]) -> list[Finding]:
    """Those that the verdict rests on: significant on its side, or without room for what matters; of a mixed one all significant ones."""
    decided = verdict(findings[0].claim, findings)
    if decided == NO_BENEFIT:
        return [one for one in findings if _excludes_what_matters(one)]
    sides = {SUPPORTED: (1,), REFUTED: (-1,)}.get(decided, (1, -1))
    return [one for one in findings if one.p < LEVEL and np.sign(one.effect) in sides]


def _range(values: Sequence[float], form: str) -> str:
    return " to ".join(dict.fromkeys(f"{value:{form}}" for value in (min(values), max(values))))


def _excludes_what_matters(finding: Finding) -> bool:
    best_case = finding.interval.high if IN_FAVOUR[finding.claim] > 0 else -finding.interval.low
    return bool(best_case < MATTERS[finding.claim])
