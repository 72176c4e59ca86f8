"""``paper_checks.md``: one row a claim, written from the evidence that tests and records gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from theory.claims import CLAIMS, Claim

Evidence = Mapping[str, Any]
"""``{"id", "kind", "planted", "test", "passed"}`` and, where the test said so, ``"finding"`` and ``"verdict"``."""

PROVING = {"algebra", "worst case"}
UNDECIDED = "not decided here"
FAILING = "**failing**"

HEADER = """# Paper checks

What holds of *Towards Understanding Label Smoothing* (Xu, Xu, Qian, Li, Jin, arXiv 2006.11653), claim by claim, and how we know.
Written by `tsla check` from the outcome of the tests under `tests/` that carry a claim's id, some of which read `records/`; do not
edit. The test command fails when this file is stale.

- **proved**: by algebra or a worst-case certificate; **supported**, **refuted**: by the other kinds of evidence, as far as they reach;
  **not decided here**: with what it would take.
- *rejected* counts planted errors, wrong versions of the claim or of the code, that the evidence was seen to reject.

"""


def verdict(rows: list[Evidence]) -> str:
    """Of one claim's evidence: a failed test is failing; a verdict that a test reports outranks proof; proof outranks support."""
    if not rows:
        return UNDECIDED
    if not all(row["passed"] for row in rows):
        return FAILING
    said = {row["verdict"] for row in rows if "verdict" in row} - {"supported"}
    if said:
        return " / ".join(sorted(said))
    return "proved" if PROVING & {row["kind"] for row in rows} else "supported"


def cells(claim: Claim, evidence: Iterable[Evidence]) -> dict[str, str]:
    """The cells of one claim's row, by column."""
    rows = [row for row in evidence if row["id"] == claim.id]
    direct = [row for row in rows if not row["planted"]]
    findings = list(dict.fromkeys(row["finding"] for row in direct if "finding" in row))
    decided = verdict(direct) if all(row["passed"] for row in rows) else FAILING
    if decided == UNDECIDED:
        findings.append(f"it takes {claim.missing}")
    return {
        "claim": f"{claim.id} {claim.title}",
        "statement": claim.statement,
        "source": claim.source,
        "verdict": decided,
        "evidence": ", ".join(sorted({row["kind"] for row in direct})) or "none",
        "found": "; ".join(findings),
        "rejected": str(sum(row["planted"] and row["passed"] for row in rows)),
        "command": f"`tsla check {claim.id}`",
    }


def render(evidence: Iterable[Evidence]) -> str:
    """The whole file."""
    found = list(evidence)
    rows = [cells(claim, found) for claim in CLAIMS]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return HEADER + "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
