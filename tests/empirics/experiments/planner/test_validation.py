"""A rule is better where settings that did not choose it say so, and nowhere else; document and resource say what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tsla.empirics.advice.plan import validation
from tsla.empirics.experiments.planner.rules import RULES
from tsla.empirics.experiments.planner.validation import validate, validated, write
from tsla.theory.testing.planted import Rejects

ROOT = Path(__file__).parents[4]
BUILDING, JUDGING = ("b0", "b1", "b2"), tuple(f"j{i}" for i in range(8))
NAIVE = {"never": 0.3, "always": 0.1}


def regrets(
    *, outcomes: tuple[str, ...] = ("test_loss",), building: Mapping[str, float], judging: Mapping[str, float], noise: float = 0.01
) -> pd.DataFrame:
    """Regrets by rule in the two kinds of settings, the naive rules' as in NAIVE."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"outcome": outcome, "setting": setting, "rule": rule, "kind": RULES[rule].kind, "regret": value + noise * rng.normal()}
            for outcome in outcomes
            for settings, values in ((BUILDING, building), (JUDGING, judging))
            for setting in settings
            for rule, value in {**NAIVE, **values}.items()
        ]
    )


GOOD = {"floor": 0.01, "delta": 0.2, "least test loss": 0.05}
LOST = {"floor": 0.12, "delta": 0.2, "least test loss": 0.15}


def test_a_rule_that_holds_up_is_better() -> None:
    found = validate(regrets(building=GOOD, judging=GOOD), BUILDING)
    assert (found["building"], found["judging"]) == (list(BUILDING), list(JUDGING))
    by_kind = {test["kind"]: test for test in found["tests"]}
    assert {kind: (test["rule"], test["naive"], test["better"]) for kind, test in by_kind.items()} == {
        "theory": ("floor", "always", True),
        "practice": ("least test loss", "always", True),
    }
    assert by_kind["theory"]["least"] < -0.09 < by_kind["theory"]["largest"] < 0
    (line,) = (line for line in found["rules"] if line["rule"] == "floor")
    assert line["least"] < 0.01 < line["largest"]


def chooses_on_the_building_settings(validate: Callable[[pd.DataFrame, tuple[str, ...]], Mapping[str, Any]]) -> None:
    """A rule that was good where it was chosen and is not elsewhere is found out; one that is good elsewhere only was not chosen."""
    found = validate(regrets(building={"floor": 0.01, "delta": 0.2}, judging={"floor": 0.12, "delta": 0.0}), BUILDING)
    (test,) = found["tests"]
    assert (test["rule"], test["naive"], test["better"]) == ("floor", "always", False)


def test_rules_are_chosen_on_the_building_settings(rejects: Rejects) -> None:
    rejects(chooses_on_the_building_settings, right=validate, wrong=lambda table, _: validate(table, JUDGING))


def test_the_naive_rule_is_chosen_on_the_building_settings_too() -> None:
    table = regrets(building=GOOD, judging={**GOOD, "never": 0.0})
    (first, _) = validate(table, BUILDING)["tests"]
    assert (first["naive"], first["better"]) == ("always", True)


def test_a_rule_is_better_on_each_setting_or_not_at_all() -> None:
    """Seven settings at which a rule is better do not outweigh one at which it is not: they may be of one data set."""
    table = regrets(building=GOOD, judging=GOOD)
    table.loc[(table["setting"] == "j7") & (table["rule"] == "floor"), "regret"] += 0.15
    (test, _) = validate(table, BUILDING)["tests"]
    differences = list(test["by_setting"].values())
    assert list(test["by_setting"]) == list(JUDGING)
    assert (test["difference"], test["least"], test["largest"]) == (pytest.approx(np.mean(differences)), min(differences), max(differences))
    assert test["difference"] < 0
    assert not test["better"]


def test_a_rule_that_is_equal_is_not_better() -> None:
    same = validate(regrets(building={"floor": 0.1}, judging={"floor": 0.1}, noise=0).assign(regret=0.1), BUILDING)["tests"][0]
    assert (same["difference"], same["better"]) == (0, False)


def test_every_outcome_and_kind_is_judged() -> None:
    found = validate(regrets(outcomes=("test_loss", "grad2"), building=GOOD, judging=GOOD), BUILDING)
    judged = [(test["outcome"], test["kind"]) for test in found["tests"]]
    assert judged == [("test_loss", "theory"), ("test_loss", "practice"), ("grad2", "theory"), ("grad2", "practice")]


@pytest.mark.parametrize("building", [(), ("elsewhere",), (*BUILDING, *JUDGING[1:])])
def test_settings_to_build_on_and_to_judge_by(building: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must leave at least 2 settings to judge by, and name one at least"):
        validate(regrets(building=GOOD, judging=GOOD), building)


# --- what is kept of it


def with_naive_rules(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "rules": [line for line in found["rules"] if line["kind"] == "naive"]}


def test_the_resource_is_what_the_record_says() -> None:
    kept, found = validation.read(), with_naive_rules(validated(ROOT / "records"))
    assert kept.keys() == found.keys()
    for name, value in found.items():
        assert kept[name] == ([_close(line) for line in value] if name in ("rules", "tests") else value)


def _close(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, (str, bool)) else pytest.approx(value) for name, value in line.items()}


def test_what_is_kept_can_be_read_again(tmp_path: Path) -> None:
    found = validate(regrets(building=GOOD, judging=LOST), BUILDING)
    write(found, tmp_path / "validation.json")
    kept = json.loads((tmp_path / "validation.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert kept == with_naive_rules(found)
    assert {line["rule"] for line in kept["rules"]} == set(NAIVE)


def test_a_rule_that_was_better_is_not_kept_from_the_user(tmp_path: Path) -> None:
    """`tsla plan` knows the naive rules alone, and says that none was better."""
    with pytest.raises(ValueError, match="floor was better than always for test_loss: `tsla plan` has to be taught it first"):
        write(validate(regrets(building=GOOD, judging=GOOD), BUILDING), tmp_path / "validation.json")
    assert not list(tmp_path.iterdir())
