"""C9, C12 and C15 against the samples that were really needed, and what the one-sided tests refute when constants are halved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.claims.support.marks import of_claims
from tests.conftest import ROOT
from tsla.empirics.experiments.power_of_tests import near_instances, power
from tsla.empirics.experiments.rates import samples as rates
from tsla.empirics.experiments.rates import verdicts as rate_verdicts
from tsla.empirics.experiments.rates.samples import plan_of
from tsla.empirics.runs import records
from tsla.empirics.simulation.oracles import Oracle
from tsla.figures.evidence import NEAREST
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.planted import Rejects

METHODS = {
    "C9": ("sgd", "tsla", "lsr"),
    "C12": ("smoothed-pl",),
    "C15": ("sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr-pl"),
}
HALVED = ("C4", "C5", "C7", "C8", "C12", "C16")


def table(name: str) -> pd.DataFrame:
    return records.read(ROOT / "records" / f"{name}.parquet").table


def curves(claim: str) -> list[pd.DataFrame]:
    """A table a method, problem and regime of delta."""
    rows = table("measured_rates")
    return [curve for _, curve in rows[rows["method"].isin(METHODS[claim])].groupby(["method", "problem", "q", "scale"], sort=False)]


def none_is_refuted(found: list[pd.DataFrame]) -> None:
    assert found
    assert not [rate_verdicts.verdict(curve) for curve in found if rate_verdicts.verdict(curve) == rate_verdicts.REFUTED]


@pytest.mark.parametrize("claim", of_claims(METHODS, "Monte Carlo"))
def test_no_rate_is_refuted(claim: str, evidence: Callable[..., None]) -> None:
    found = curves(claim)
    none_is_refuted(found)
    attained = [curve for curve in found if rate_verdicts.verdict(curve) == rate_verdicts.ATTAINED]
    free = sum(map(rate_verdicts.could_have_failed, attained))
    evidence(
        f"On {len(found)} grids of ε, the samples that runs of a method need were counted. On {len(attained)} they grow with the "
        f"exponent of the plan. On {free} of these another exponent could have come out. No run missed its target.",
        **({"headline": f"{len(attained)} of {len(found)} exponents attained"} if claim == "C9" else {}),
    )


# --- wrong plans, run at a small size

Planner = Callable[[str, Constants, Oracle, float], Plan]
STALL = {"problem": "stall", "sigma2": 1.0, "bias": 0.5, "noise": "normal", "replicas": 60, "seed": 1}
SMALL: dict[str, dict[str, Any]] = {
    "sgd": {"q": 0, "scale": 0.2, "eps": [0.6, 0.4, 0.25]},
    "tsla": {"q": 1, "scale": 2.0, "eps": [0.5, 0.35, 0.2]},
    "lsr": {"q": 2, "scale": 0.25, "eps": [0.4, 0.2, 0.1, 0.05]},
    "smoothed-pl": {"q": 1, "scale": 0.5, "eps": [0.4, 0.2, 0.1]},
    "sgd-pl": {"q": 0, "scale": 0.2, "eps": [0.4, 0.2, 0.1]},
    "sgd-pl-last": {"q": 0, "scale": 0.2, "eps": [0.4, 0.2, 0.1]},
    "sgd-two-step": {"q": 0, "scale": 0.2, "eps": [0.6, 0.4, 0.25]},
    "lsr-pl": {"problem": "sine_valley", "q": 2, "scale": 0.25, "eps": [1.4, 0.7, 0.35]},
}


def lengths(plan: Plan, factor: float) -> Plan:
    return replace(plan, stages=tuple(replace(stage, steps=np.ceil(stage.steps * factor)) for stage in plan.stages))


def a_thirtieth(method: str, constants: Constants, oracle: Oracle, eps: float) -> Plan:
    return lengths(plan_of(method, constants, oracle, eps), 1 / 30)


def one_power_too_few(method: str, constants: Constants, oracle: Oracle, eps: float) -> Plan:
    """As long as it must be at the largest ε of the grid, and still long enough at the smallest."""
    return lengths(plan_of(method, constants, oracle, eps), eps / max(SMALL[method]["eps"]))


def never_dropped(method: str, constants: Constants, oracle: Oracle, eps: float) -> Plan:
    """TSLA that smooths on in its second stage."""
    first, second = plan_of(method, constants, oracle, eps).stages
    return replace(plan_of(method, constants, oracle, eps), stages=(first, replace(second, theta=first.theta)))


def bias_counted_as_noise(method: str, constants: Constants, oracle: Oracle, eps: float) -> Plan:
    return plan_of(method, constants, replace(oracle, beta2=0.0, nu2=oracle.beta2 + oracle.nu2), eps)


CLAIM_OF = {method: claim for claim, methods in METHODS.items() for method in methods}
WRONG: list[tuple[str, Planner]] = [
    *((method, a_thirtieth) for method in SMALL),
    ("sgd", one_power_too_few),
    ("sgd-two-step", one_power_too_few),
    ("tsla", never_dropped),
    ("smoothed-pl", bias_counted_as_noise),
]


@pytest.mark.parametrize(
    ("method", "wrong"),
    [pytest.param(*pair, marks=pytest.mark.claim(CLAIM_OF[pair[0]], "Monte Carlo", planted=True)) for pair in WRONG],
)
def test_a_plan_that_promises_too_much_is_refuted(method: str, wrong: Planner, rejects: Rejects) -> None:
    def keeps_its_promise(plans: Planner) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rates, "plan_of", plans)
            none_is_refuted([rates.measure(STALL | SMALL[method] | {"method": method})])

    rejects(keeps_its_promise, right=plan_of, wrong=wrong)


# --- what the one-sided tests refute


def halved_bounds_are_refuted(rows: pd.DataFrame) -> None:
    """The bound is true and is not refuted; half of it is."""
    assert len(rows) >= 1
    assert (rows["ratio"] <= 1 + 1e-9).all()
    assert rows["measured"].to_numpy() == pytest.approx(rows["exact"].to_numpy(), rel=0.1)
    assert rows["refuted"].all()
    assert (rows["p_bound"] > 0.001).all()


@pytest.mark.parametrize("claim", of_claims(HALVED, "Monte Carlo"))
def test_a_halved_bound_is_refuted_and_the_bound_is_not(claim: str, evidence: Callable[..., None]) -> None:
    rows = table("power_of_tests")
    rows = rows[rows["claim"] == claim]
    halved_bounds_are_refuted(rows)
    nearest = rows["ratio"].max()
    evidence(
        f"On instances made to come near the bound, runs refute a bound half as large with p ≤ {max(rows['p_value'].max(), 1e-300):.0e}. "
        f"On the nearest of them the expectation is {nearest:.3f} of the bound.",
        tightness={NEAREST: nearest},
    )


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("claim", of_claims(HALVED, "Monte Carlo", planted=True))
def test_another_bound_is_told_from_the_right_one(claim: str, factor: float, rejects: Rejects) -> None:
    """Half of twice the bound holds, and half of the bound does not, on replicas that are drawn anew."""
    instances = [instance for instance in near_instances() if instance.claim == claim]

    def is_the_bound(times: float) -> None:
        halved_bounds_are_refuted(power([replace(near, bound=times * near.bound) for near in instances], replicas=500, seed=1))

    rejects(is_the_bound, right=1.0, wrong=factor)
