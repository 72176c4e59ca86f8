"""Verdicts from findings whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tsla.empirics.experiments.study import arms, verdicts
from tsla.empirics.experiments.study.findings import CANT_TELL, NO_BENEFIT, OPEN, REFUTED, SUPPORTED, Finding
from tsla.empirics.experiments.study.runs import tuning_parts
from tsla.empirics.experiments.study.settings import DECAYED, SETTINGS, Setting
from tsla.empirics.experiments.study.third import EVERY, PARTS, THETAS
from tsla.empirics.experiments.study.verdicts import MIXED
from tsla.empirics.training.configuration import TrainingConfig


def finding(mean: float, p: float, *, spread: float = 1e-4, eta: float = 0.1) -> Finding:
    return Finding("E3", "mlp, digits, 20 % noise", "a less b", mean + spread * np.linspace(-1, 1, 10), (0.2, eta), p / 2, adjusted=p)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([finding(0.02, 0.001)] * 3 + [finding(0.0, 0.9)] * 2, SUPPORTED),
        ([finding(0.02, 0.001)] * 4 + [finding(-0.02, 0.001)], MIXED),
        ([finding(-0.02, 0.001)] * 3 + [finding(0.0, 0.9)] * 2, REFUTED),
        ([finding(0.0, 0.9)] * 5, NO_BENEFIT),
        ([finding(0.0, 0.9, spread=0.1)] * 5, MIXED),
        ([finding(0.02, 0.2)] * 5, MIXED),
        ([finding(0.02, 0.001)] * 2 + [finding(0.0, 0.9)] * 3, MIXED),
    ],
)
def test_verdict(found: list[Finding], expected: str) -> None:
    assert verdicts.verdict("E3", found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (finding(0.02, 0.001), SUPPORTED),
        (finding(0.02, 0.06), OPEN),
        (finding(-0.02, 0.001), REFUTED),
        (finding(0.0, 0.9), NO_BENEFIT),
        (finding(-0.02, 0.9), NO_BENEFIT),
        (finding(0.02, 0.001, spread=0.0), SUPPORTED),
        (finding(0.02, 0.001, spread=0.1), CANT_TELL),
        (finding(0.02, 0.001, eta=0.025), CANT_TELL),
        (finding(0.02, 0.001, eta=1.6), CANT_TELL),
    ],
)
def test_the_word_for_a_setting(found: Finding, expected: str) -> None:
    assert found.word == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (finding(0.02, 0.001), ""),
        (finding(-0.002, 0.001), "by less than matters"),
        (finding(0.0048, 0.001, spread=1e-3), ""),  # its interval ends beyond 0.005
        (finding(0.02, 0.001, eta=1.6), "yet significantly in favour"),
        (finding(-0.2, 0.001, spread=0.1), "yet significantly against"),
        (finding(-0.2, 0.06, spread=0.1), ""),
        (finding(0.0, 0.9), ""),
    ],
)
def test_what_a_word_would_hide_is_said_beside_it(found: Finding, expected: str) -> None:
    assert found.aside == expected


def test_the_effect_is_positive_in_favour() -> None:
    assert finding(0.02, 0.01).effect > 0
    assert replace(finding(-0.02, 0.01), claim="E2").effect > 0


def test_every_arm_is_a_run_that_can_be_made() -> None:
    for setting in EVERY.values():
        for name in arms.arms(setting):
            made = TrainingConfig(**arms.config(setting, name, setting.etas[0], seed=0))
            assert (made.model, made.step_sizes) == (setting.model, setting.decay)


@pytest.mark.parametrize("settings", [SETTINGS, DECAYED])
def test_tuning_gives_every_arm_the_same_budget(settings: Mapping[str, Setting]) -> None:
    parts = tuning_parts(settings)
    assert {part["setting"] for part in parts} == set(settings)
    for name, setting in settings.items():
        runs = [tuple(run) for part in parts if part["setting"] == name for run in part["runs"]]
        assert len(runs) == len(set(runs)) == len(arms.arms(setting)) * len(setting.etas)
        assert all(tuple(part["seeds"]) == setting.tuning_seeds for part in parts if part["setting"] == name)


@pytest.mark.parametrize("part", PARTS)
def test_every_family_of_the_third_round_is_tuned_by_as_many_runs(part: str) -> None:
    for setting in PARTS[part]:
        budgets = [(cells, seeds) for cells, seeds in arms.searched(setting)]
        assert {len(cells) * len(seeds) for cells, seeds in budgets} == {setting.search.runs if setting.search else 0}
        assert all(len(cells) == len(set(cells)) for cells, _ in budgets)
        drawn = {arm for cells, _ in budgets for arm, _ in cells}
        assert {f"lsr-{theta}" for theta in THETAS} < drawn, "E4 compares at the θ of the best arm that drops"
