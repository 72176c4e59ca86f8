"""All methods side by side: the order, the sentence, and what it is made of; exponents beside the plans, and the rows of C9."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tsla.theory import inversion
from tsla.theory.biased import SmoothingOracle
from tsla.theory.complexity import Comparison, compare, exponents, regime
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS, splitting
from tsla.theory.testing.planted import Rejects
from tsla.theory.testing.relations import given_to

KNOWN = {"L": 10.0, "mu": 1.0, "sigma2": 1.0, "delta": 0.1, "F0": 1.0}
ORACLE = SmoothingOracle(beta2=0.05, nu2=0.05)

# Worked out by hand from the step counts 800,000 (C4), 160,024 (C8), 8,007 (C15b), 7,214 (C12), 7,648 (C18), 1,670 and 75 at
# δ = 0.001, ...
ALONE = "It smooths alone, and can as its floor 2δσ²/(1+δ) = 0.002 is below eps² = 0.01."
BIASED = "It never drops smoothing, and tells its bias from its noise."


@pytest.mark.parametrize(
    ("changes", "oracle", "first", "beats", "reason", "place", "factor", "stage"),
    [
        ({}, None, "lsr-pl-sharp 7,648 C18", "20.9 105 1.05", "It never drops smoothing.", "4 of 14", "5 times fewer", "0.2 24"),
        ({}, ORACLE, "smoothed-pl 7,214 C12", "22.2 111 1.11", BIASED, "5 of 16", "5 times fewer", "0.2 24"),
        ({"delta": 0.001}, None, "lsr-pl 75 C15", "22.3 10,700 107", ALONE, "4 of 14", "479 times fewer", "0.002 70"),
        ({"delta": 1.4}, None, "sgd-pl 8,007 C15b", "280 99.9", "It does not smooth.", "11 of 14", "2.8 times more", "2.8 6"),
    ],
)
def test_the_reasons(
    changes: dict[str, float], oracle: SmoothingOracle | None, first: str, beats: str, reason: str, place: str, factor: str, stage: str
) -> None:
    method, total, claim = first.split()
    rivals = ["TSLA (C8)", "plain SGD (C4)", "SGD that uses A4 (C15b)"]
    tsla, plain, *with_a4 = (f"{rival} by a factor {times}" for rival, times in zip(rivals, beats.split(), strict=False))
    share, burn_in = stage.split()
    found = compare(Constants(**KNOWN | changes), eps=0.1, oracle=oracle)
    samples = {plan.method: f"{float(plan.total):,.0f}" for plan in found.plans}["tsla"]
    assert found.reasons == (
        f"{method} is the fastest: it asks for {total} samples ({claim}).",
        f"It beats {', '.join([tsla, plain][: 1 + len(with_a4)])} and {[plain, *with_a4][-1]}.",
        reason,
        f"TSLA takes place {place} with {samples} samples, {factor} than plain SGD.",
        f"Its plain stage takes 2δσ²/(μF0) = {share} of plain SGD's steps, after {burn_in} smoothed ones.",
    )
    assert found.why == " ".join(found.reasons)


def slowest_first(constants: Constants, *, eps: float) -> Comparison:
    found = compare(constants, eps=eps)
    return replace(found, plans=found.plans[::-1])


PLACES = {
    "lsr-pl-sharp": (Constants(L=10, F0=1, sigma2=1, mu=0.1, delta=0.004), 0.1),
    "sgd-pl-last, 9 steps and 1": (Constants(L=1, mu=1, sigma2=0.01, delta=0.1, F0=1), 1.3),
    "sgd-pl-last, 6 steps and none": (Constants(L=1, mu=1, sigma2=0.01, delta=0.1, F0=0.1), 1.9),
    "lsr-pl-last, 9 + 6 steps and 10": (Constants(L=1, mu=0.9, sigma2=0.1, delta=0.005, F0=100), 0.2),
}


@pytest.mark.parametrize("at", PLACES)
def test_the_fastest_is_named_by_facts_of_the_plans(at: str, rejects: Rejects) -> None:
    known, eps = PLACES[at]

    def names_the_fastest(comparing: Callable[..., Comparison]) -> None:
        found = comparing(known, eps=eps)
        totals = {plan.method: float(plan.total) for plan in found.plans}
        ahead = min(totals, key=lambda name: totals[name])
        assert found.ahead == ahead == at.partition(",")[0]
        assert found.reasons[0].startswith(f"{ahead} is the fastest: it asks for {totals[ahead]:,.0f} sample")
        assert found.beats == pytest.approx({name: totals[name] / max(totals[ahead], 1) for name in ("tsla", "sgd", "sgd-pl")})
        assert found.place == sorted(totals.values()).index(totals["tsla"]) + 1

    rejects(names_the_fastest, right=compare, wrong=slowest_first)


def test_the_last_iterate_is_the_reason_where_it_is_ahead() -> None:
    known, eps = PLACES["lsr-pl-last, 9 + 6 steps and 10"]
    assert "It smooths alone and takes the last iterate, and can as its floor κV is below eps² = 0.04." in compare(known, eps=eps).reasons


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
    assert "It never drops smoothing." in found.reasons


@pytest.mark.parametrize(("delta", "beta2", "nu2"), [(0.1, 0.05, 0.05), (0.1, 0.05, 0.0), (0.3, 0.1, 0.2)])
def test_an_oracle_within_a3_is_taken(delta: float, beta2: float, nu2: float) -> None:
    """β² + ν² = δσ² is what A3 allows, and the sum of 0.1 and 0.2 is not 0.3."""
    assert compare(Constants(**KNOWN | {"delta": delta}), eps=0.1, oracle=SmoothingOracle(beta2=beta2, nu2=nu2)).plans


def test_who_needs_no_step_beats_nobody_by_a_factor() -> None:
    """sgd-pl-last is at the target before its first step, C4 and C8 after one; with a target that C8's first step passes all draw."""
    said = compare(Constants(L=1, mu=1, sigma2=1, delta=0.1, F0=1e-8), eps=100).why
    assert "It needs no step, TSLA (C8) 1 sample, plain SGD (C4) 1 sample and SGD that uses A4 (C15b) 2 samples." in said
    assert "factor" not in said
    assert "TSLA takes place 4 of 14 with 1 sample, as many as plain SGD." in said


@pytest.mark.parametrize("name", [*KNOWN, "eps"])
def test_arrays_are_refused_by_name(name: str) -> None:
    given = KNOWN | {"eps": 0.1}
    given[name] = np.array([given[name]])  # type: ignore[assignment]
    eps = given.pop("eps")
    with pytest.raises(ValueError, match=f"^{name} is an array; must be a single number, .*every_plan takes arrays"):
        compare(Constants(**given), eps=eps)


def test_an_oracle_beyond_a3_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^delta = 0.1 is below \(beta2 \+ nu2\)/sigma2; A3 needs beta2 \+ nu2 <= delta\*sigma2$"):
        compare(Constants(**KNOWN), eps=0.1, oracle=SmoothingOracle(beta2=0.05, nu2=0.051))


# --- exponents


PLANS = {method.name: method for method in (*METHODS.values(), *splitting())}


def follows_the_plans(predicted: Callable[[str, float], float]) -> None:
    """The log-log slope of the plans between two ε so small that a logarithm no longer counts, as far as float64 holds δ."""
    for name, method in PLANS.items():
        for q, far, near in (*((q, 1e-40, 1e-50) for q in (0, 1, 2, 3, 4, 6)), (7, 1e-30, 1e-42), (9, 1e-20, 1e-32)):
            known = {eps: Constants(L=10, mu=1, sigma2=1, delta=0.02 * eps**q, F0=1) for eps in (far, near)}
            totals = [float(method(*given_to(method, k), eps=eps).total) for eps, k in known.items()]
            slope = np.inf if np.isinf(totals).any() else math.log(totals[1] / totals[0]) / math.log(far / near)
            assert predicted(name, q) == pytest.approx(slope, abs=0.02), (name, q)


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
