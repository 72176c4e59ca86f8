"""Regrets on sweeps in which the best drop epoch is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.refusals import refusals
from tsla.empirics.experiments.planner.regret import by_setting, cross_fitted, nearest
from tsla.empirics.statistics.intervals import student_t
from tsla.theory.constants import Array
from tsla.theory.testing.planted import Rejects

DROPS = (0, 2, 4, 8, 13, 20)
BEST = {"a": 4, "b": 13, "c": 0}
SEEDS = 12


def sweep(*, seeds: range = range(SEEDS), noise: float = 0.05, thetas: tuple[float, ...] = (0.3,)) -> pd.DataFrame:
    """Log losses that grow with the distance from the best drop epoch, and with a part that the arms of a seed share."""
    rng = np.random.default_rng(seeds.start)
    rows = []
    for (setting, best), seed in product(BEST.items(), seeds):
        shared = rng.normal()
        for theta, drop in product(thetas, DROPS):
            excess = 0.1 * abs(drop - best) + (theta - 0.3) ** 2 * (drop > 0)
            method = {0: "sgd", 20: "lsr"}.get(drop, "tsla")
            if method == "sgd" and theta != thetas[0]:
                continue
            arm = (setting, method, theta, 20 if method == "sgd" else drop, seed)
            rows.append((*arm, np.exp(shared + excess + noise * rng.normal()), 0.8 - 0.1 * excess + noise * rng.normal() / 10))
    return pd.DataFrame(rows, columns=["setting", "method", "theta", "drop", "seed", "test_loss", "test_accuracy"])


def choices(plan: Callable[[str], tuple[float, int]], rule: str = "planted") -> pd.DataFrame:
    lines = [(setting, seed, *plan(setting)) for setting, seed in product(BEST, range(SEEDS))]
    return pd.DataFrame(lines, columns=["setting", "seed", "theta", "drop"]).assign(rule=rule, kind="theory")


def perfect(setting: str) -> tuple[float, int]:
    return 0.3, BEST[setting]


def test_a_perfect_rule_has_no_regret_and_a_wrong_one_is_found_out() -> None:
    rules = pd.concat([choices(perfect, "perfect"), choices(lambda setting: (0.3, 8), "eight")])
    found = by_setting(sweep(), rules).set_index(["outcome", "setting", "rule"])
    assert len(found) == 2 * 3 * 2
    for setting, best in BEST.items():
        for outcome, unit in (("test_loss", 0.1), ("test_accuracy", 0.01)):
            right, wrong = found.loc[outcome, setting, "perfect"], found.loc[outcome, setting, "eight"]
            assert (right["regret"], right["low"], right["high"], right["seeds"]) == (0, 0, 0, SEEDS)
            assert 0 < wrong["low"] < unit * abs(8 - best) < wrong["high"]
            assert (wrong["drop"], wrong["kind"]) == (8, "theory")


def test_regret_is_that_of_the_logarithm_and_paired_by_seed() -> None:
    """The shared part of a seed, ten times as large as what drop epochs do, is not in the interval."""
    found = by_setting(sweep(noise=0), choices(lambda setting: (0.3, 20))).set_index(["outcome", "setting"])
    for setting, best in BEST.items():
        for outcome, unit in (("test_loss", 0.1), ("test_accuracy", 0.01)):
            line = found.loc[outcome, setting]
            assert line[["regret", "low", "high"]].to_numpy(dtype=float) == pytest.approx(unit * (20 - best))


def test_every_seed_has_its_own_plan() -> None:
    rules = choices(perfect)
    rules.loc[rules["seed"] == 5, "drop"] = 20
    line = by_setting(sweep(noise=0), rules).set_index(["outcome", "setting"]).loc["test_loss", "a"]
    expected = student_t([1.6 if seed == 5 else 0.0 for seed in range(SEEDS)])
    assert (line["regret"], line["low"], line["high"]) == pytest.approx(tuple(map(float, (expected.estimate, expected.low, expected.high))))
    assert line["drop"] == pytest.approx((11 * 4 + 20) / 12)


def test_strengths_are_arms_too() -> None:
    both = sweep(noise=0, thetas=(0.1, 0.3))
    found = by_setting(both, choices(lambda setting: (0.12, BEST[setting]))).set_index(["outcome", "setting"])["regret"]
    assert [found["test_loss", "a"], found["test_loss", "b"]] == pytest.approx([0.04, 0.04])
    assert found["test_loss", "c"] == 0  # who never smooths has no strength


def test_the_best_may_be_chosen_by_a_sweep_on_other_seeds() -> None:
    """Where the tuning seeds are misled, every rule looks better."""
    tuning = sweep(seeds=range(100, 105), noise=0)
    rules = choices(perfect)
    same = by_setting(sweep(noise=0), rules, tuning).set_index(["outcome", "setting"])["regret"]
    assert (same == 0).all()
    misled = tuning.assign(test_loss=tuning["test_loss"].where(tuning["method"] != "lsr", 1e-6))
    found = by_setting(sweep(noise=0), rules, misled).set_index(["outcome", "setting"])["regret"]
    assert found["test_loss", "a"] == pytest.approx(-1.6)
    assert found["test_accuracy", "a"] == 0


# --- the best of a sweep


def is_not_flattered(best: Callable[[Array], Array]) -> None:
    """Of arms that do not differ, none has a regret against the best."""
    rng = np.random.default_rng(0)
    regrets = []
    for _ in range(2000):
        grid = rng.normal(size=(6, 8))
        regrets.append(np.mean(grid[:, 0] - grid[np.arange(6), best(grid)]))
    interval = student_t(regrets, level=0.9999)
    assert interval.low < 0 < interval.high


def test_the_best_is_chosen_on_the_other_seeds() -> None:
    for seed in range(20):
        grid = np.random.default_rng(seed).normal(size=(5, 4))
        assert cross_fitted(grid).tolist() == [np.argmin(np.delete(grid, left_out, axis=0).mean(axis=0)) for left_out in range(5)]
    assert cross_fitted(np.zeros((3, 4))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("wrong", [lambda grid: np.full(len(grid), np.argmin(grid.mean(axis=0))), lambda grid: np.argmin(grid, axis=1)])
def test_the_best_is_not_flattered(wrong: Callable[[Array], Array], rejects: Rejects) -> None:
    rejects(is_not_flattered, right=cross_fitted, wrong=wrong)


ARMS = pd.DataFrame([(0.0, 0), (0.1, 2), (0.1, 20), (0.3, 2), (0.3, 6), (0.3, 20)], columns=["theta", "drop"])


@pytest.mark.parametrize(
    ("theta", "drop", "arm"),
    [
        (0.3, 6, 4),
        (0.3, 4, 3),  # as far from 2 as from 6
        (0.3, 5, 4),
        (0.3, 1, 0),
        (0.3, 13, 4),
        (0.3, 14, 5),
        (0.1, 10, 1),
        (0.2, 20, 2),  # as far from 0.1 as from 0.3
        (0.21, 20, 5),
        (1.0, 0, 0),
        (0.1, 6, 1),  # the strength counts first
    ],
)
def test_the_arm_next_to_a_plan(theta: float, drop: int, arm: int) -> None:
    assert nearest(ARMS, theta, drop) == arm


# --- refusals


def without(frame: pd.DataFrame, **where: object) -> pd.DataFrame:
    gone = np.all([frame[name] == value for name, value in where.items()], axis=0)
    return frame[~gone]


test_what_lacks = refusals(
    lambda change: by_setting(*change(sweep(noise=0), choices(perfect))),
    (lambda s, c: (without(s, setting="a", seed=3, drop=4), c, None), "test_loss of theta = 0.3, drop = 4, seed 3 must be finite"),
    (lambda s, c: (s.assign(test_loss=s["test_loss"].where(s["seed"] != 2)), c, None), "test_loss of .*, seed 2 must be finite"),
    (lambda s, c: (s.assign(test_loss=-s["test_loss"]), c, None), "test_loss = -.* must be a finite number above 0"),
    (lambda s, c: (pd.concat([s, s.iloc[:1]]), c, None), "setting = a, seed = 0, theta = 0.0, drop = 0 more than once"),
    (lambda s, c: (s, without(c, seed=7), None), "rule 'planted' has no plan for seed 7"),
    (lambda s, c: (s[s["seed"] == 0], c, None), "seeds = 1 must be at least 2"),
    (lambda s, c: (s, c, without(s, drop=4)), "tuning has other arms than the sweep"),
)
