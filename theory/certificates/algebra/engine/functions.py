"""The functions of ``theory`` that manifests speak of, called with numbers by the names of their symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tsla.theory.biased import SmoothingOracle
from tsla.theory.certificates.algebra.engine.manifest import Function
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.method import ORACLE, Method
from tsla.theory.methods import declared

Numbers = Mapping[str, float]
LAST_STAGE = {"eta2": "eta", "T2": "T"}
"""What the second of two stages has as step size and length; manifests have them of the last stage."""


@cache
def bound_of(claim: str) -> Function:
    """The bound of a claim's method."""
    method = next(method for method in declared() if method.claim == claim and method.bounds)

    def call(**numbers: float) -> None:
        names = (*method.run.split(), *(name for name in method.optional.split() if name not in ORACLE))
        method.bound(*_given(method, numbers), **{name: numbers[LAST_STAGE.get(name, name)] for name in names})

    return call


@cache
def plan_of(claim: str, name: str = "") -> Function:
    """The plan of a claim's method for ``eps2 = ε²``, by ``name`` where it has several. Out of reach is refused too."""
    method = next(method for method in declared() if method.claim == claim and method.plans and name in ("", method.name))

    def call(**numbers: float) -> None:
        eps2 = numbers["eps2"]
        plan = method.steps(*_given(method, numbers), eps=eps2**0.5 if eps2 >= 0 else eps2)
        if not plan.reachable.all():
            raise ValueError(f"{method.name} does not reach ε² = {eps2}")

    return call


def of_constants(needs: str, function: Callable[..., object], **parameters: str) -> Function:
    """A function of :class:`Constants`, of which it ``needs`` some, and of ``parameters`` that are named by their symbols."""
    return _called(function, parameters, lambda numbers: (_constants(needs, numbers),))


def of_oracle(needs: str, function: Callable[..., object], **parameters: str) -> Function:
    """The same of one that takes an oracle besides, with bias and noise apart."""
    return _called(function, parameters, lambda numbers: (_constants(needs, numbers), _oracle(numbers)))


def of_growth(needs: str, function: Callable[..., object], **parameters: str) -> Function:
    """The same of one under A2′, whose C takes the place of sigma2."""
    return _called(
        function,
        parameters,
        lambda numbers: (_constants(needs, {**numbers, "sigma2": numbers["C"]}), Growth(A=numbers["A"], B=numbers["B"])),
    )


def _called(function: Callable[..., object], parameters: Mapping[str, str], given: Callable[[Numbers], tuple[Any, ...]]) -> Function:
    def call(**numbers: float) -> None:
        function(*given(numbers), **{name: numbers[symbol] for name, symbol in parameters.items()})

    return call


def _given(method: Method, numbers: Numbers) -> tuple[Any, ...]:
    constants = _constants(method.needs, numbers)
    return (constants, _oracle(numbers)) if method.splits else (constants,)


def _oracle(numbers: Numbers) -> SmoothingOracle:
    return SmoothingOracle(**{name: numbers[name] for name in ORACLE})


def _constants(needs: str, numbers: Numbers) -> Constants:
    return Constants(**{name: numbers[name] for name in {"L", "sigma2", "F0", *needs.split()} - {*ORACLE}})
