"""The tables of ``docs/planner.md``: what the rules are worth; the rules one by one in long tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsla.empirics.advice.plan.validation import OUTCOMES, amount
from tsla.empirics.experiments.planner.rules import RULES
from tsla.empirics.experiments.planner.validation import validated
from tsla.figures import markdown
from tsla.figures.documents.findings import commands
from tsla.figures.documents.table import Table, of_records


def tables(folder: Path) -> tuple[str]:
    """How the rules were judged."""
    found = validated(folder)
    parts = (
        ("Verdicts", _verdicts(found)),
        ("Regret less that of the best naive rule, by setting", _by_setting(found)),
        ("Settings", markdown.paragraph(f"Rules were chosen on: {'; '.join(found['building'])}. {_judged(found)}")),
        ("Long tables", commands("planner", LONG)),
    )
    return (markdown.sections(parts),)


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


def _judged(found: Mapping[str, Any]) -> str:
    return f"They were judged on: {'; '.join(found['judging'])}. These are {found['scope']}."


def _rules() -> Table:
    """One line a rule: when it drops."""
    return Table(("rule", "kind", "drops"), [(name, rule.kind, rule.drops) for name, rule in RULES.items()])


def _regrets(found: Mapping[str, Any]) -> Table:
    """One line a rule and outcome: mean regret over the judging settings, with its range there."""
    columns = ("rule", "kind", "outcome", "regret", "least", "largest")
    return Table(columns, [tuple(line[name] for name in columns) for line in found["rules"]])


LONG = of_records(
    validated,
    {
        "rules": ("the rules, and when each of them drops", lambda _: _rules()),
        "regrets": ("mean regret of each rule over the settings that judge, with its range there", _regrets),
    },
)
"""Long tables by name."""
