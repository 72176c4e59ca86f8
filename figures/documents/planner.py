"""The tables of ``docs/planner.md``: the rules, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsla.empirics.advice.plan.validation import OUTCOMES, amount
from tsla.empirics.experiments.planner.rules import RULES
from tsla.empirics.experiments.planner.validation import validated
from tsla.figures import markdown


def tables(folder: Path) -> tuple[str, str]:
    """The rules, and how they were judged."""
    found = validated(folder)
    parts = (
        ("Verdicts", _verdicts(found)),
        ("Regret less that of the best naive rule, by setting", _by_setting(found)),
        (f"Regrets on the {len(found['judging'])} judging settings", _regrets(found)),
        ("Settings", markdown.paragraph(f"Rules were chosen on: {'; '.join(found['building'])}. {_judged(found)}")),
    )
    return _rules(), markdown.sections(parts)


def _verdicts(found: Mapping[str, Any]) -> str:
    """One line a test: the rule that the building settings chose, against the naive one that they chose."""
    lines = [
        (
            test["outcome"],
            test["kind"],
            test["rule"],
            test["naive"],
            amount(test, "difference", test["outcome"]),
            f"{sum(value < 0 for value in test['by_setting'].values())} of {len(test['by_setting'])}",
            "better on each" if test["better"] else "can't tell",
        )
        for test in found["tests"]
    ]
    return markdown.table(("outcome", "kind", "rule", "best naive rule", "regret, less the naive one's", "less on", "verdict"), lines)


def _by_setting(found: Mapping[str, Any]) -> str:
    """One line a judging setting and one column a test."""
    tests = found["tests"]
    titles = [f"{test['outcome']}, {OUTCOMES[test['outcome']]}: {test['rule']} less {test['naive']}" for test in tests]
    lines = [(setting, *(f"{100 * test['by_setting'][setting]:.2f}" for test in tests)) for setting in found["judging"]]
    return markdown.table(("setting", *titles), lines)


def _regrets(found: Mapping[str, Any]) -> str:
    """One line a rule and one column an outcome: mean regret over the judging settings, with their range."""
    by_rule: dict[tuple[str, str], dict[str, str]] = {}
    for line in found["rules"]:
        by_rule.setdefault((line["rule"], line["kind"]), {})[line["outcome"]] = amount(line, "regret", line["outcome"])
    outcomes = [name for name in OUTCOMES if any(name in cells for cells in by_rule.values())]
    lines = [(rule, kind, *(cells.get(name, "-") for name in outcomes)) for (rule, kind), cells in by_rule.items()]
    return markdown.table(("rule", "kind", *outcomes), lines)


def _rules() -> str:
    """One line a rule: when it drops."""
    return markdown.table(("rule", "kind", "drops"), [(name, rule.kind, rule.drops) for name, rule in RULES.items()])


def _judged(found: Mapping[str, Any]) -> str:
    return f"They were judged on: {'; '.join(found['judging'])}. These are {found['scope']}."
