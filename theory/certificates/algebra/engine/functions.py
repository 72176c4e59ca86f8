"""The functions of ``theory`` that the manifests speak of, called with numbers by the names of their symbols."""

from __future__ import annotations

from typing import Any

from tsla.theory.biased import SmoothingOracle
from tsla.theory.certificates.algebra.engine.manifest import Function
from tsla.theory.constants import Constants
from tsla.theory.method import ORACLE, Method


def bound_of(method: Method) -> Function:
    """The bound of a method."""
    return lambda **p: method.bound(*_given(method, p), **{name: p[name] for name in (*method.run.split(), "theta") if name in p})


def plan_of(method: Method) -> Function:
    """The plan of a method, for ``eps2 = ε²``."""
    return lambda **p: method.steps(*_given(method, p), eps=abs(p["eps2"]) ** 0.5 * (1 if p["eps2"] > 0 else -1))


def _given(method: Method, p: dict[str, float]) -> tuple[Any, ...]:
    needs = {"L", "sigma2", "F0", *method.needs.split()}
    constants = Constants(**{name: p[name] for name in needs - set(ORACLE)})
    return (constants, SmoothingOracle(**{name: p[name] for name in ORACLE})) if method.splits else (constants,)
