"""The front door: ``import tsla`` for Python; ``tsla`` on the command line is :mod:`tsla.cli`.

A name is imported when it is first asked for (PEP 562): the calculators start about as fast as NumPy does, and need nothing else. What
needs more and lacks it raises an ImportError that names the extra (:mod:`tsla.extras`). What is not here is in the layers, such as
:mod:`tsla.theory`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers see; a test compares it with what __getattr__ gives
    from tsla.empirics.advice.measure import Reading, reading
    from tsla.empirics.advice.plan.planned import Planned, plan
    from tsla.empirics.moments.full_batch import gradient_moments
    from tsla.empirics.moments.measure import measure
    from tsla.empirics.moments.monitor import MomentsMonitor
    from tsla.empirics.simulation import problems
    from tsla.empirics.simulation.oracles import Oracle
    from tsla.empirics.simulation.simulate import simulate
    from tsla.empirics.smoothing.cross_entropy import CrossEntropy
    from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
    from tsla.empirics.smoothing.schedules import Adaptive, Annealed, Constant, Cosine, Linear, TwoStage
    from tsla.empirics.training.configuration import TrainingConfig
    from tsla.empirics.training.loop import train
    from tsla.theory import lsr, sgd, two_stage
    from tsla.theory.complexity import compare
    from tsla.theory.constants import Constants
    from tsla.theory.plan import Stage

__all__ = [
    "Adaptive",
    "Annealed",
    "Constant",
    "Constants",
    "Cosine",
    "CrossEntropy",
    "Linear",
    "MomentsMonitor",
    "Oracle",
    "Planned",
    "Reading",
    "SmoothedCrossEntropy",
    "Stage",
    "TrainingConfig",
    "TwoStage",
    "compare",
    "gradient_moments",
    "lsr",
    "measure",
    "plan",
    "problems",
    "reading",
    "sgd",
    "simulate",
    "train",
    "two_stage",
]

_MODULES = {
    "lsr": "tsla.theory.lsr",
    "problems": "tsla.empirics.simulation.problems",
    "sgd": "tsla.theory.sgd",
    "two_stage": "tsla.theory.two_stage",
}
_ATTRIBUTES = {
    "tsla.theory.complexity": "compare",
    "tsla.theory.constants": "Constants",
    "tsla.theory.plan": "Stage",
    "tsla.empirics.simulation.oracles": "Oracle",
    "tsla.empirics.simulation.simulate": "simulate",
    "tsla.empirics.moments.measure": "measure",
    "tsla.empirics.moments.full_batch": "gradient_moments",
    "tsla.empirics.moments.monitor": "MomentsMonitor",
    "tsla.empirics.advice.measure": "Reading reading",
    "tsla.empirics.advice.plan.planned": "Planned plan",
    "tsla.empirics.smoothing.schedules": "Adaptive Annealed Constant Cosine Linear TwoStage",
    "tsla.empirics.smoothing.cross_entropy": "CrossEntropy",
    "tsla.empirics.smoothing.loss": "SmoothedCrossEntropy",
    "tsla.empirics.training.configuration": "TrainingConfig",
    "tsla.empirics.training.loop": "train",
}
_HOMES = _MODULES | {name: home for home, names in _ATTRIBUTES.items() for name in names.split()}
_WITHOUT_TORCH = ("tsla.empirics.simulation.oracles", "tsla.empirics.simulation.problems", "tsla.empirics.simulation.simulate")

if not TYPE_CHECKING:  # to a type checker, a module with __getattr__ has every name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'tsla' has no attribute {name!r}")
        from tsla.extras import needing  # here, so that a bare import loads nothing

        home = _HOMES[name]
        with needing("runs" if home in _WITHOUT_TORCH else "torch", f"tsla.{name}"):
            module = import_module(home)
        return module if name in _MODULES else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
