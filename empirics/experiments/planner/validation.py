"""Whether a rule can be trusted: chosen on some settings, put to the test on others, against the best naive rule.

What varies independently is the data set, and the settings that judge are of two. No interval and no test can be had from two, so that the
settings are shown one by one and in their range, and a rule counts as better only where it is so on each of them.

``python -m`` this module writes, from the record ``planner``, what `tsla plan` knows of the rules.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan.validation import RESOURCE
from tsla.empirics.experiments.planner.rules import NAIVE
from tsla.empirics.experiments.study.scope import scope
from tsla.empirics.experiments.study.settings import SETTINGS
from tsla.empirics.runs import records
from tsla.empirics.runs.files import write_text
from tsla.theory.constants import Array
from tsla.theory.text import Json


def validate(regrets: pd.DataFrame, building: Collection[str]) -> Json:
    """From the table of :func:`tsla.empirics.experiments.planner.regret.by_setting`; the settings ``building`` chose among the rules.

    For each outcome the best naive rule, and of each other kind the best rule, are those of least mean regret over ``building``. On the
    other settings they are judged, by their regret less that of the naive rule. Result::

        {"building": [settings], "judging": [settings],
         "rules": [{"outcome", "rule", "kind", "building": mean regret there, "regret", "least", "largest"}],
         "tests": [{"outcome", "kind", "rule", "naive", "difference", "least", "largest", "by_setting": {setting: difference}, "better"}]}

    "regret" and "difference" are means over the judging settings, "least" and "largest" the ends of their range there. "better": less
    regret than the naive rule on each judging setting. Raises ValueError for no building settings, or fewer than 2 others.
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
        }
        built = {key: float(values[values.index.isin(building)].mean()) for key, values in by_rule.items()}
        judged = {key: values.loc[settings].to_numpy(dtype=np.float64) for key, values in by_rule.items()}
        for (kind, rule), values in judged.items():
            line = {"outcome": outcome, "rule": rule, "kind": kind, "building": built[kind, rule]}
            rules.append(line | _range("regret", values))
        best = {kind: min((key for key in built if key[0] == kind), key=built.__getitem__) for kind, _ in built}
        for kind, key in best.items():
            if kind != NAIVE:
                differences = judged[key] - judged[best[NAIVE]]
                line = {"outcome": outcome, "kind": kind, "rule": key[1], "naive": best[NAIVE][1]} | _range("difference", differences)
                by_setting = dict(zip(settings, map(float, differences), strict=True))
                tests.append(line | {"by_setting": by_setting, "better": bool((differences < 0).all())})
    return {"building": list(regrets["setting"][used].unique()), "judging": settings, "rules": rules, "tests": tests}


def validated(folder: Path = records.FOLDER) -> Json:
    """The validation by the record in a folder, with the settings that judged, for which alone it speaks.

    ``scope`` has them in words, and ``data`` their data sets.
    """
    record = records.of(folder, "planner")
    found = validate(record.table, record.config["configs"][0]["building"])
    settings = [SETTINGS[name] for name in found["judging"]]
    return found | {"scope": scope(settings), "data": list(dict.fromkeys(setting.data for setting in settings))}


def write(validation: Mapping[str, Any], path: Path = RESOURCE) -> None:
    """Keep the tests and the naive rules where `tsla plan` finds them; it knows no others, so that one which was better is refused."""
    for test in validation["tests"]:
        if test["better"]:
            raise ValueError(f"{test['rule']} was better than {test['naive']} for {test['outcome']}: `tsla plan` has to be taught it first")
    kept = {**validation, "rules": [line for line in validation["rules"] if line["kind"] == NAIVE]}
    write_text(path, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def _range(name: str, values: Array) -> dict[str, float]:
    return {name: float(values.mean()), "least": float(values.min()), "largest": float(values.max())}


if __name__ == "__main__":
    write(validated())
