"""The tables of ``docs/planner.md``, and what `tsla plan` knows of the rules; ``python -m`` this module writes both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsla.empirics.advice.plan import validation
from tsla.empirics.advice.plan.regret import OUTCOMES
from tsla.empirics.advice.plan.rules import RULES
from tsla.empirics.advice.plan.validation import amount
from tsla.empirics.experiments.study.scope import scope
from tsla.empirics.experiments.study.settings import SETTINGS
from tsla.empirics.runs import markdown, records
from tsla.theory.text import Json, number

RECORD = Path("planner.parquet")
"""Below ``records/``: the table of :func:`tsla.empirics.advice.plan.regret.by_setting`; its configuration names ``building``."""
DOCUMENT = Path("docs/planner.md")
BEGIN, END = "<!-- written by python -m tsla.empirics.experiments.planner_document -->", "<!-- end -->"


def tables(validated: Mapping[str, Any]) -> str:
    """A validation as Markdown."""
    parts = (
        ("Verdicts", verdicts(validated)),
        (f"Regrets on the {len(validated['judging'])} judging settings", regrets(validated)),
        ("Settings", f"Rules were chosen on: {_listed(validated['building'])}. {_judged(validated)}"),
    )
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def verdicts(validated: Mapping[str, Any]) -> str:
    """One line a test: the rule that the building settings chose, against the naive one that they chose."""
    lines = [
        (
            test["outcome"],
            test["kind"],
            test["rule"],
            test["naive"],
            amount(test, "difference", test["outcome"]),
            number(test["p"]),
            number(test["holm"]),
            "better" if test["better"] else "can't tell",
        )
        for test in validated["tests"]
    ]
    return markdown.table(("outcome", "kind", "rule", "best naive rule", "regret, less the naive one's", "p", "Holm", "verdict"), lines)


def regrets(validated: Mapping[str, Any]) -> str:
    """One line a rule and one column an outcome: mean regret over the judging settings, with its 95 % interval."""
    by_rule: dict[tuple[str, str], dict[str, str]] = {}
    for line in validated["rules"]:
        by_rule.setdefault((line["rule"], line["kind"]), {})[line["outcome"]] = amount(line, "regret", line["outcome"])
    outcomes = [name for name in OUTCOMES if any(name in cells for cells in by_rule.values())]
    lines = [(rule, kind, *(cells.get(name, "-") for name in outcomes)) for (rule, kind), cells in by_rule.items()]
    return markdown.table(("rule", "kind", *outcomes), lines)


def rules() -> str:
    """One line a rule: when it drops."""
    return markdown.table(("rule", "kind", "drops"), [(name, rule.kind, rule.drops) for name, rule in RULES.items()])


def _judged(validated: Mapping[str, Any]) -> str:
    return f"They were judged on: {_listed(validated['judging'])}. These are {validated['scope']}."


def _listed(settings: list[str]) -> str:
    return "; ".join(settings)


def validated(folder: Path = records.FOLDER) -> Json:
    """The validation by the record in a folder, with its ``scope``: in words, the settings that judged, for which alone it speaks."""
    record = records.read(folder / RECORD)
    found = validation.validate(record.table, record.config["configs"][0]["building"])
    return found | {"scope": scope([SETTINGS[name] for name in found["judging"]])}


def main() -> None:
    """Write both."""
    found = validated()
    validation.write(found)
    markdown.put(DOCUMENT, BEGIN, END, tables(found))


if __name__ == "__main__":
    main()
