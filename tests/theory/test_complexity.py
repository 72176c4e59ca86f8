"""Exponents of all methods beside their plans, and the rows of C9."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tests.planted import assert_rejects
from tsla.theory import smoothed_pl
from tsla.theory.biased import SmoothingOracle
from tsla.theory.complexity import exponents, regime
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan


def half_biased(constants: Constants, *, eps: float) -> Plan:
    half = constants.delta * constants.sigma2 / 2
    return smoothed_pl.steps(constants, SmoothingOracle(beta2=half, nu2=half), eps=eps)


PLANS = {**METHODS, "smoothed-pl": half_biased}


def follows_the_plans(predicted: Callable[[str, float], float]) -> None:
    """The log-log slope of the plans between two ε so small that a logarithm no longer counts."""
    far, near = 1e-40, 1e-50
    for method, steps in PLANS.items():
        for q in (0, 1, 2, 3, 4):
            totals = [float(steps(Constants(L=10, mu=1, sigma2=1, delta=0.25 * eps**q, F0=1), eps=eps).total) for eps in (far, near)]
            slope = np.inf if np.isinf(totals).any() else math.log(totals[1] / totals[0]) / math.log(far / near)
            assert predicted(method, q) == pytest.approx(slope, abs=0.02), (method, q)


def by_name(method: str, q: float) -> float:
    return float(exponents(q)[method])


def test_predictions_are_the_slopes_of_the_plans() -> None:
    follows_the_plans(by_name)


@pytest.mark.parametrize("method", PLANS)
def test_planted_predictions(method: str) -> None:
    assert_rejects(follows_the_plans, lambda name, q: 1.5 if name == method else by_name(name, q))


@pytest.mark.parametrize(
    ("method", "q", "row"),
    [
        ("sgd", 3, "any"),
        ("tsla", 1, "δ ≥ ε²"),
        ("tsla", 2, "δ ~ ε²"),
        ("lsr", 3, "ε⁴ < δ < ε²"),
        ("lsr", 4, "δ ≤ ε⁴"),
        ("sgd-pl", 1, "any"),
    ],
)
def test_rows_of_c9(method: str, q: float, row: str) -> None:
    assert regime(method, q) == row
