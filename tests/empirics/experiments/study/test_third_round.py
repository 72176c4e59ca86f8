"""The third round on runs that are made up: whatever settings there are, families, and predictions in worlds where they are true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tsla.empirics.experiments.study import predictions, third_verdicts
from tsla.empirics.experiments.study.findings import Finding, Runs
from tsla.empirics.experiments.study.outcomes import tuned
from tsla.empirics.experiments.study.predictions import CONFIRMED, HOLDS, MAJORITY, NOT_CONFIRMED, NOT_DECIDED, PREDICTED
from tsla.empirics.experiments.study.settings import Setting
from tsla.empirics.experiments.study.third import EVERY, PARTS
from tsla.empirics.experiments.study.third_verdicts import PLANNED, UNTUNED, by_setting, found, load
from tsla.empirics.experiments.study.words import NOT_RUN
from tsla.empirics.statistics.intervals import holm
from tsla.theory.testing.planted import Rejects

ROWS = 6
MLP = "mlp, digits, 0 % noise, momentum, weight decay, step decay"


@pytest.fixture(scope="module")
def third(third_round: Path) -> Runs:
    return load(third_round / "records")


@pytest.fixture(scope="module")
def findings(third: Runs) -> list[Finding]:
    return found(third)


def test_all_rows_at_all_settings(findings: list[Finding]) -> None:
    pairs = [(one.claim, one.setting) for one in findings]
    tuned_ones = [pair for pair in pairs if pair[1] not in UNTUNED]
    assert len(tuned_ones) == len(set(tuned_ones)) == ROWS * sum(map(len, PARTS.values()))
    assert {claim for claim, setting in pairs if setting in UNTUNED} == {"E1", "E2", "E2 by accuracy", "E3", "E4"}


def families_are_of_a_schedule_and_a_noise(group_of: Callable[[Setting], object], *, findings: list[Finding]) -> None:
    groups: dict[object, list[Finding]] = {}
    for one in findings:
        groups.setdefault(group_of(EVERY[one.setting]), []).append(one)
    for own in groups.values():
        assert [one.adjusted for one in own] == pytest.approx(holm([one.p for one in own]))


def test_families(findings: list[Finding], rejects: Rejects) -> None:
    check = partial(families_are_of_a_schedule_and_a_noise, findings=findings)
    rejects(check, right=lambda setting: (setting.decay, setting.label_noise), wrong=lambda setting: setting.decay)


@pytest.mark.parametrize("lacking", ["tuning", "runs", "paths"])
def test_a_setting_that_a_record_lacks_is_said_not_to_be_run(lacking: str, third: Runs, findings: list[Finding]) -> None:
    table = getattr(third, lacking)
    some = replace(third, **{lacking: table[table["setting"] != MLP]})
    left = found(some)
    rows = {one.claim for one in left if one.setting == MLP}
    assert rows == ({"E1"} if lacking != "paths" else {"E2", "E2 by accuracy", "E3", "E4", "E5"})
    claim = "E1" if lacking == "paths" else "E3"
    (not_run,) = [where for *_, word, where in by_setting(claim, left) if word == NOT_RUN]
    assert not_run == "MLP-64 on digits (step decay of the step size, no wrong labels)"
    assert NOT_RUN not in {word for *_, word, _ in by_setting(claim, findings)}
    assert len([one for one in predictions.found(some) if one.setting == MLP]) < len(PREDICTED)


def test_without_any_record_all_settings_are_not_run(tmp_path: Path) -> None:
    nothing = load(tmp_path)
    assert found(nothing) == predictions.found(nothing) == []
    assert {word for claim in ("E1", "E2", "E3", "E4", "E5") for *_, word, _ in by_setting(claim, [])} == {NOT_RUN}
    assert predictions.decided("P1", []) == NOT_DECIDED


# --- predictions


def true_world(third: Runs) -> Runs:
    """Smoothing costs F where the step size falls, dropping it does not; both by accuracy too; and C12's condition holds at the start."""
    runs, falls = third.runs.copy(), third.runs["setting"].str.endswith("step decay") & third.runs["setting"].str.startswith("mlp")
    smoothed, dropped = (runs["arm"].str.startswith(family) for family in ("lsr", "tsla"))
    runs["loss"] += 1.0 * (falls & smoothed) - 0.5 * (falls & dropped)
    runs["accuracy"] += 0.5 * (falls & dropped)
    early = third.paths["rate"] == third.paths["eta"]
    return replace(third, runs=runs, paths=third.paths.assign(eta_L=np.where(early, 10.0, 1e-6)))


def world_is_as_predicted(sign: int, *, prediction: str, third: Runs) -> None:
    """``sign``: which way the difference goes in it."""
    own = [one for one in predictions.found(true_world(third)) if one.claim == prediction]
    assert all(np.sign(one.interval.estimate) == sign for one in own)
    assert {predictions.at_setting(one) for one in own} == {HOLDS}
    if prediction in predictions.TESTED:
        assert predictions.decided(prediction, own) == CONFIRMED
        assert predictions.decided(prediction, own[:5]) == NOT_DECIDED


@pytest.mark.parametrize("prediction", PREDICTED)
def test_predictions_hold_where_they_are_true(prediction: str, third: Runs, rejects: Rejects) -> None:
    rejects(partial(world_is_as_predicted, prediction=prediction, third=third), right=PREDICTED[prediction], wrong=-PREDICTED[prediction])


def test_a_prediction_with_one_setting_the_other_way_is_not_confirmed(third: Runs) -> None:
    own = [one for one in predictions.found(true_world(third)) if one.claim == "P1"]
    turned = [replace(own[0], differences=-own[0].differences), *own[1:]]
    assert predictions.decided("P1", turned) == NOT_CONFIRMED
    assert predictions.at_setting(turned[0]) == predictions.FAILS


def test_the_condition_of_c12_is_counted_by_epochs_on_either_side_of_the_first_decay(third: Runs) -> None:
    (one,) = [one for one in predictions.found(true_world(third)) if one.claim == "P4" and one.setting == MLP]
    path = third.paths[(third.paths["setting"] == MLP) & (third.paths["arm"] == "none")].dropna(subset="s2")
    # 10/(1-0.9) times the gain of a batch of 16 is above the bias at every epoch before the decay, and 1e-6 of it is below, after it
    assert one.differences == pytest.approx(-np.ones(path["seed"].nunique()))
    assert tuned(third.tuning, MLP, "none", "accuracy").eta == pytest.approx(path["eta"].unique()[0])
    assert set(third_verdicts.at(third, MLP).paths["setting"]) == {MLP} <= set(PLANNED)


def p4_of(eta_L: float, third: Runs) -> Finding:
    """At MLP, where the largest curvature times the step size is this before the first decay."""
    early = third.paths["rate"] == third.paths["eta"]
    some = replace(third, paths=third.paths.assign(eta_L=np.where(early, eta_L, 1e-6)))
    (one,) = [one for one in predictions.found(some) if one.claim == "P4" and one.setting == MLP]
    return one


def test_momentum_makes_the_step_of_c12_s_condition_longer(third: Runs) -> None:
    """The condition begins between 0.09 and 0.17 at these moments; the momentum is 0.9."""
    assert p4_of(0.05, third).differences == pytest.approx(-1)
    assert p4_of(0.005, third).differences == pytest.approx(0)


def test_as_many_settings_as_the_rule_asks_for_confirm_a_prediction(third: Runs) -> None:
    own = [one for one in predictions.found(true_world(third)) if one.claim == "P1"]
    for enough, verdict in ((MAJORITY, CONFIRMED), (MAJORITY - 1, NOT_CONFIRMED)):
        undecided = [replace(one, adjusted=1.0) for one in own[enough:]]
        assert predictions.decided("P1", [*own[:enough], *undecided]) == verdict
