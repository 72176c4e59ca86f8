"""What the study found of smoothing to the end beside plain training: of accuracy and test loss the moments say nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import expm1
from pathlib import Path
from typing import Any

from tsla.theory.text import Json, aligned

ACCURACY, TEST_LOSS = "accuracy", "test loss"
RESOURCE = Path(__file__).with_name("study.json")
"""Written by ``python -m tsla.empirics.experiments.study.never_dropped``, from the records of the study."""


def read(label_noise: float | None = None) -> Json:
    """``rows``, one for a data set without wrong labels and one with, the ``scope`` of each kind in words, and what was left ``behind``.

    label_noise: the part of the labels that is wrong, where it is known; then only settings of that kind, with wrong labels or without
    """
    found: Json = json.loads(RESOURCE.read_text(encoding="utf-8"))
    if label_noise is None:
        return found
    kind = "noisy" if label_noise > 0 else "clean"
    return {
        "rows": [row for row in found["rows"] if (max(row["label_noise"]) > 0) == (label_noise > 0)],
        "scope": {kind: found["scope"][kind]},
        "behind": {name: of for name, of in found["behind"].items() if name == kind},
    }


def counts(found: Mapping[str, Any], outcome: str) -> dict[str, int]:
    """At how many settings the two were ``compared``, and smoothing was ``better`` and ``worse``."""
    return {name: sum(row[outcome][name] for row in found["rows"]) for name in ("compared", "better", "worse")}


def sentence(found: Mapping[str, Any]) -> str:
    """At how many settings smoothing was better and worse than plain training, by accuracy and by test loss."""
    accuracy, loss = counts(found, ACCURACY), counts(found, TEST_LOSS)
    kind = "" if len(found["scope"]) > 1 else " with wrong labels" if "noisy" in found["scope"] else " without wrong labels"
    behind = "".join(
        f"At {of['settings']} more it was behind in tuning and was not run ({of['scope']}). " for of in found["behind"].values()
    )
    return (
        f"In the study smoothing to the end was more accurate than plain training at {accuracy['better']} of the {accuracy['compared']} "
        f"settings{kind} where both were run. It was less accurate at {accuracy['worse'] or 'none'}. {behind}Its test loss was lower at "
        f"{loss['better'] or 'none'} of {loss['compared']} and higher at {loss['worse'] or 'none'}."
    )


def table(found: Mapping[str, Any]) -> str:
    """A line a data set: ranges of the mean differences, and at how many settings that was better and worse."""
    titles = ["wrong", "data", "accuracy, points", "won:lost", "test loss, %", "won:lost"]
    lines = [
        [_labels(row), row["data"], *_cells(row[ACCURACY], lambda part: part), *_cells(row[TEST_LOSS], expm1)] for row in found["rows"]
    ]
    return aligned([titles, *lines])


def _labels(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{100 * amount:.0f}" for amount in row["label_noise"]) + " %"


def _cells(of: Mapping[str, Any], shown: Callable[[float], float]) -> list[str]:
    if not of["compared"]:
        return ["not run", ""]
    ends = [f"{100 * shown(of[name]):+.1f}" for name in ("least", "largest")]
    return [" to ".join(dict.fromkeys(ends)), f"{of['better']}:{of['worse']} of {of['compared']}"]
