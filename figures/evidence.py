"""What the tests of a claim found, and what follows from it: the verdict, where that holds, and how near the bound is come to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tsla.empirics.runs.records import FOLDER
from tsla.theory.claims import BY_ID, GAIN, KINDS, LONG_STEP, STEP, Claim
from tsla.theory.text import listed

Settings = Sequence[tuple[str, str, str, str]]
Table = tuple[str, Sequence[Sequence[str]]]
"""A caption, and lines of cells of which the first is the head."""
Evidence = Mapping[str, Any]
"""``{"id", "kind", "planted", "test", "passed"}`` and what the test said besides:

finding:    sentences
verdict:    a word other than "supported"
settings:   of training in place of a verdict: a round with what all of its settings share, what a group of them shares, a word of the
            study's plan, and those that it is said of
tightness:  the part of the bound that is reached, by its name in ``REACHED``
headline:   the claim's number in the overview, where that is no part of a bound
tables:     of measured numbers, see ``Table``
"""


EVIDENCE = FOLDER / "evidence.json"
FOUND = frozenset({"id", "kind", "planted", "test", "passed"})
"""What every finding of the evidence has."""
WORDS = {
    "composite": "proved",
    "algebra": "steps proved",
    "worst case": "upper certificate",
    "measurement": "supported",
}
"""What the best kind of evidence for a claim says of it, the best first; other kinds are ``INSTANCES``."""
INSTANCES = "instances"
UNDECIDED = "not decided here"
FAILING = "**failing**"
BY_SETTING = "by setting"
"""Of training, where each word holds on its own settings."""
NEAREST, WORST, PLAN = REACHED = ("nearest instance", "worst case", "own plan")
"""Where it is looked for how much of a bound is reached."""
SYMBOLS = {STEP: "η ≤ 1/L", LONG_STEP: "η < 2/L", GAIN: "δ < 1"}


def scoped(claim: str, settings: Settings) -> None:
    """Raises ValueError where a claim about training has no settings, or a word has none: what came out on some is not known of others."""
    of_training = claim in BY_ID and BY_ID[claim].of_training
    if of_training and not (settings and all(where.strip() for *_, where in settings)):
        raise ValueError(f"settings of the verdict on {claim} are missing; each word must name those that it was found on")


def of(claim: Claim, evidence: Iterable[Evidence]) -> list[Evidence]:
    """What there is on one claim, the best kind of evidence first."""
    return sorted((row for row in evidence if row["id"] == claim.id), key=lambda row: KINDS.index(row["kind"]))


def verdict(rows: Sequence[Evidence]) -> str:
    """Of one claim's evidence: a failed test is failing; a verdict that a test reports outranks proof; else the best kind decides.

    Raises ValueError where :func:`scoped` does.
    """
    direct = [row for row in rows if not row["planted"]]
    if not all(row["passed"] for row in rows):
        return FAILING
    if not direct:
        return UNDECIDED
    for row in direct:
        scoped(row["id"], row.get("settings", []))
    if any("settings" in row for row in direct):
        return BY_SETTING
    found = {row.get("verdict", "supported") for row in direct} - {"supported"}
    if found:
        return " / ".join(sorted(found))
    kinds = {row["kind"] for row in direct}
    return next((word for kind, word in WORDS.items() if kind in kinds), INSTANCES)


def scope(claim: Claim, word: str) -> str:
    """Where the verdict holds, as the end of a sentence."""
    if word in ("proved", "steps proved"):
        assumed = [SYMBOLS.get(one, one) for one in claim.assumes]
        holds = f"wherever {listed(assumed)} {'holds' if len(assumed) == 1 else 'hold'}" if assumed else ""
        return holds or "with nothing assumed but the notation"
    return {
        INSTANCES: "on the instances that were tried",
        WORDS["worst case"]: "in runs of a few steps",
        BY_SETTING: "and on no settings but those named below",
        UNDECIDED: "for want of evidence",
    }.get(word, "as far as the evidence below reaches")


def tightness(rows: Iterable[Evidence]) -> dict[str, float]:
    """The part of the bound that is reached, by where that was looked for (``REACHED``): the largest of each."""
    found = [row["tightness"] for row in rows if "tightness" in row]
    return {name: max(one[name] for one in found if name in one) for name in REACHED if any(name in one for one in found)}


def findings(rows: Iterable[Evidence]) -> dict[str, list[str]]:
    """Kind of evidence -> what its tests found, in sentences, each once; empty where none says anything."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if not row["planted"]:
            said, text = found.setdefault(row["kind"], []), row.get("finding", "")
            if text and text not in said:
                said.append(text)
    return found


def settings(rows: Iterable[Evidence]) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Round of a study -> what a group of its settings shares -> each word with the settings that it is said of."""
    rounds: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for of_round, group, word, where in (line for row in rows for line in row.get("settings", [])):
        rounds.setdefault(of_round, {}).setdefault(group, []).append((word, where))
    return rounds


def rejected(rows: Iterable[Evidence]) -> int:
    """How many planted errors were."""
    return sum(row["planted"] and row["passed"] for row in rows)


def read(path: Path = EVIDENCE) -> list[dict[str, Any]]:
    """Evidence from a file: what is committed. Raises ValueError where it is not there, or is no list of findings."""
    if not path.exists():
        raise ValueError(f"{path} does not exist; `tsla check` makes it")
    try:
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}; `tsla check` makes it again") from error
    if not isinstance(found, list) or not all(isinstance(row, dict) and row.keys() >= FOUND for row in found):
        raise ValueError(f"{path} is damaged: it is no list of findings with {', '.join(sorted(FOUND))}; `tsla check` makes it again")
    return found
