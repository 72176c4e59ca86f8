"""Test problems with proved constants, one module a problem.

To add one, add a module to this package with a function ``problem(...) -> Problem``, all of whose arguments have defaults, and the
proof of ``L``, ``F*`` and ``mu`` in its docstring. It is found by itself, and ``tests/empirics/simulation/test_problems.py`` runs on it.
What problems share is in modules whose names begin with an underscore.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from tsla.empirics.simulation.problems.problem import Problem
from tsla.extras import needing
from tsla.theory.constants import must_be_one_of

__all__ = ["Problem", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of the problems, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in modules if name != "problem" and not name.startswith("_")))


def get(name: str, **kwargs: Any) -> Problem:
    """Make the problem called ``name``; ``kwargs`` (``dimension``, mostly) go to its ``problem`` function.

    Raises ValueError if unknown, MissingExtraError where the problem needs what is not installed.
    """
    must_be_one_of("problem", name, names())
    with needing("runs", f"problem = {name!r}"):
        made: Problem = import_module(f"{__name__}.{name}").problem(**kwargs)
    return made
