"""The answer in five sentences, made of the numbers beside the figures of the gallery and of what `tsla measure` says of the study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tsla.empirics.advice.measure import study
from tsla.empirics.experiments.study.findings import IN_FAVOUR, MATTERS, REFUTED, SUPPORTED
from tsla.empirics.experiments.study.scope import NAMES, NETWORKS
from tsla.empirics.experiments.study.third import EVERY
from tsla.theory.text import Json, listed

Tables = Callable[[str], pd.DataFrame]
"""Name of a figure of the gallery -> the numbers that it draws."""
THIRD_ROUND, FALLS, CLEAN, MANY = "momentum", "step decay", " 0 % noise", " 40 % noise"
"""What the names of settings have in them: of the third round, of a step size that falls, of no and of many wrong labels."""


@dataclass(frozen=True)
class Answer:
    """A sentence in bold, what it rests on, and the id of the section that shows it."""

    lead: str
    rest: str
    section: str


def answers(tables: Tables, never: Json) -> list[Answer]:
    """All five, in the order of the article. ``never``: what the study found of smoothing that is never dropped."""
    forest = tables("forest")
    return [
        dropping_by_the_bounds(tables("fair_verdict")),
        smoothing_by_the_bounds(tables("smoothing_buys")),
        accuracy(never),
        variance(forest),
        dropping(forest),
    ]


def advice(tables: Tables, never: Json) -> list[tuple[str, str]]:
    """What follows for who trains: an aim, and what to do for it."""
    beyond, dropping = (tables("forest").query(f"claim == {claim!r}") for claim in ("E1", "E3"))
    return [
        ("For accuracy", _smooth(study.counts(never, study.ACCURACY))),
        ("For test loss", _smooth(study.counts(never, study.TEST_LOSS))),
        ("For variance alone", "a smaller step does it" if _seldom(beyond) else "smooth"),
        ("Dropping", "seldom worth it" if _seldom(dropping) else "often worth it"),
    ]


def studied(forest: pd.DataFrame) -> str:
    """The networks and the data of the study, from the names of its settings."""
    settings = [EVERY[name] for name in forest["setting"].unique()]
    networks = listed(f"heads on {NETWORKS[one.model]}" if one.head else NETWORKS[one.model] for one in settings)
    return f"{networks}, on {listed(NAMES[one.data] for one in settings)}"


def _smooth(counts: Mapping[str, int]) -> str:
    """Whether to smooth, by the settings that speak for it and against."""
    better, worse = counts["better"], counts["worse"]
    return "smooth to the end" if better > worse else "don't smooth" if worse > better else "it makes no difference"


def _seldom(rows: pd.DataFrame) -> bool:
    """Whether a claim is supported at less than half of the settings."""
    return bool(2 * (rows["word"] == SUPPORTED).sum() < len(rows))


def shortest_plan(phases: pd.DataFrame) -> str:
    """Whether TSLA's plan is the shortest anywhere on the map, burn-ins counted, where its rivals may use A4 too (C15)."""
    fair = phases.loc[phases["rivals"] == "C15", "fewest"]
    share = (fair == "tsla").mean()
    return f"TSLA's plan is the shortest on {100 * share:.1f} %" if share else "TSLA's plan is never the shortest"


def smaller_step(along: pd.DataFrame) -> str:
    """Which lowers the variance of a batch more at the end of plain training, smoothing or a smaller step (C17)."""
    beyond = along[(along["quantity"] == "beyond") & (along["method"] == "sgd")]
    return f"A smaller step lowers the variance {'more' if beyond['mean'].iloc[beyond['epoch'].argmax()] > 0 else 'less'}"


def dropping_by_the_bounds(numbers: pd.DataFrame) -> Answer:
    """Where TSLA's bound is below that of the better rival (C15)."""
    ratio = numbers.loc[numbers["map"] == "tsla", "ratio"]
    ahead = int((ratio > 1).sum())
    return Answer(
        f"In theory dropping {f'wins at {ahead:,} points' if ahead else 'never wins'}.",
        f"TSLA smooths and then drops. The paper's bound for it holds. But plain SGD, or smoothing that is never dropped, has a bound that "
        f"asks for fewer samples at {(ratio < 1).sum():,} of {len(ratio):,} pairs of δ and ε², without the steps that F0 costs.",
        "rivals",
    )


def smoothing_by_the_bounds(numbers: pd.DataFrame) -> Answer:
    """Up to which δ smoothing halves the samples (C18)."""
    samples = numbers[numbers["panel"] == "samples"]
    halved = samples[samples["value"] <= 0.5]
    return Answer(
        "In theory smoothing saves much only where the smoothing label ŷ is very good.",
        f"Its bound asks for half of plain SGD's samples only where δ is at most {(halved['x'] / halved['parameter']).max():.2g} times "
        f"ε²/(2σ²). Here δσ² is the error of the smoothed gradient, σ² the noise of the plain one, and ε² the target.",
        "theorem",
    )


def accuracy(found: Mapping[str, Any]) -> Answer:
    """Smoothing to the end beside plain training, at all settings of the study."""
    counts = study.counts(found, study.ACCURACY)
    helps = "helps" if counts["better"] > counts["worse"] else "does not help"
    return Answer(f"In training, smoothing {helps} accuracy.", study.sentence(found), "accuracy")


def variance(forest: pd.DataFrame) -> Answer:
    """What smoothing does to the MLP's variance beside a smaller step (E1, third round)."""
    rows = _third_round(forest, "E1")
    percent = 100 * MATTERS["E1"] * IN_FAVOUR["E1"] * rows["mean"]
    clean = rows["setting"].str.contains(CLEAN)
    least, most = percent[clean].min(), percent[clean].max()
    apart = f"{least:.0f} to {most:.0f} % of the plain variance"
    return Answer(
        "A smaller step lowers the variance too.",
        f"With wrong labels it does so as much as smoothing, to within {percent[~clean].abs().max():.1f} % of the MLP's plain variance. "
        f"Without them smoothing leaves {f'more than that step, by {apart}' if least > 0 else f'between {apart} more than that step'}.",
        "variance",
    )


def early_speed(forest: pd.DataFrame) -> str:
    """At how many settings smoothing speeds up the early epochs, by either outcome (E2)."""
    by_loss, by_accuracy = (forest.loc[forest["claim"] == claim, "word"] for claim in ("E2", "E2 by accuracy"))
    return " ".join(
        f"By {outcome} a faster start is supported at {(words == SUPPORTED).sum() or 'none'} of {len(words)} settings and refuted at "
        f"{(words == REFUTED).sum() or 'none'}."
        for outcome, words in (("early test accuracy", by_accuracy), ("early training loss", by_loss))
    )


def dropping(forest: pd.DataFrame) -> Answer:
    """At how many settings of the MLP dropping is better than both rivals (E3, third round)."""
    rows = _third_round(forest, "E3")
    falls, won = rows["setting"].str.endswith(FALLS), rows["word"] == SUPPORTED
    with_many = (won & falls).any() and rows.loc[won & falls, "setting"].str.contains(MANY).all()
    every = forest.loc[forest["claim"] == "E3", "word"]
    return Answer(
        "Dropping seldom helps." if _seldom(rows) else "Dropping often helps.",
        f"With a constant step size it was better than plain training and than never dropping at {(won & ~falls).sum() or 'none'} of "
        f"{(~falls).sum()} settings of the MLP. "
        f"With a step size that falls it was at {(won & falls).sum() or 'none'} of {falls.sum()}"
        f"{', with 40 % wrong labels' if with_many else ''}. "
        f"Of all {len(every)} settings, ResNets and heads on a pretrained network among them, it was at "
        f"{(every == SUPPORTED).sum() or 'none'}.",
        "dropping",
    )


def _third_round(forest: pd.DataFrame, claim: str) -> pd.DataFrame:
    return forest[(forest["claim"] == claim) & forest["setting"].str.startswith("mlp") & forest["setting"].str.contains(THIRD_ROUND)]
