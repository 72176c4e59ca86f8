"""The figures, one module each: ``CAPTION``, and ``draw(load)``, which reads records through ``load(name)`` and returns a Figure.

To add a figure, add a module: it is found by itself, drawn by ``tsla figures`` and shown in the report.
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
