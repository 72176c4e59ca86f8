"""All methods side by side: the order, the sentence, and what it is made of; exponents beside the plans, and the rows of C9."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tsla.theory import inversion
from tsla.theory.biased import SmoothingOracle
from tsla.theory.complexity import compare, exponents, regime
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.methods import METHODS, splitting
from tsla.theory.plan import Plan
from tsla.theory.testing.planted import Rejects

KNOWN = {"L": 10.0, "mu": 1.0, "sigma2": 1.0, "delta": 0.1, "F0": 1.0}
ORACLE = SmoothingOracle(beta2=0.05, nu2=0.05)

# Worked out by hand from the step counts 800,000 (C4), 160,024 (C8), 8,007 (C15b), 7,214 (C12), 7,648 (C18), 1,670 and 75 at
# δ = 0.001, ...
BIASED = "with bias and noise told apart, smoothing that is never dropped is ahead of it 22.2-fold (C12), and of sgd-pl,"
AT_WORST = "smoothing that is never dropped is ahead of it {}-fold (C18), and of sgd-pl, which does not smooth, {}-fold."
ALONE = "smoothing alone is ahead of it {}-fold, as its floor 2δσ²/(1+δ) = {} is below eps² = 0.01."


@pytest.mark.parametrize(
    ("changes", "oracle", "factor", "share", "burn_in", "ahead"),
    [
        ({}, None, "5 times fewer", 0.2, 24, AT_WORST.format(20.9, 1.05)),
        ({}, ORACLE, "5 times fewer", 0.2, 24, f"{BIASED} which does not smooth, 1.11-fold."),
        ({"delta": 0.001}, None, "479 times fewer", 0.002, 70, ALONE.format(22.3, 0.002)),
        ({"delta": 1.4}, None, "2.8 times more", 2.8, 6, "sgd-pl is ahead of it 280-fold without smoothing."),
        ({"delta": 0.9, "F0": 0.1}, None, "18 times more", 18, 0, AT_WORST.format(180, 1)),
        ({"sigma2": 4.0, "mu": 2.0, "delta": 0.001}, None, "249 times fewer", 0.004, 32, AT_WORST.format(252, 314)),
    ],
)
def test_the_sentence(
    changes: dict[str, float], oracle: SmoothingOracle | None, factor: str, share: float, burn_in: int, ahead: str
) -> None:
    assert compare(Constants(**KNOWN | changes), eps=0.1, oracle=oracle).why == (
        f"TSLA asks for {factor} samples than plain SGD (C4): "
        f"its plain stage takes 2δσ²/(μF0) = {share} of SGD's steps, after {burn_in} smoothed ones; {ahead}"
    )


LAST = "the last iterate of smoothing alone is ahead of it 1.5-fold, as its floor κV is below eps² = 0.04 (C19)."


@pytest.mark.parametrize(
    ("changes", "eps", "ahead"),
    [
        ({"F0": 1.0}, 1.3, "sgd-pl-last is ahead of it 9-fold without smoothing."),  # 9 steps and 1
        ({"F0": 0.1}, 1.9, "sgd-pl-last is ahead of it 6-fold without smoothing."),  # 6 steps and none
        ({"mu": 0.9, "sigma2": 0.1, "delta": 0.005, "F0": 100.0}, 0.2, LAST),  # 9 + 6 steps and 10
    ],
)
def test_the_sentence_where_few_steps_are_enough(changes: dict[str, float], eps: float, ahead: str) -> None:
    assert compare(Constants(**{"L": 1.0, "mu": 1.0, "sigma2": 0.01, "delta": 0.1} | changes), eps=eps).why.endswith(f"; {ahead}")


@pytest.mark.parametrize("oracle", [None, ORACLE])
def test_all_methods_are_there_in_order(oracle: SmoothingOracle | None) -> None:
    known = Constants(**KNOWN)
    found = compare(known, eps=0.1, oracle=oracle)
    totals = {plan.method: float(plan.total) for plan in found.plans}
    expected = {method: float(plan(known, eps=0.1).total) for method, plan in METHODS.items()}
    if oracle is not None:
        expected |= {method.name: float(method(known, oracle, eps=0.1).total) for method in splitting()}
    assert totals == expected
    assert list(totals.values()) == sorted(totals.values())
    assert found.ahead == next(iter(totals))
    assert found.crossovers == inversion.crossovers(known, eps=0.1)


def test_smoothing_alone_is_named_where_it_is_ahead_without_a4() -> None:
    """δ so small, and μ too, that descent along ĝ alone, 2LF0/(ε²-δσ²), beats everything that first waits for a burn-in of κ."""
    found = compare(Constants(**KNOWN | {"mu": 1e-3, "delta": 1e-5, "sigma2": 10.0}), eps=1.0)
    assert found.ahead == "lsr-exact"
    assert found.why.endswith("smoothing that is never dropped is ahead of it 1.1e+03-fold (C18).")


@pytest.mark.parametrize(("delta", "beta2", "nu2"), [(0.1, 0.05, 0.05), (0.1, 0.05, 0.0), (0.3, 0.1, 0.2)])
def test_an_oracle_within_a3_is_taken(delta: float, beta2: float, nu2: float) -> None:
    """β² + ν² = δσ² is what A3 allows, and the sum of 0.1 and 0.2 is not 0.3."""
    assert compare(Constants(**KNOWN | {"delta": delta}), eps=0.1, oracle=SmoothingOracle(beta2=beta2, nu2=nu2)).plans


def test_an_oracle_beyond_a3_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^delta = 0.1 is below \(beta2 \+ nu2\)/sigma2; A3 needs beta2 \+ nu2 <= delta\*sigma2$"):
        compare(Constants(**KNOWN), eps=0.1, oracle=SmoothingOracle(beta2=0.05, nu2=0.051))


# --- exponents


def half_biased(method: Method) -> Callable[..., Plan]:
    def steps(constants: Constants, *, eps: float) -> Plan:
        half = constants.delta * constants.sigma2 / 2
        return method(constants, SmoothingOracle(beta2=half, nu2=half), eps=eps)

    return steps


PLANS: dict[str, Callable[..., Plan]] = {**METHODS, **{method.name: half_biased(method) for method in splitting()}}


def follows_the_plans(predicted: Callable[[str, float], float]) -> None:
    """The log-log slope of the plans between two ε so small that a logarithm no longer counts, as far as float64 holds δ."""
    for method, steps in PLANS.items():
        for q, far, near in (*((q, 1e-40, 1e-50) for q in (0, 1, 2, 3, 4, 6)), (7, 1e-30, 1e-42), (9, 1e-20, 1e-32)):
            totals = [float(steps(Constants(L=10, mu=1, sigma2=1, delta=0.02 * eps**q, F0=1), eps=eps).total) for eps in (far, near)]
            slope = np.inf if np.isinf(totals).any() else math.log(totals[1] / totals[0]) / math.log(far / near)
            assert predicted(method, q) == pytest.approx(slope, abs=0.02), (method, q)


def by_name(method: str, q: float) -> float:
    return float(exponents(q)[method])


@pytest.mark.parametrize("method", PLANS)
def test_predictions_are_the_slopes_of_the_plans(method: str, rejects: Rejects) -> None:
    rejects(follows_the_plans, right=by_name, wrong=lambda name, q: 1.5 if name == method else by_name(name, q))


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
