"""The front door: ``import tsla`` for Python; ``tsla`` on the command line is :mod:`tsla.cli`.

A name is imported when it is first asked for (PEP 562): the calculators start about as fast as NumPy does, and need nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers see; a test compares it with what __getattr__ gives
    from tsla.empirics import problems
    from tsla.empirics.measure import measure
    from tsla.empirics.moments import gradient_moments
    from tsla.empirics.monitor import MomentsMonitor
    from tsla.empirics.oracles import Oracle
    from tsla.empirics.reading import reading
    from tsla.empirics.schedules import Adaptive, Annealed, Constant, Cosine, Linear, TwoStage
    from tsla.empirics.sgd import simulate
    from tsla.empirics.smoothed_cross_entropy import SmoothedCrossEntropy
    from tsla.empirics.training import TrainingConfig, train
    from tsla.theory import (
        annealing,
        biased,
        inversion,
        lsr,
        lsr_pl,
        minibatch,
        sgd,
        sgd_pl,
        shrinkage,
        smoothed_pl,
        smoothing,
        variance,
        worst_case,
    )
    from tsla.theory import tsla as two_stage
    from tsla.theory.biased import SmoothingOracle
    from tsla.theory.bound import Bound
    from tsla.theory.complexity import compare
    from tsla.theory.constants import Constants
    from tsla.theory.plan import Plan, Stage

__all__ = [
    "Adaptive",
    "Annealed",
    "Bound",
    "Constant",
    "Constants",
    "Cosine",
    "Linear",
    "MomentsMonitor",
    "Oracle",
    "Plan",
    "SmoothedCrossEntropy",
    "SmoothingOracle",
    "Stage",
    "TrainingConfig",
    "TwoStage",
    "annealing",
    "biased",
    "compare",
    "gradient_moments",
    "inversion",
    "lsr",
    "lsr_pl",
    "measure",
    "minibatch",
    "problems",
    "reading",
    "sgd",
    "sgd_pl",
    "shrinkage",
    "simulate",
    "smoothed_pl",
    "smoothing",
    "train",
    "two_stage",
    "variance",
    "worst_case",
]

_MODULES = {
    "tsla.theory": "annealing biased inversion lsr lsr_pl minibatch sgd sgd_pl shrinkage smoothed_pl smoothing variance worst_case",
    "tsla.empirics": "problems",
}
_ATTRIBUTES = {
    "tsla.theory.biased": "SmoothingOracle",
    "tsla.theory.bound": "Bound",
    "tsla.theory.complexity": "compare",
    "tsla.theory.constants": "Constants",
    "tsla.theory.plan": "Plan Stage",
    "tsla.empirics.measure": "measure",
    "tsla.empirics.moments": "gradient_moments",
    "tsla.empirics.monitor": "MomentsMonitor",
    "tsla.empirics.oracles": "Oracle",
    "tsla.empirics.reading": "reading",
    "tsla.empirics.schedules": "Adaptive Annealed Constant Cosine Linear TwoStage",
    "tsla.empirics.sgd": "simulate",
    "tsla.empirics.smoothed_cross_entropy": "SmoothedCrossEntropy",
    "tsla.empirics.training": "TrainingConfig train",
}
_HOMES = {name: home for home, names in _ATTRIBUTES.items() for name in names.split()}
_PATHS = {name: f"{home}.{name}" for home, names in _MODULES.items() for name in names.split()} | {"two_stage": "tsla.theory.tsla"}


def __getattr__(name: str) -> Any:
    if name in _PATHS:
        return import_module(_PATHS[name])
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tsla' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
