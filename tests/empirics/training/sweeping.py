"""A tiny sweep: its file, its runs, and its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tsla.empirics.training import sweeps
from tsla.empirics.training.sweeps.one import Run

FILE = """
name = "tiny"
seeds = [0, 1]
[fixed]
data = "digits"
model = "mlp"
train-size = 64
epochs = 2
measure-at = [0]
[grid]
method = ["sgd", "lsr"]
eta = [0.1, 1]
"""


def written(text: str, name: str = "sweep.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def runs_of(text: str, folder: str = "out") -> list[Run]:
    return [Run(config, Path(folder).resolve()) for config in sweeps.read(written(text)).configs]


def tiny(text: str = FILE, folder: str = "out", **options: Any) -> sweeps.Outcome:
    return sweeps.run(sweeps.read(written(text)), Path(folder), origin="tsla sweep sweep.toml", **{"jobs": 1} | options)


def recorded(text: str = FILE, folder: str = "out", **options: Any) -> Path:
    """The record of a sweep all of whose runs ended well."""
    found = tiny(text, folder, **options)
    assert found.failed == ()
    assert found.record is not None
    return found.record
