"""E1-E5: the primary comparisons of ``docs/study_plan.md``, tested as a family, and the verdicts that follow from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from empirics import records
from empirics.analysis import measured
from empirics.statistics import Interval, effect_size, holm, paired_p_value, student_t
from empirics.study.arms import THETAS
from empirics.study.outcomes import OUTCOMES, Choice, best, differences, summary, tuned
from empirics.study.settings import BATCH_SIZE, CONFIRMATORY, EARLY, PATHS, PRIMARY, TUNING
from theory.constants import Array

LEVEL = 0.05
MATTERS = {"E1": 0.01, "E2": 0.01, "E3": 0.005, "E4": 0.01, "E5": 0.005}
"""The smallest effect that matters: of a variance ratio, of the logarithm of a loss, of an accuracy."""
IN_FAVOUR = {"E1": -1, "E2": -1, "E3": 1, "E4": -1, "E5": 1}
MAJORITY = 3
"""Of the five primary settings."""

SUPPORTED, REFUTED, NO_EFFECT, MIXED = "supported", "refuted", "no effect that matters", "mixed"


@dataclass(frozen=True)
class Study:
    """The three records: tuning (a row a run), confirmatory runs (a row a run) and paths (a row a run and epoch)."""

    tuning: pd.DataFrame
    runs: pd.DataFrame
    paths: pd.DataFrame


def load(folder: Path) -> Study:
    """The study of the records in a folder."""
    tuning, confirmatory, along = (records.read(folder / f"{name}.parquet").table for name in (TUNING, CONFIRMATORY, PATHS))
    return Study(tuning, summary(confirmatory), along)


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


def e2(study: Study, setting: str) -> Finding:
    """Early loss: the better ``lsr`` less ``none``."""
    a = best(study.tuning, setting, arms_of(study, setting, "lsr"), "early loss")
    return _compared(study, "E2", setting, a, tuned(study.tuning, setting, "none", "early loss"), "early loss")


def e3(study: Study, setting: str) -> Finding:
    """Accuracy: the best ``tsla`` less the better of ``none`` and ``lsr``."""
    a = best(study.tuning, setting, arms_of(study, setting, "tsla"), "accuracy")
    b = best(study.tuning, setting, ["none", *arms_of(study, setting, "lsr")], "accuracy")
    return _compared(study, "E3", setting, a, b, "accuracy")


def e4(study: Study, setting: str) -> Finding:
    """Test loss: the best drop inside the run less the end of the run that it beats by less."""
    return best_drop(study, setting, "test loss")


def best_drop(study: Study, setting: str, outcome: str) -> Finding:
    """The best ``tsla`` less ``none`` or less ``lsr`` at its θ, whichever comparison speaks less for it: both must hold.

    Where that one speaks against it, p is doubled, for there were two chances.
    """
    a = best(study.tuning, setting, arms_of(study, setting, "tsla"), outcome)
    ends = [tuned(study.tuning, setting, arm, outcome) for arm in ("none", f"lsr-{a.arm.split('-')[1]}")]
    better = 1 if OUTCOMES[outcome].higher_is_better else -1
    found = min(
        (_compared(study, "E4", setting, a, end, outcome) for end in ends), key=lambda one: better * float(effect_size(one.differences))
    )
    against = better * found.differences.mean() < 0
    return replace(found, p=min(1.0, 2 * found.p)) if against else found


def e5(study: Study, setting: str) -> Finding:
    """Accuracy: the best ``own-hard-tsla`` less the better of ``none`` and ``own-hard``."""
    a = best(study.tuning, setting, arms_of(study, setting, "own-hard-tsla"), "accuracy")
    b = best(study.tuning, setting, ["none", *arms_of(study, setting, "own-hard")], "accuracy")
    return _compared(study, "E5", setting, a, b, "accuracy")


CLAIMS = {"E1": e1, "E2": e2, "E3": e3, "E4": e4, "E5": e5}


def arms_of(study: Study, setting: str, family: str) -> list[str]:
    """The arms of a setting called ``family-θ`` or ``family-θ-s``."""
    names = study.tuning.loc[study.tuning["setting"] == setting, "arm"].unique()
    return [name for name in names if re.fullmatch(rf"{family}-[\d.]+(-\d+)?", name)]


def _compared(study: Study, claim: str, setting: str, a: Choice, b: Choice, outcome: str) -> Finding:
    what = f"{a.arm} (η = {a.eta:g}) less {b.arm} (η = {b.eta:g})"
    return _finding(claim, setting, what, differences(study.runs, setting, a, b, outcome))


def _finding(claim: str, setting: str, what: str, found: ArrayLike) -> Finding:
    array = np.asarray(found, dtype=np.float64)
    return Finding(claim, setting, what, array, float(paired_p_value(array)))


def family(study: Study) -> list[Finding]:
    """Every claim at every primary setting, with Holm's adjusted p."""
    found = [claim(study, setting) for claim in CLAIMS.values() for setting in PRIMARY]
    return [replace(one, p=float(p)) for one, p in zip(found, holm([one.p for one in found]), strict=True)]


def verdict(claim: str, findings: Sequence[Finding]) -> str:
    """Of one claim, from its findings at the primary settings with adjusted p: see the plan."""
    significant = [one.effect for one in findings if one.p < LEVEL]
    for_it, against = (sum(np.sign(effect) == side for effect in significant) for side in (1, -1))
    if for_it >= MAJORITY and not against:
        return SUPPORTED
    if against >= MAJORITY and not for_it:
        return REFUTED
    return NO_EFFECT if not for_it and sum(_excludes_what_matters(one) for one in findings) >= MAJORITY else MIXED


def _excludes_what_matters(finding: Finding) -> bool:
    best_case = finding.interval.high if IN_FAVOUR[finding.claim] > 0 else -finding.interval.low
    return bool(best_case < MATTERS[finding.claim])
