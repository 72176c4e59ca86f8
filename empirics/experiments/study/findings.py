"""What is found of a claim at a setting: paired differences, how sharp they are, and what the plan calls that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor, nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsla.empirics.experiments.study.comparisons import Comparison
from tsla.empirics.experiments.study.outcomes import differences
from tsla.empirics.experiments.study.settings import EARLY
from tsla.empirics.experiments.study.third import EVERY
from tsla.empirics.moments.columns import measured
from tsla.empirics.statistics.intervals import Interval, effect_size, holm, paired_p_value, student_t
from tsla.empirics.statistics.power import LEVEL, POWER, paired_power
from tsla.theory.constants import Array

MATTERS = {"E1": 0.01, "E2": 0.01, "E2 by accuracy": 0.005, "E3": 0.005, "E4": 0.01, "E5": 0.005}
"""The smallest effect that matters: of a variance ratio, of the logarithm of a loss, of an accuracy. The rows of the plan's table."""
IN_FAVOUR = {"E1": -1, "E2": -1, "E2 by accuracy": 1, "E3": 1, "E4": -1, "E5": 1}
THETA = 0.1
"""The strength that E1 is about."""
WAYS = {
    "beyond": ("smoothed less the control", 0),
    "ratio": ("smoothed less plain", 1),
    "noise_to_signal": ("noise to squared signal, smoothed over plain, less 1", 1),
}
"""Columns of :func:`along` -> what they compare, and what they are where smoothing changes nothing."""

SUPPORTED, REFUTED, NO_BENEFIT, OPEN, CANT_TELL = WORDS = ("supported", "refuted", "no benefit that matters", "open", "can't tell")
"""What the plan of the third round calls what is found at a setting."""


@dataclass(frozen=True)
class Runs:
    """Of a round: ``tuning`` and confirmatory ``runs``, a row a run, as from :func:`summary`; moments along ``paths``, a row an epoch."""

    tuning: pd.DataFrame
    runs: pd.DataFrame
    paths: pd.DataFrame


@dataclass(frozen=True)
class Finding:
    """One comparison, seed by seed.

    claim:       the row of the plan's table
    differences: shape (seeds,), in units of the outcome
    etas:        the step sizes of the arms that are compared
    p:           of the two-sided paired t-test by itself
    adjusted:    the same in its family, by Holm; nan of what is in none
    others:      the differences of the comparisons that must hold too
    """

    claim: str
    setting: str
    what: str
    differences: Array
    etas: tuple[float, ...]
    p: float
    adjusted: float = nan
    others: tuple[Array, ...] = ()

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
        """The probability with which so many seeds see the smallest effect that matters, in a test at 5 % that stands alone.

        Of comparisons that must all hold it is that of the one that sees least. Differences without spread show any effect.
        """
        spreads = ((len(one), float(np.std(one, ddof=1))) for one in (self.differences, *self.others))
        return min(paired_power(n, MATTERS[self.claim] / spread) if spread else 1.0 for n, spread in spreads)

    @property
    def at_edge(self) -> bool:
        """Whether the step size of an arm is the first or the last of the setting's grid: a better one may lie beyond."""
        grid = EVERY[self.setting].etas
        return bool(np.isclose(np.array(self.etas)[:, None], (grid[0], grid[-1]), rtol=1e-6).any())

    @property
    def excludes_what_matters(self) -> bool:
        """Whether the interval leaves no room for an effect in favour that matters."""
        best_case = self.interval.high if IN_FAVOUR[self.claim] > 0 else -self.interval.low
        return bool(best_case < MATTERS[self.claim])

    @property
    def word(self) -> str:
        """One of WORDS."""
        if self.at_edge or self.power < POWER:
            return CANT_TELL
        if self.adjusted < LEVEL:
            return SUPPORTED if self.effect > 0 else REFUTED
        return NO_BENEFIT if self.excludes_what_matters else OPEN

    @property
    def aside(self) -> str:
        """What the word, which the plan gives by rule, would hide of a significant difference; else empty."""
        if not self.adjusted < LEVEL:
            return ""
        if self.word == CANT_TELL:
            return f"yet significantly {'in favour' if self.effect > 0 else 'against'}"
        ends = np.abs([self.interval.low, self.interval.high])
        return "by less than matters" if ends.max() < MATTERS[self.claim] else ""


def power_shown(power: float) -> str:
    """With two digits, rounded down: what does not reach a limit is not shown as if it did."""
    return f"{floor(100 * power) / 100:.2f}"


def finding(claim: str, setting: str, what: str, found: ArrayLike, etas: Sequence[float]) -> Finding:
    """From paired differences, shape (seeds,)."""
    array = np.asarray(found, dtype=np.float64)
    return Finding(claim, setting, what, array, tuple(etas), float(paired_p_value(array)))


def adjusted(family: Sequence[Finding]) -> list[Finding]:
    """With Holm's adjusted p of the family."""
    return [replace(one, adjusted=float(p)) for one, p in zip(family, holm([one.p for one in family]), strict=True)]


def each(runs: pd.DataFrame, claim: str, setting: str, comparisons: Iterable[Comparison]) -> list[Finding]:
    """Of each comparison by itself. ``runs``: a row a run."""
    return [
        finding(claim, setting, str(one), differences(runs, setting, one.a, one.b, one.outcome), (one.a.eta, one.b.eta))
        for one in comparisons
    ]


def compared(runs: pd.DataFrame, claim: str, setting: str, comparisons: Sequence[Comparison]) -> Finding:
    """The :func:`weakest` of some comparisons."""
    return weakest(each(runs, claim, setting, comparisons))


def weakest(found: Sequence[Finding]) -> Finding:
    """The comparison that speaks least for the claim: all must hold. Where it speaks against it, p counts the chances there were."""
    least = min(found, key=lambda one: one.effect)
    against = IN_FAVOUR[least.claim] * least.differences.mean() < 0
    every_eta = tuple(eta for one in found for eta in one.etas)
    others = tuple(one.differences for one in found if one is not least)
    return replace(least, etas=every_eta, others=others, p=min(1.0, len(found) * least.p) if against else least.p)


def along(paths: pd.DataFrame, setting: str) -> pd.DataFrame:
    """The measured rows of the path of ``none``, with what smoothing at THETA does to a batch of the setting's size there."""
    path = paths[(paths["setting"] == setting) & (paths["arm"] == "none")]
    return measured(path.assign(method="none"), theta=THETA, batch_size=EVERY[setting].batch_size)


def e1(paths: pd.DataFrame, setting: str, way: str = "beyond") -> Finding:
    """What smoothing at THETA does early on the path of ``none``, one of WAYS; E1 is the first of them, the others stand beside it."""
    rows = along(paths, setting)
    what, unchanged = WAYS[way]
    means = rows[rows["epoch"].isin(EARLY)].groupby("seed")[way].mean() - unchanged
    return finding("E1", setting, f"{what}, θ = {THETA}", means, tuple(rows["eta"].unique()))
