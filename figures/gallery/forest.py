"""E1-E5 setting by setting, as forest plots: what was found, how sharply, and what the plan calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tsla.empirics.experiments.study import third_verdicts, verdicts
from tsla.empirics.experiments.study.findings import CANT_TELL, IN_FAVOUR, MATTERS, NO_BENEFIT, OPEN, REFUTED, SUPPORTED, Runs
from tsla.empirics.experiments.study.outcomes import summary
from tsla.empirics.experiments.study.scope import NAMES, NETWORKS, noise, schedule, scope
from tsla.empirics.experiments.study.settings import CONFIRMATORY, PATHS, PRIMARY, SETTINGS, TUNING, Setting
from tsla.empirics.experiments.study.third_verdicts import PLANNED, by_schedule_and_noise
from tsla.figures import style
from tsla.figures.gallery import Load

CAPTION = (
    "E1-E5, a panel a row of the study's plan and a line a setting: mean paired difference with its 95 % Student-t interval, in units of "
    "the smallest effect that matters (half a point of accuracy, 1 % of a loss or a variance), those in favour of the claim to the right. "
    "Above each panel: how many are supported. Grey: too small to matter. "
    "The scale is linear there and logarithmic beyond. A setting without a marker was not run, or has no arm "
    "for the claim. Step sizes and arms are tuned on other seeds, but for ResNet-20; p by Holm within a schedule and an amount of noise. "
    "What is seen holds on these settings and is not known of others: third round, "
    f"{scope(list(PLANNED.values()))}; second round, {scope([SETTINGS[name] for name in PRIMARY])}."
)
LOOKS: dict[str, dict[str, Any]] = {
    SUPPORTED: {"marker": ">", "color": style.SHADES[0]["color"]},
    REFUTED: {"marker": "<", "color": style.SHADES[1]["color"]},
    NO_BENEFIT: {"marker": "s", "color": "0.25", "markersize": 2.5},
    OPEN: {"marker": "D", "color": "0.25", "markersize": 2.5},
    CANT_TELL: {"marker": "o", "color": "0.6", "markerfacecolor": "white", "markersize": 3},
}
"""Of each word; what can't tell is hollow."""
Line = tuple[str, str]
"""A setting and its label; of the name of a group, no setting."""


def numbers(load: Load) -> pd.DataFrame:
    """A row a claim and setting: the word, and the mean difference with its interval, in favour positive, in units of what matters."""
    second = Runs(load(TUNING).table, summary(load(CONFIRMATORY).table), load(PATHS).table)
    found = third_verdicts.found(third_verdicts.read(lambda name: load(name).table)) + verdicts.family(second)
    rows = []
    for one in found:
        unit = IN_FAVOUR[one.claim] / MATTERS[one.claim]
        low, high = sorted(unit * float(end) for end in (one.interval.low, one.interval.high))
        mean = unit * float(one.interval.estimate)
        rows.append({"claim": one.claim, "setting": one.setting, "mean": mean, "low": low, "high": high, "word": one.word})
    return pd.DataFrame(rows)


def finding(numbers: pd.DataFrame) -> str:
    """How often each word was said."""
    said = numbers["word"].value_counts()
    counts = [f"{said.get(word, 0)} {word}" for word in LOOKS if said.get(word, 0)]
    return f"Of {len(numbers)} comparisons: {', '.join(counts)}"


def draw(numbers: pd.DataFrame) -> Figure:
    """A panel a row of the table, whose lines are the settings by schedule and noise, and below them those of the second round."""
    rows = lines()
    figure, axes = plt.subplots(1, len(MATTERS), figsize=(style.PAGE, 0.135 * len(rows) + 0.9), sharey=True)
    for ax, claim in zip(axes, MATTERS, strict=True):
        found = numbers[numbers["claim"] == claim]
        _panel(ax, found, rows)
        in_favour = (found["word"] == SUPPORTED).sum()
        name = claim.replace("by accuracy", "(acc.)")  # panels are narrow
        ax.set(title=f"{name}\n{in_favour} of {len(found)}", xlabel="→ better", xticks=(-10, 0, 10))
    axes[0].set_yticks(range(len(rows)), [label for _, label in rows])
    axes[0].invert_yaxis()
    for label, (setting, _) in zip(axes[0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("normal" if setting else "bold")
    handles = [Line2D([], [], linestyle="", **look) for look in LOOKS.values()]
    figure.legend(handles, list(LOOKS), loc="outside lower center", ncols=len(LOOKS))
    return figure


def lines() -> list[Line]:
    """The lines from above: the name of each group, and below it the settings that share schedule and wrong labels."""
    groups = [(f"{schedule(group)}, {noise(group)}", group) for group in by_schedule_and_noise()]
    second = [SETTINGS[name] for name in PRIMARY]
    return [
        line
        for name, group in (*groups, ("second round, no momentum: constant step size", second))
        for line in (("", name), *((setting.name, _label(setting, noisy=group is second)) for setting in group))
    ]


def _label(setting: Setting, *, noisy: bool) -> str:
    head = f", {setting.head} head" if setting.head else ""
    norm = ", BatchNorm" if setting.norm == "batch" else ""
    return f"{NETWORKS[setting.model]}{head}{norm}, {NAMES[setting.data]}{f', {noise([setting])}' if noisy else ''}"


def _panel(ax: Axes, found: pd.DataFrame, lines: Sequence[Line]) -> None:
    ax.axvspan(-1, 1, color="0.9", linewidth=0)
    ax.axvline(0, color="0.4", linewidth=0.8)
    places = {setting: place for place, (setting, _) in enumerate(lines) if setting}
    for word, rows in found.groupby("word"):
        style.bars(ax, rows.assign(place=rows["setting"].map(places)), "mean", "place", **LOOKS[str(word)])
    ax.set_xscale("symlog", linthresh=1)
    ax.xaxis.set_major_formatter("{x:g}")
    reach = max(2.0, *map(abs, ax.get_xlim()))
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-1, len(lines))
