"""Whether a rule can be trusted: chosen on some settings, put to the test on others, against the best naive rule."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan.regret import OUTCOMES
from tsla.empirics.advice.plan.rules import NAIVE
from tsla.empirics.runs.files import replacing
from tsla.empirics.statistics.intervals import Interval, holm, paired_p_value, student_t
from tsla.theory.text import Json

LEVEL = 0.05
"""Of the family of all tests: one for each outcome and kind of rule."""
RESOURCE = Path(__file__).with_name("validation.json")
"""What `tsla plan` knows of the rules, wherever it is called: written by ``python -m tsla.empirics.experiments.planner_document``."""


def validate(regrets: pd.DataFrame, building: Collection[str]) -> Json:
    """From the table of :func:`tsla.empirics.advice.plan.regret.by_setting`, of which the settings ``building`` chose among the rules.

    For each outcome the best naive rule, and of each other kind the best rule, are those of least mean regret over ``building``. On the
    other settings, the unit of all intervals here, they are judged: by their regret less that of the naive rule, paired by setting, with
    p-values adjusted by Holm over all these tests. A rule that some setting lacks is left out. Result::

        {"building": [settings], "judging": [settings],
         "rules": [{"outcome", "rule", "kind", "building": regret there, "regret", "low", "high"}],
         "tests": [{"outcome", "kind", "rule", "naive", "difference", "low", "high", "p", "holm", "better"}]}

    "better": less regret than the naive rule, established at LEVEL. Raises ValueError for no building settings, or fewer than 2 others.
    """
    used = regrets["setting"].isin(building)
    judging = regrets[~used]
    settings = list(judging["setting"].unique())
    if not used.any() or len(settings) < 2:
        raise ValueError(f"building = {sorted(building)} must leave at least 2 settings to judge by, and name one at least")
    rules: list[Json] = []
    tests: list[Json] = []
    for outcome, rows in regrets.groupby("outcome", sort=False):
        by_rule = {
            (str(kind), str(rule)): group.set_index("setting")["regret"]
            for (kind, rule), group in rows.groupby(["kind", "rule"], sort=False)
            if set(group["setting"]) == set(rows["setting"])
        }
        built = {key: float(values[values.index.isin(building)].mean()) for key, values in by_rule.items()}
        judged = {key: values.loc[settings].to_numpy(dtype=np.float64) for key, values in by_rule.items()}
        for (kind, rule), values in judged.items():
            line = {"outcome": outcome, "rule": rule, "kind": kind, "building": built[kind, rule]}
            rules.append(line | _numbers("regret", student_t(values)))
        best = {kind: min((key for key in built if key[0] == kind), key=built.__getitem__) for kind, _ in built}
        for kind, key in best.items():
            if kind != NAIVE:
                differences = judged[key] - judged[best[NAIVE]]
                line = {"outcome": outcome, "kind": kind, "rule": key[1], "naive": best[NAIVE][1], "p": float(paired_p_value(differences))}
                tests.append(line | _numbers("difference", student_t(differences)))
    for test, adjusted in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test |= {"holm": float(adjusted), "better": bool(adjusted <= LEVEL and test["difference"] < 0)}
    return {"building": list(regrets["setting"][used].unique()), "judging": settings, "rules": rules, "tests": tests}


def recommended(validation: Mapping[str, Any], outcome: str) -> tuple[Json, Json | None]:
    """The rule to use for an outcome, as its entry of "rules", and the test that it passed; None where the best naive rule has to do."""
    tests = [test for test in validation["tests"] if test["outcome"] == outcome]
    if not tests:
        known = ", ".join(dict.fromkeys(test["outcome"] for test in validation["tests"]))
        raise ValueError(f"outcome = {outcome!r} has not been validated; must be one of {known}")
    passed = min((test for test in tests if test["better"]), key=lambda test: float(test["difference"]), default=None)
    name = tests[0]["naive"] if passed is None else passed["rule"]
    return next(line for line in validation["rules"] if (line["outcome"], line["rule"]) == (outcome, name)), passed


def amount(line: Mapping[str, Any], name: str, outcome: str) -> str:
    """``1.20 % [0.40, 2.00]``: of a loss per cent, which small differences of logarithms are; of an accuracy points."""
    unit = "%" if OUTCOMES[outcome].logarithm else "points"
    value, low, high = (f"{100 * line[key]:.2f}" for key in (name, "low", "high"))
    return f"{value} {unit} [{low}, {high}]"


def write(validation: Mapping[str, Any], path: Path = RESOURCE) -> None:
    """Keep a validation where `tsla plan` finds it."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(validation, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path = RESOURCE) -> Json | None:
    """The validation; None where there is none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _numbers(name: str, interval: Interval) -> dict[str, float]:
    return {name: float(interval.estimate), "low": float(interval.low), "high": float(interval.high)}
