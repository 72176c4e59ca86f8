"""What a bound or a plan refuses it names with its value: each equation in the refusal is true of the numbers that were given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from tests.theory.formulas import relations
from tests.theory.obligations.common import NUMBERS
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.method import ORACLE, Method
from tsla.theory.methods import declared
from tsla.theory.testing.planted import tells_apart

Said = Callable[[ValueError], str]
GIVEN: Mapping[str, Any] = NUMBERS | {"c": 0.0, "B": 0.5}
PLACES = [(method, name) for method in declared() for name in f"{method.needs} {method.run} {method.optional} eps".split()]


def refused(method: Method, numbers: Mapping[str, Any]) -> Iterator[ValueError]:
    """What its bound and its plan say against these numbers."""

    def problem() -> tuple[Any, ...]:
        constants = {name: numbers[name] for name in ("L", "F0", *method.needs.split()) if name in ("L", "mu", "delta", "F0")}
        known = Constants(**constants, sigma2=numbers["C" if method.grows else "sigma2"])
        if method.grows:
            return known, Growth(A=numbers["A"], B=numbers["B"])
        return (known, SmoothingOracle(**{name: numbers[name] for name in ORACLE})) if method.splits else (known,)

    run = {name: numbers[name] for name in f"{method.run} {method.optional}".split() if name not in ORACLE}
    for has, call in (
        (method.bounds, lambda: method.bound(*problem(), **run)),
        (method.plans, lambda: method(*problem(), eps=numbers["eps"])),
    ):
        try:
            if has:
                call()
        except ValueError as refusal:
            yield refusal


def says_what_was_given(said: Said) -> None:
    """Of two elements of an array, one of which is bad, it names that one. ``sigma2`` of a method whose noise grows is C."""
    read = 0
    for method, name in PLACES:
        for bad in (0.0, -1.0, 0.9, 1.5, 1e3):
            known = GIVEN | {name: bad}
            known |= {"sigma2": known["C"]} if method.grows else {}
            known |= {"m": known["momentum"], "rho": 1 - known["theta"] + known["theta"] * known["delta"]}
            for refusal in refused(method, GIVEN | {name: np.array([GIVEN[name], bad])}):
                for left, _, right in relations(said(refusal).partition(";")[0].replace("*", "·"), known):
                    read += 1
                    assert np.isclose(left, right, rtol=1e-9), (method.name, str(refusal))
    assert read > 100


def test_refusals_say_what_was_given() -> None:
    says_what_was_given(str)


@pytest.mark.parametrize(
    ("right", "wrong"), [("delta*sigma2", "sigma2"), ("steepest =", "clip ="), ("1/L", "2/L"), ("(1-m)²", "(1-m)"), ("1/rho", "rho")]
)
def test_a_refusal_that_names_something_else_is_found(right: str, wrong: str) -> None:
    tells_apart(says_what_was_given, right=str, wrong=lambda refusal: str(refusal).replace(right, wrong))
