"""Every rule drops where its own condition, evaluated by hand at every epoch, first fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.empirics.advice.plan.pilots import growing, pilot
from tsla.empirics.advice.plan.pilot import Pilot, pilot_of
from tsla.empirics.experiments.planner.rules import NAIVE, RULES, Plan, choices, until
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects

DIGITS = Path(__file__).parents[4] / "records" / "digits.parquet"
EVERY = tuple(range(21))
SPARSE = (0, 1, 2, 5, 10, 20)
ETA_L = 0.4


def batch(m: Moments, p: Pilot) -> Moments:
    return m.at_batch_size(p.batch_size)


STRENGTHS = np.linspace(0, 1, 10_001)


def least_at(m: Moments, p: Pilot, eta_L: float) -> float:
    """The θ of the least floor, to 1e-4."""
    return float(STRENGTHS[np.argmin(floor_at(m, p, STRENGTHS, eta_L))])


def floor_at(m: Moments, p: Pilot, theta: Any, eta_L: float = ETA_L) -> Any:
    noise = (1 - theta) ** 2 * m.s2 + theta**2 * m.nu2 + 2 * theta * (1 - theta) * m.c
    return theta**2 * m.beta2 + eta_L * noise / p.batch_size


BY_HAND: dict[str, Callable[[Moments, Pilot], bool]] = {
    "delta": lambda m, p: batch(m, p).delta < 1,
    "B_c": lambda m, p: batch(m, p).second_moment(p.theta) < batch(m, p).s2,
    "floor": lambda m, p: floor_at(m, p, p.theta) < floor_at(m, p, 0),
    "beyond": lambda m, p: batch(m, p).second_moment(p.theta) < (1 - p.theta) ** 2 * batch(m, p).s2 + p.theta**2 * m.grad2,
    "theta*": lambda m, p: p.theta < least_at(m, p, 1),
    "theta°": lambda m, p: p.theta < least_at(m, p, ETA_L),
}


def moments(p: Pilot) -> list[Moments]:
    return [Moments(**{name: float(row[name]) for name in MOMENTS}) for _, row in p.measured.iterrows()]


def drops_as_by_hand(name: str, plan: Callable[[Pilot], Plan]) -> None:
    """For a bias that grows exponentially: measured at every epoch it is that epoch, measured sparsely one between the same two."""
    expected = set()
    for doubling, (theta, c), start in product((0.9, 2.1, 5.3), ((0.3, -0.2), (0.8, 0.3)), (0.001, 0.02)):
        dense, sparse = (
            pilot(at, theta=theta, batch_size=8, eta_L=ETA_L, c=[c] * len(at), beta2=growing(at, doubling=doubling, start=start))
            for at in (EVERY, SPARSE)
        )
        helps = [BY_HAND[name](m, dense) for m in moments(dense)]
        first = helps.index(False) if False in helps else 20
        assert plan(dense) == Plan(theta, first)
        assert max((t for t in SPARSE if t < first), default=-1) < plan(sparse).drop <= min(t for t in SPARSE if t >= first)
        expected.add(first)
    assert len(expected) >= 4


@pytest.mark.parametrize("name", BY_HAND)
def test_a_rule_of_the_theory_drops_where_its_condition_fails(name: str, rejects: Rejects) -> None:
    check, plan = partial(drops_as_by_hand, name), RULES[name].plan
    for wrong in (lambda p: plan(replace(p, batch_size=1)), lambda p: replace(plan(p), drop=plan(p).drop + 1)):
        rejects(check, right=plan, wrong=wrong)


@pytest.mark.parametrize("name", ["floor", "theta°"])
def test_the_step_size_counts(name: str) -> None:
    at = pilot(EVERY, beta2=growing(EVERY, doubling=2))
    drops = [RULES[name].plan(replace(at, eta_L=eta_L)).drop for eta_L in (0.05, 0.4, 1.0, 3.0)]
    assert drops[0] < drops[1] < drops[2] == drops[3]  # C12 ends at ηL = 1
    assert RULES[name].plan(at).drop == drops[2]
    without = {"floor": "B_c", "theta°": "theta*"}[name]
    assert RULES[without].plan(at).drop == drops[2]


def test_a_short_pilot_of_exponential_growth_finds_the_epoch_of_the_whole_run() -> None:
    at = pilot(EVERY, beta2=growing(EVERY, doubling=1.3, start=1e-4))
    for name in ("delta", "B_c", "floor"):
        found = RULES[name].plan(at).drop
        assert 5 < found < 20
        assert abs(RULES[f"{name}, short"].plan(at).drop - found) <= 1  # ν² bends log δ_B a little
        later = at.rows["epoch"] > 5
        other = replace(at, rows=at.rows.assign(beta2=at.rows["beta2"].where(~later, 0.0), shat2=at.rows["shat2"].where(~later, 0.5)))
        assert RULES[f"{name}, short"].plan(other) == RULES[f"{name}, short"].plan(at)
        assert RULES[name].plan(other) != RULES[name].plan(at)


def test_a_short_pilot_has_what_was_measured_first() -> None:
    assert until(pilot(EVERY), 5).rows["epoch"].tolist() == [0, 1, 2, 3, 4, 5]  # the last row is of the weights before epoch 5
    for name in (name for name in RULES if name.endswith("short")):
        assert 0 <= RULES[name].plan(pilot(at=(6, 10, 20))).drop <= 20


def test_naive_rules_look_at_nothing_but_the_length() -> None:
    drops = {name: RULES[name].plan(pilot(epochs=30, ran=20)) for name in RULES if RULES[name].kind == NAIVE}
    assert drops == {"never": Plan(0.3, 0), "always": Plan(0.3, 30), "half": Plan(0.3, 15), "80 %": Plan(0.3, 24)}


def test_two_levels_take_the_strength_of_the_start() -> None:
    at = pilot(EVERY, beta2=growing(EVERY, doubling=2), eta_L=ETA_L)
    first = moments(at)[0]
    plan = RULES["two-level"].plan(at)
    assert plan.theta == pytest.approx(least_at(first, at, ETA_L), abs=1e-4)
    helps = [floor_at(m, at, plan.theta) < floor_at(m, at, 0) for m in moments(at)]
    assert plan.drop == helps.index(False)
    assert RULES["two-level"].plan(pilot(c=[2.0] * 6, nu2=[4.0] * 6, s2=[1.0] * 6)) == Plan(0.3, 0)  # c > s²: no strength helps


def test_rules_of_practice() -> None:
    falling = [2 - 0.05 * epoch for epoch in range(21)]
    dip = [*falling[:4], 1.9, *falling[5:12], *(1.5 + 0.01 * i for i in range(9))]
    for name, drop in (("least test loss", 11), ("test loss rises", 3)):
        assert RULES[name].plan(pilot(test_loss=dip)) == Plan(0.3, drop)
        assert RULES[name].plan(pilot(test_loss=falling)) == Plan(0.3, 20)
        assert RULES[name].plan(pilot(at=(0, 5), ran=5, test_loss=falling[:6])) == Plan(0.3, 20)
    assert RULES["test loss rises"].plan(pilot(test_loss=[1.0] * 21)) == Plan(0.3, 20)


@pytest.mark.parametrize("name", RULES)
def test_rows_are_taken_in_the_order_of_their_epochs(name: str) -> None:
    at = pilot(EVERY, beta2=growing(EVERY, doubling=2), test_loss=[1 + epoch / 100 for epoch in EVERY])
    assert RULES[name].plan(replace(at, rows=at.rows[::-1])) == RULES[name].plan(at)


def test_choices_of_the_digits_pilots() -> None:
    """Every rule has a plan within the run for each of ten real pilots, and not all have the same."""
    pilots = {("digits", seed): pilot_of(DIGITS, method="sgd", seed=seed) for seed in range(10)}
    found = choices(pilots)
    assert list(found.columns) == ["setting", "seed", "rule", "kind", "theta", "drop"]
    assert len(found) == 10 * len(RULES)
    assert found["drop"].between(0, 20).all()
    assert found["theta"].between(0, 1).all()
    assert found.groupby("seed")["drop"].nunique().min() >= 4
