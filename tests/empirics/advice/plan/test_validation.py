"""A rule is recommended where settings that did not choose it say so, and nowhere else; document and resource say what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from tests.empirics.advice.plan.made_up import BUILDING, GOOD, JUDGING, regrets
from tests.planted import assert_rejects
from tsla.empirics.advice.plan import validation
from tsla.empirics.advice.plan.regret import OUTCOMES
from tsla.empirics.advice.plan.validation import recommended, validate
from tsla.empirics.experiments import planner_document as documents

ROOT = Path(__file__).parents[4]


def test_a_rule_that_holds_up_is_recommended() -> None:
    found = validate(regrets(building=GOOD, judging=GOOD), BUILDING)
    assert (found["building"], found["judging"]) == (list(BUILDING), list(JUDGING))
    by_kind = {test["kind"]: test for test in found["tests"]}
    assert {kind: (test["rule"], test["naive"], test["better"]) for kind, test in by_kind.items()} == {
        "theory": ("floor", "always", True),
        "practice": ("least test loss", "always", True),
    }
    assert by_kind["theory"]["low"] < -0.09 < by_kind["theory"]["high"] < 0
    line, passed = recommended(found, "test_loss")
    assert (line["rule"], passed) == ("floor", by_kind["theory"])
    assert line["low"] < 0.01 < line["high"]


def chooses_on_the_building_settings(validate: Callable[[pd.DataFrame, tuple[str, ...]], Mapping[str, Any]]) -> None:
    """A rule that was good where it was chosen and is not elsewhere is found out; one that is good elsewhere only was not chosen."""
    found = validate(regrets(building={"floor": 0.01, "delta": 0.2}, judging={"floor": 0.12, "delta": 0.0}), BUILDING)
    (test,) = found["tests"]
    assert (test["rule"], test["naive"], test["better"]) == ("floor", "always", False)
    line, passed = recommended(found, "test_loss")
    assert (line["rule"], passed) == ("always", None)
    assert 0.08 < line["regret"] < 0.12


def test_rules_are_chosen_on_the_building_settings() -> None:
    chooses_on_the_building_settings(validate)


def test_planted_choice_on_the_judging_settings_is_rejected() -> None:
    def swapped(table: pd.DataFrame, building: tuple[str, ...]) -> Mapping[str, Any]:
        return validate(table, JUDGING) if building == BUILDING else validate(table, BUILDING)

    assert_rejects(chooses_on_the_building_settings, swapped)


def test_the_naive_rule_is_chosen_on_the_building_settings_too() -> None:
    table = regrets(building=GOOD, judging={**GOOD, "never": 0.0})
    (first, _) = validate(table, BUILDING)["tests"]
    assert (first["naive"], first["better"]) == ("always", True)


def test_a_difference_within_chance_is_none() -> None:
    found = validate(regrets(building=GOOD, judging={**GOOD, "floor": 0.095, "least test loss": 0.095}, noise=0.1), BUILDING)
    assert not any(test["better"] for test in found["tests"])
    same = validate(regrets(building={"floor": 0.1}, judging={"floor": 0.1}, noise=0).assign(regret=0.1), BUILDING)["tests"][0]
    assert (same["difference"], same["p"], same["better"]) == (0, 1, False)


def test_tests_are_adjusted_over_all_outcomes_and_kinds() -> None:
    table = regrets(outcomes=("test_loss", "grad2", "test_accuracy"), building=GOOD, judging=GOOD, noise=0.2)
    found = validate(table, BUILDING)
    assert len(found["tests"]) == 6
    test = found["tests"][3]
    rows = table[(table["outcome"] == test["outcome"]) & table["setting"].isin(JUDGING)].set_index("rule")["regret"]
    assert test["p"] == pytest.approx(stats.ttest_rel(rows[test["rule"]], rows[test["naive"]]).pvalue)
    smallest = min(found["tests"], key=lambda test: test["p"])
    assert smallest["holm"] == pytest.approx(min(6 * smallest["p"], 1))


def test_a_rule_that_some_setting_lacks_is_left_out() -> None:
    table = regrets(building=GOOD, judging=GOOD)
    table = table[(table["rule"] != "floor") | (table["setting"] != "j1")]
    assert [test["rule"] for test in validate(table, BUILDING)["tests"]] == ["delta", "least test loss"]


@pytest.mark.parametrize("building", [(), ("elsewhere",), (*BUILDING, *JUDGING[1:])])
def test_settings_to_build_on_and_to_judge_by(building: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must leave at least 2 settings to judge by, and name one at least"):
        validate(regrets(building=GOOD, judging=GOOD), building)


def test_an_outcome_that_was_not_validated() -> None:
    with pytest.raises(ValueError, match="outcome = 'grad2' has not been validated; must be one of test_loss"):
        recommended(validate(regrets(building=GOOD, judging=GOOD), BUILDING), "grad2")


# --- what is kept of it


def test_the_resource_is_the_validation(tmp_path: Path) -> None:
    found = validate(regrets(building=GOOD, judging=GOOD), BUILDING)
    assert validation.read(tmp_path / "none.json") is None
    validation.write(found, tmp_path / "validation.json")
    assert validation.read(tmp_path / "validation.json") == found
    assert json.loads((tmp_path / "validation.json").read_text(encoding="utf-8"), parse_constant=pytest.fail) == found


def test_the_tables_of_the_document() -> None:
    document = (ROOT / documents.DOCUMENT).read_text(encoding="utf-8")
    assert documents.rules() in document
    found = validate(regrets(outcomes=tuple(OUTCOMES), building=GOOD, judging=GOOD), BUILDING) | {"scope": "networks on data"}
    written = documents.tables(found)
    test = found["tests"][0]
    difference = f"{100 * test['difference']:.2f} % [{100 * test['low']:.2f}, {100 * test['high']:.2f}]"
    assert f"| {test['outcome']} | theory | floor | always | {difference} |" in written
    assert written.count("| better |") == 8
    assert "| rule | kind | train_loss | grad2 | test_loss | test_accuracy |" in written
    assert "points [" in written
    assert "judged on: j0; j1" in written
    assert "These are networks on data." in written
