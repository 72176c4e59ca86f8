"""The figures, one module each.

A module has four names:

- ``CAPTION``: what is drawn, of which runs;
- ``numbers(load)``: all that is drawn, as one table, from the records that ``load(name)`` gives, or from theory alone;
- ``finding(numbers)``: what they say, in a sentence that is made of them;
- ``draw(numbers)``: the Figure.

To add a figure, add a module: it is found by itself, drawn by ``tsla figures`` beside a CSV of its numbers, and shown in the report.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from tsla.empirics.runs.records import Record

Load = Callable[[str], Record]


def modules() -> dict[str, ModuleType]:
    """Name -> module of every figure, sorted by name."""
    return {m.name: import_module(f"{__name__}.{m.name}") for m in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name)}
