"""The numbers that the page's own figures draw, as one JSON; what a knob turns is computed from them by the page's calculator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tsla.empirics.experiments.study import third_verdicts
from tsla.empirics.experiments.study.findings import IN_FAVOUR, MATTERS
from tsla.empirics.experiments.study.scope import NAMES, network, noise
from tsla.empirics.experiments.study.third import EVERY
from tsla.empirics.runs import records
from tsla.figures.gallery import forest
from tsla.figures.page.answers import Tables
from tsla.theory.moments import MOMENTS
from tsla.theory.text import Json

DIGITS = 5
"""Significant ones that are kept: more than a screen shows."""


def numbers(source: Path, tables: Tables, never: Json) -> Json:
    """All of them.

    Result: ``moments``, one entry a setting with its epochs (moments and training loss, means over the seeds on the path of plain
    training); ``forest``, with lines that share schedule and wrong labels in groups, and rows in units of the outcome, in favour positive;
    ``drops``, ``tempered`` and ``never`` dropped as the figures of these names have them. Tables of figures are column by column, for the
    page has to be small.
    """
    return {
        "moments": [*_digits(source), *_study(source)],
        "forest": _forest(tables("forest")),
        "drops": _columns(tables("best_drop")),
        "tempered": _columns(tables("tempered")),
        "never": never["rows"],
    }


def script(found: Json) -> str:
    """As the text of a script element, which nothing in it can end."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _digits(source: Path) -> Iterator[Json]:
    record = records.of(source, "digits")
    config = record.config["configs"][0]
    table = record.table[record.table["method"] == "sgd"]
    yield _moments(f"ResNet on digits, {100 * config['label_noise']:g} % wrong labels", config["batch_size"], table)


def _study(source: Path) -> Iterator[Json]:
    """The settings of the third round whose step size falls: those of a constant one are the same in their first epochs."""
    paths = third_verdicts.load(source).paths
    for name in paths["setting"].unique():
        setting = EVERY[name]
        if setting.decay == "step":
            label = f"{network(setting)} on {NAMES[setting.data]}, {noise([setting])}"
            yield _moments(label, setting.fixed["batch_size"], paths[(paths["setting"] == name) & (paths["arm"] == "none")])


def _moments(label: str, batch_size: int, table: pd.DataFrame) -> Json:
    names = ["train_loss", *MOMENTS]
    means = table.dropna(subset="s2").groupby("epoch")[names].mean()
    epochs = [{"epoch": int(epoch), **{name: _short(row[name]) for name in names}} for epoch, row in means.iterrows()]  # type: ignore[call-overload]
    return {"label": label, "batch_size": batch_size, "epochs": epochs}


def _forest(table: pd.DataFrame) -> Json:
    groups: list[Json] = []
    for setting, label in forest.lines():
        if setting:
            groups[-1]["settings"].append([setting, label])
        else:
            groups.append({"name": label, "settings": []})
    scaled = table.assign(**{name: 100 * table[name] * table["claim"].map(MATTERS) for name in ("mean", "low", "high")})
    return {
        "groups": groups,
        "matters": {claim: 100 * matters for claim, matters in MATTERS.items()},
        "sign": IN_FAVOUR,
        "rows": _columns(scaled),
    }


def _columns(table: pd.DataFrame) -> Json:
    return {str(name): [_short(value) if isinstance(value, float) else value for value in table[name].tolist()] for name in table}


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
