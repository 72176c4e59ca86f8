"""The tables of ``docs/batch_norm.md``: moments of a network with BatchNorm, measured in three ways side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.runs import records
from tsla.figures import markdown
from tsla.figures.documents.table import three_digits

QUANTITIES = ("s2", "grad2", "delta")
"""In the order of the document."""


def tables(folder: Path) -> tuple[str, ...]:
    """One table a quantity."""
    found = records.of(folder, "batch_norm").table
    return tuple(_table(found, name) for name in QUANTITIES)


def _table(found: pd.DataFrame, name: str) -> str:
    """One line a network and batch size: the quantity in each way, and what training mode has over the other two."""
    lines = []
    for (epochs, B), rows in found.groupby(["epochs", "batch_size"]):
        by_statistics = rows.set_index("statistics").to_dict("index")
        evaluation, batch, training = (by_statistics[how] for how in ("evaluation", "batch", "training"))
        held = (evaluation[name], batch[name])
        lines.append((str(epochs), str(B), *map(three_digits, held), *(_interval(training, name, divisor) for divisor in (1.0, *held))))
    return markdown.table(("epochs", "B", "evaluation", "batch", "training mode", "÷ evaluation", "÷ batch"), lines)


def _interval(row: Mapping[Any, Any], name: str, divisor: float) -> str:
    value, low, high = (three_digits(row[name + end] / divisor) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"
