"""Schedules of the smoothing strength θ: when to smooth how much, and when to stop.

A unit of time is whatever :meth:`Schedule.step` is called after: an epoch, or a training step. Schedules with ``needs_moments`` go by what
was measured along the run, of the same smoothing labels that the run is trained on.

To add one, add a module to this package with a subclass of :class:`Schedule`. It is found by itself: `tsla train --method` has it by its
``method``. What schedules share is in modules whose names begin with an underscore.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from tsla.empirics.smoothing.schedules._schedule import Observed, Schedule, State
from tsla.empirics.smoothing.schedules.adaptive import Adaptive
from tsla.empirics.smoothing.schedules.annealed import Annealed
from tsla.empirics.smoothing.schedules.constant import Constant
from tsla.empirics.smoothing.schedules.cosine import Cosine
from tsla.empirics.smoothing.schedules.linear import Linear
from tsla.empirics.smoothing.schedules.two_stage import TwoStage

__all__ = ["SCHEDULES", "Adaptive", "Annealed", "Constant", "Cosine", "Linear", "Observed", "Schedule", "State", "TwoStage"]


def _found() -> dict[str, type[Schedule]]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    values = [value for name in names for value in vars(import_module(f"{__name__}.{name}")).values()]
    found: dict[str, type[Schedule]] = {}
    for own in (value for value in values if isinstance(value, type) and issubclass(value, Schedule) and vars(value).get("method")):
        if found.setdefault(own.method, own) is not own:
            raise ValueError(f"method = {own.method!r} of {own.__name__} is that of another schedule; must be a name of its own")
    return found


SCHEDULES: Mapping[str, type[Schedule]] = _found()
"""Those that `tsla train` knows, by their ``method``."""
