"""C9: the table's exponents are the log-log slopes of the planned samples at δ = ε^q, as ε → 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.claims.support.marks import properties
from tsla.theory import lsr, sgd, two_stage
from tsla.theory.complexity import compare, exponents
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import constants, costly, positive_deltas, targets

Exponents = Callable[[Any], Any]

ROWS = (0, 0.5, 1, 1.9, 2, 2.1, 3, 3.9, 4, 4.1, 6)
"""q in every row of the table, and on the boundaries between them."""


def planned(method: Callable[..., Plan], q: float, eps: float) -> Plan:
    """σ² = 1/4: at q = 2 the constants decide, and V = 2δσ²/(1+δ) < ε²."""
    return method(Constants(L=10, mu=1, sigma2=0.25, delta=eps**q, F0=1), eps=eps)


def are_the_slopes_of_the_plans(exponents: Exponents) -> None:
    """Between two ε so small that a logarithm no longer counts, and that ε⁴ and ε^q are still numbers."""
    for q in ROWS:
        far, near = (10 ** (-digits / max(q, 4)) for digits in (240, 300))
        for name, method in (("tsla", two_stage.steps), ("lsr", lsr.steps), ("sgd", sgd.steps)):
            exponent = float(exponents(q)[name])
            plans = [planned(method, q, eps) for eps in (far, near)]
            assert [bool(plan.reachable) for plan in plans] == [np.isfinite(exponent)] * 2, (q, name)
            if np.isfinite(exponent):
                slope = np.log(plans[1].total / plans[0].total) / np.log(far / near)
                assert slope == pytest.approx(exponent, abs=0.02), (q, name)


@pytest.mark.claim("C9", "property")
def test_the_last_row_is_a_logarithm() -> None:
    """Not merely a power that is close to 0: squaring ε doubles the samples."""
    samples = [float(planned(two_stage.steps, 5, eps).total) for eps in (1e-10, 1e-20, 1e-40)]
    assert [samples[1] / samples[0], samples[2] / samples[1]] == pytest.approx([2, 2], rel=0.05)


@pytest.mark.claim("C9", "property")
def test_the_boundary_row_depends_on_a_constant() -> None:
    """δ = ε², q = 2: LSR gets there iff 2σ²/(1+δ) < 1, which the table's O(ε²) leaves open."""
    reached = [bool(lsr.steps(Constants(L=10, sigma2=sigma2, delta=1e-6, F0=1), eps=1e-3).reachable) for sigma2 in (0.4, 0.6)]
    assert reached == [True, False]


def in_the_row_of(method: str, wrong: Callable[[float], float]) -> Exponents:
    return lambda q: exponents(q) | {method: wrong(q)}


test_exponents = properties(
    "C9",
    exponents,
    {
        are_the_slopes_of_the_plans: [
            *(in_the_row_of("lsr", w) for w in (lambda q: 2.0, lambda q: 2.0 if q >= 1 else np.inf, lambda q: 2.0 if q > 2 else np.inf)),
            *(in_the_row_of("tsla", w) for w in (lambda q: 4 - q, lambda q: max(4 - q / 2, 0), lambda q: max(4 - q, 2))),
            in_the_row_of("sgd", lambda q: 2.0),
        ]
    },
    found="On a log-log scale the lengths of the plans have the slopes that are claimed, for every range of δ and on its ends.",
)


@pytest.mark.claim("C9", "property")
@costly(20)
@given(constants(delta=positive_deltas, noiseless=False), targets)
def test_comparison_is_ordered(k: Constants, eps: float) -> None:
    comparison = compare(k, eps=eps)
    totals = [float(plan.total) for plan in comparison.plans]
    assert totals == sorted(totals)
    assert comparison.ahead == comparison.plans[0].method
    assert {plan.method for plan in comparison.plans} == set(METHODS)
    assert {plan.method: float(plan.total) for plan in comparison.plans} == {
        name: float(method(k, eps=eps).total) for name, method in METHODS.items()
    }
