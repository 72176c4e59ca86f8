"""What is known of rules that name a drop epoch: none was better than the best naive one on each setting that judged (docs/planner.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsla.theory.text import Json

PER_CENT, POINTS = "%", "points"
OUTCOMES = {"train_loss": PER_CENT, "grad2": PER_CENT, "test_loss": PER_CENT, "test_accuracy": POINTS}
"""What may count at the end of a run -> the unit of its regret: a loss is compared by its logarithm, so that 0.01 is one per cent of it."""
NAIVE_RULES = {"never": 0.0, "always": 1.0, "half": 0.5, "80 %": 0.8}
"""The rules that look at no pilot -> the part of the epochs in which they smooth."""
RESOURCE = Path(__file__).with_name("validation.json")
"""Written by ``python -m tsla.empirics.experiments.planner.validation``, from the record ``planner``."""


def read() -> Json:
    """What ``validate`` of the experiment found, of the rules the naive ones, with its ``scope`` in words."""
    found: Json = json.loads(RESOURCE.read_text(encoding="utf-8"))
    return found


def best_naive(validation: Mapping[str, Any], outcome: str) -> Json:
    """The entry in "rules" of the naive rule that the building settings chose for an outcome."""
    name = next(test["naive"] for test in validation["tests"] if test["outcome"] == outcome)
    return next(line for line in validation["rules"] if (line["outcome"], line["rule"]) == (outcome, name))


def amount(line: Mapping[str, Any], name: str, outcome: str) -> str:
    """``1.20 % (0.40 to 2.00)``, the mean over settings with their range: of a loss per cent, which small differences of logarithms are."""
    mean, least, largest = (f"{100 * line[key]:.2f}" for key in (name, "least", "largest"))
    return f"{mean} {OUTCOMES[outcome]} ({least} to {largest})"
