"""What C12 predicts of a step size that falls by steps: P1-P5 of ``docs/study_plan.md``, on the runs of the third round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tsla.empirics.experiments.study.comparisons import e3
from tsla.empirics.experiments.study.findings import THETA, Finding, Runs, adjusted, along, finding
from tsla.empirics.experiments.study.outcomes import Choice, differences, tuned
from tsla.empirics.experiments.study.settings import Setting
from tsla.empirics.experiments.study.third import PARTS
from tsla.empirics.experiments.study.third_verdicts import at
from tsla.empirics.moments.columns import moments_of
from tsla.empirics.statistics.power import LEVEL
from tsla.theory.constants import Array

PREDICTED = {"P1": 1, "P2": -1, "P3": -1, "P4": -1, "P5": 1}
"""The sign of each difference."""
SAYS = {
    "P1": "log F of smoothed less plain training is larger with step decay than with constant steps",
    "P2": "log F of dropped less smoothed training is more negative with step decay than with constant steps",
    "P3": "with step decay, log F of dropped less plain training is within 1 % of 0, or below",
    "P4": "C12's condition holds at fewer of the measured epochs after the first decay than before",
    "P5": "E3's difference is larger with step decay than with constant steps",
}
TESTED = ("P1", "P2", "P5")
"""Those that the plan has a test and a rule for; the others are read from intervals, setting by setting."""
MARGIN = 0.01
"""P3: as near to 0 is near enough."""
MAJORITY, SETTINGS = 6, 9
"""So many of the settings of the MLP confirm P1, P2 and P5."""
CONFIRMED, NOT_CONFIRMED, NOT_DECIDED = "confirmed", "not confirmed", "not decided"
HOLDS, FAILS, OPEN = "as predicted", "not as predicted", "open"

SMOOTHED = ("lsr-0.1", "none")
DROPPED = ("tsla-0.1-10", "lsr-0.1")
SETTLED = ("tsla-0.1-10", "none")
"""The arms of P1, P2 and P3, the second from the first, at the step size that is best for the accuracy of ``none``."""

Pair = tuple[tuple[str, Runs], tuple[str, Runs]]
"""A setting with step decay and the same one with constant steps, each with what there is of it."""


def found(third: Runs) -> list[Finding]:
    """All predictions at the settings that are there. Holm over P1 and P2 together, and over P5; P3 and P4 are read from intervals."""
    falling = [setting for part in PARTS.values() for setting in part if setting.decay == "step"]
    here = {name: at(third, name) for setting in falling for name in (setting.name, _constant(setting))}
    trained = [setting for setting in PARTS["mlp"] if setting in falling and _is_trained(here[setting.name])]
    pairs: list[Pair] = [
        ((setting.name, here[setting.name]), (level, here[level])) for setting in trained if _is_trained(here[level := _constant(setting)])
    ]
    of_loss = [_by_loss(prediction, pair, arms) for prediction, arms in (("P1", SMOOTHED), ("P2", DROPPED)) for pair in pairs]
    return [
        *adjusted(of_loss),
        *(finding("P3", setting.name, *_at_eta_of_none(setting.name, here[setting.name], SETTLED)) for setting in trained),
        *(_condition(here[setting.name].paths, setting) for setting in falling if len(here[setting.name].paths)),
        *adjusted([_by_accuracy(pair) for pair in pairs]),
    ]


def _is_trained(here: Runs) -> bool:
    return bool(len(here.tuning) and len(here.runs))


def decided(prediction: str, findings: Sequence[Finding]) -> str:
    """Of P1, P2 or P5, by its rule: confirmed at enough settings, and the other way at none."""
    own = [one for one in findings if one.claim == prediction]
    significant = [int(np.sign(one.interval.estimate)) * PREDICTED[prediction] for one in own if one.adjusted < LEVEL]
    if significant.count(1) >= MAJORITY and not significant.count(-1):
        return CONFIRMED
    return NOT_CONFIRMED if len(own) == SETTINGS else NOT_DECIDED


def at_setting(one: Finding) -> str:
    """Whether a setting has it as predicted: by the adjusted p where the prediction is tested, by the interval of P3 and P4."""
    low, high = sorted(PREDICTED[one.claim] * (end - limit(one.claim)) for end in (float(one.interval.low), float(one.interval.high)))
    if one.claim in TESTED and one.adjusted >= LEVEL:
        return OPEN
    return HOLDS if low > 0 else FAILS if high < 0 else OPEN


def limit(prediction: str) -> float:
    """The difference at which a prediction is neither true nor false."""
    return MARGIN if prediction == "P3" else 0.0


def _constant(setting: Setting) -> str:
    """The same with a step size that never falls."""
    return replace(setting, decay="constant").name


def _at_eta_of_none(setting: str, here: Runs, arms: tuple[str, str]) -> tuple[str, Array, tuple[float]]:
    """Of log F at the end, the first arm less the second: what is compared, the differences by seed, and the step size."""
    eta = tuned(here.tuning, setting, "none", "accuracy").eta
    a, b = (Choice(arm, eta) for arm in arms)
    return f"{a.arm} less {b.arm} (η = {eta:g})", differences(here.runs, setting, a, b, "loss"), (eta,)


def _by_loss(prediction: str, pair: Pair, arms: tuple[str, str]) -> Finding:
    """The difference of two arms with step decay less that with constant steps, paired by the seeds, which are the same."""
    (falling, with_decay, eta), (level, without, other) = (_at_eta_of_none(*one, arms) for one in pair)
    return finding(prediction, pair[0][0], f"{falling}, less {level} with constant steps", with_decay - without, (*eta, *other))


def _by_accuracy(pair: Pair) -> Finding:
    """E3's difference with step decay less that with constant steps."""
    (falling,), (level,) = (e3(here.tuning, setting) for setting, here in pair)
    with_decay, without = (
        differences(here.runs, setting, of.a, of.b, of.outcome) for (setting, here), of in zip(pair, (falling, level), strict=True)
    )
    etas = (falling.a.eta, falling.b.eta, level.a.eta, level.b.eta)
    return finding("P5", pair[0][0], f"{falling}, less {level} with constant steps", with_decay - without, etas)


def _condition(paths: pd.DataFrame, setting: Setting) -> Finding:
    """P4: the share of the measured epochs at which C12's condition holds, after the first decay less before."""
    rows = along(paths, setting.name)
    moments = moments_of(rows).at_batch_size(setting.batch_size)
    eta_L = rows["eta_L"].to_numpy(dtype=np.float64) / (1 - setting.momentum)
    holds = pd.Series(moments.floor(THETA, eta_L) < moments.floor(0.0, eta_L), index=rows.index, dtype=np.float64)
    fallen = rows["rate"] < rows["eta"]
    after, before = (holds[these].groupby(rows["seed"]).mean() for these in (fallen, ~fallen))
    what = f"share of the measured epochs with C12's condition after the first decay ({after.mean():.2f}) less before ({before.mean():.2f})"
    return finding("P4", setting.name, what, after.to_numpy() - before.to_numpy(), tuple(rows["eta"].unique()))
