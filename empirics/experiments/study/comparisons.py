"""What is compared for each claim: arms at step sizes, as the tuning seeds choose them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from tsla.empirics.experiments.study.outcomes import Choice, best, tuned


@dataclass(frozen=True)
class Comparison:
    """``a`` less ``b`` by an outcome."""

    a: Choice
    b: Choice
    outcome: str

    def __str__(self) -> str:
        """Such as "lsr-0.1 (η = 0.2) less none (η = 0.1)"."""
        return f"{self.a.arm} (η = {self.a.eta:g}) less {self.b.arm} (η = {self.b.eta:g})"


Of = Callable[[pd.DataFrame, str], list[Comparison]]
"""From the tuning runs and a setting: what is compared for a claim."""
KEPT = {"E3": "lsr", "E5": "own-hard"}
"""The claims by accuracy -> the arms that never drop."""


def e2(tuning: pd.DataFrame, setting: str, outcome: str = "early loss") -> list[Comparison]:
    """By the outcome: the better ``lsr`` less ``none``."""
    a = best(tuning, setting, arms_of(tuning, setting, "lsr"), outcome)
    return [Comparison(a, tuned(tuning, setting, "none", outcome), outcome)]


def e3(tuning: pd.DataFrame, setting: str) -> list[Comparison]:
    """Accuracy: the best ``tsla`` less the better of ``none`` and ``lsr``."""
    return [_best_against(tuning, setting, "tsla", KEPT["E3"])]


def e4(tuning: pd.DataFrame, setting: str, outcome: str = "test loss") -> list[Comparison]:
    """By the outcome: the best drop inside the run less either end of it, ``none`` and ``lsr`` at its θ."""
    a = best(tuning, setting, arms_of(tuning, setting, "tsla"), outcome)
    ends = ("none", f"lsr-{a.arm.split('-')[1]}")
    return [Comparison(a, tuned(tuning, setting, end, outcome), outcome) for end in ends]


def e5(tuning: pd.DataFrame, setting: str) -> list[Comparison]:
    """Accuracy: the best ``own-hard-tsla`` less the better of ``none`` and ``own-hard``."""
    return [_best_against(tuning, setting, "own-hard-tsla", KEPT["E5"])]


def accuracies(tuning: pd.DataFrame, setting: str, claim: str) -> list[Comparison]:
    """E3's comparison or E5's, and its best dropped and best never dropped arm, each less ``none``."""
    (main,) = CLAIMS[claim](tuning, setting)
    never_dropped = best(tuning, setting, arms_of(tuning, setting, KEPT[claim]), "accuracy")
    none = tuned(tuning, setting, "none", "accuracy")
    return [main, Comparison(main.a, none, "accuracy"), Comparison(never_dropped, none, "accuracy")]


def _best_against(tuning: pd.DataFrame, setting: str, dropped: str, kept: str) -> Comparison:
    a = best(tuning, setting, arms_of(tuning, setting, dropped), "accuracy")
    return Comparison(a, best(tuning, setting, ["none", *arms_of(tuning, setting, kept)], "accuracy"), "accuracy")


CLAIMS = {"E2": e2, "E3": e3, "E4": e4, "E5": e5}
"""E1 compares directions, no arms."""
LATER_CLAIMS: dict[str, Of] = {"E2": e2, "E2 by accuracy": partial(e2, outcome="early accuracy"), "E3": e3, "E4": e4, "E5": e5}
"""Those of the third round."""


def primary(tuning: pd.DataFrame, setting: str, claims: Mapping[str, Of] = CLAIMS) -> Iterator[Choice]:
    """The arms and step sizes that the primary comparisons of a setting need."""
    for compared in claims.values():
        for comparison in compared(tuning, setting):
            yield from (comparison.a, comparison.b)


def arms_of(tuning: pd.DataFrame, setting: str, family: str) -> list[str]:
    """The arms of a setting called ``family-θ`` or ``family-θ-s``."""
    names = tuning.loc[tuning["setting"] == setting, "arm"].unique()
    return [name for name in names if re.fullmatch(rf"{family}-[\d.]+(-\d+)?", name)]
