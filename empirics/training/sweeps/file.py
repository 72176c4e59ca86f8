"""The file of a sweep: what is fixed, what is varied, and the seeds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from tsla.empirics.runs.files import must_be_there
from tsla.empirics.training.configuration import FIELDS, TrainingConfig
from tsla.empirics.training.configuration.given import by_name, of_use, toml
from tsla.theory.constants import is_whole, said

TABLES = ("name", "fixed", "grid", "seeds")
MOST = 1_000_000
"""Runs of a sweep: more are a slip of the hand, and take gigabytes to list."""


@dataclass(frozen=True)
class Sweep:
    """``configs`` in the order of the grid, seeds innermost; ``varied`` are the fields that tell them apart, the seed last."""

    name: str
    configs: tuple[TrainingConfig, ...]
    varied: tuple[str, ...]

    def label(self, config: TrainingConfig) -> str:
        """What a run is called: ``lsr eta 0.1 seed 3``."""
        fields = [FIELDS[name] for name in self.varied if FIELDS[name].has_use(config)]
        shown = {field.spelled: field.shown(getattr(config, field.name)) for field in fields}
        return " ".join(value if name == "method" else f"{name} {value}" for name, value in shown.items())


def read(path: Path) -> Sweep:
    """The sweep of a TOML file, every configuration of which is valid.

    ``name``; ``[fixed]``, the same in all runs; ``[grid]``, a list for each field that is varied, all combinations of which are run;
    ``seeds``, a list or a table of ``first`` and ``count``. Fields are spelled as the options of ``tsla train``, and have their defaults.
    What a run has no use for is left out of it, and combinations that differ in nothing else are one run.
    Raises ValueError with one line for whatever of this the file is not, for the first bad configuration, and where one would be run twice.
    """
    must_be_there("FILE", path, "a TOML file such as examples/sweep.toml")
    try:
        return _sweep(toml(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _sweep(table: Mapping[str, Any]) -> Sweep:
    _refuse_others(table, TABLES)
    name = table.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(f"name = {said(name)} must be letters, digits, '_', '-' and '.': a folder is called so")
    fixed, grid = (by_name(_table(table, part), but=("seed",)) for part in ("fixed", "grid"))
    if "method" not in fixed | grid:
        raise ValueError("method is missing; must stand in [fixed] or [grid]")
    seeds = _seeds(table.get("seeds"))
    for field, values in grid.items():
        _check_varied(field, values, fixed)
    runs = prod(map(len, grid.values())) * len(seeds)
    if runs > MOST:
        raise ValueError(f"grid and seeds make {runs} runs; must be at most {MOST}")
    given = [fixed | dict(zip(grid, chosen, strict=True)) | {"seed": seed} for chosen in product(*grid.values()) for seed in seeds]
    return Sweep(name, tuple(dict.fromkeys(map(of_use, given))), (*grid, "seed"))


def _check_varied(field: str, values: object, fixed: Collection[str]) -> None:
    spelled = FIELDS[field].spelled
    if field in fixed:
        raise ValueError(f"{spelled} = {said(values)} is varied and must not be fixed too")
    if FIELDS[field].group == "machine":
        raise ValueError(f"{spelled} = {said(values)} is varied and must be fixed: on whatever a run is computed, it is the same run")
    _distinct(spelled, values)


def _refuse_others(table: Mapping[str, Any], allowed: Collection[str]) -> None:
    unknown = next((key for key in table if key not in allowed), None)
    if unknown is not None:
        raise ValueError(f"{unknown} = {said(table[unknown])} is unknown here; must be one of {', '.join(allowed)}")


def _table(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name} = {said(found)} must be a table: [{name}]")  # noqa: TRY004 - bad input is a ValueError
    return found


def _seeds(found: object) -> Sequence[int]:
    if isinstance(found, dict):
        _refuse_others(found, ("first", "count"))
        first, count = found.get("first", 0), found.get("count")
        for name, value, least, most in (("first", first, 0, 2**63 - 1 - MOST), ("count", count, 1, MOST)):
            if not is_whole(value, at_least=least, at_most=most):
                raise ValueError(f"{name} = {said(value)} must be a whole number, {least} ... {most}")
        return range(first, first + count)
    _distinct("seeds", found)
    assert isinstance(found, list)  # noqa: S101 - what _distinct has seen, said to the type checker
    return found


def _distinct(name: str, values: object) -> None:
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name} = {said(values)} must be a list of one or more values")
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise ValueError(f"{name} = {said(values)} has {said(twice)} twice, and must not: runs would be done twice")
