"""E1-E5: the primary comparisons of ``docs/study_plan.md``, tested as a family, and the verdicts that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.experiments.study.comparisons import CLAIMS, accuracies
from tsla.empirics.experiments.study.findings import NO_BENEFIT, REFUTED, SUPPORTED, Finding, Runs, adjusted, compared, e1, each
from tsla.empirics.experiments.study.outcomes import summary
from tsla.empirics.experiments.study.settings import CONFIRMATORY, DECAY, DECAY_TUNING, PATHS, PRIMARY, SETTINGS, TEMPERING, TUNING
from tsla.empirics.experiments.study.words import Said, said, shared, title
from tsla.empirics.runs import records
from tsla.empirics.statistics.power import LEVEL

MAJORITY = 3
"""Of the five primary settings."""

MIXED = "mixed"
"""Where the five settings agree on nothing else."""


@dataclass(frozen=True)
class Study(Runs):
    """The second round, with its ``runs`` a row an epoch too, and what is beside it: tempering, and the runs where the step size decays."""

    epochs: pd.DataFrame
    tempering: pd.DataFrame
    decay_tuning: pd.DataFrame
    decay: pd.DataFrame


def load(folder: Path) -> Study:
    """The study of the records in a folder."""
    names = (TUNING, CONFIRMATORY, PATHS, TEMPERING, DECAY_TUNING, DECAY)
    tuning, confirmatory, along, tempering, decay_tuning, decay = (records.of(folder, name).table for name in names)
    return Study(tuning, summary(confirmatory), along, confirmatory, tempering, decay_tuning, summary(decay))


def family(study: Runs) -> list[Finding]:
    """Every claim at every primary setting, with Holm's adjusted p."""
    found = [e1(study.paths, setting) for setting in PRIMARY]
    found += [compared(study.runs, claim, setting, of(study.tuning, setting)) for claim, of in CLAIMS.items() for setting in PRIMARY]
    return adjusted(found)


def decayed(study: Study, claim: str, setting: str) -> list[Finding]:
    """E3 or E5 in a setting of DECAYED, and its arms less ``none``: exploratory, so that ``p`` is of each test by itself."""
    return each(study.decay, claim, setting, accuracies(study.decay_tuning, setting, claim))


def verdict(claim: str, findings: Sequence[Finding]) -> str:
    """Of one claim, from its findings at the primary settings with adjusted p: see the plan."""
    significant = [one.effect for one in findings if one.adjusted < LEVEL]
    for_it, against = (sum(np.sign(effect) == side for effect in significant) for side in (1, -1))
    if for_it >= MAJORITY and not against:
        return SUPPORTED
    if against >= MAJORITY and not for_it:
        return REFUTED
    return NO_BENEFIT if not for_it and sum(one.excludes_what_matters for one in findings) >= MAJORITY else MIXED


def by_setting(claim: str, family: Sequence[Finding]) -> list[Said]:
    """What the words of the third round's plan are for each setting, beside the vote of this one, which is in the title."""
    own = [one for one in family if one.claim == claim]
    settings = [SETTINGS[name] for name in PRIMARY]
    return said(
        f"second round: {shared(settings)}", f"{title(settings)}, {verdict(claim, own)} by the vote of its plan", own, name_noise=True
    )
