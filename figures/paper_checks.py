"""``paper_checks.md``: one row a claim, written from the evidence that tests and records gave; and the record of that evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tsla.empirics.runs.files import replacing
from tsla.empirics.runs.records import FOLDER
from tsla.theory.claims import BY_ID, CLAIMS, KINDS, Claim

Settings = Sequence[tuple[str, str, str, str]]
Evidence = Mapping[str, Any]
"""``{"id", "kind", "planted", "test", "passed"}`` and, where the test said so, ``"finding"`` and ``"verdict"``; of training
``"settings"`` in place of a verdict: a round with what all of its settings share, what a group of them shares, a word of the study's
plan, and those that it is said of."""

EVIDENCE = FOLDER / "evidence.json"
PAPER_CHECKS = Path("paper_checks.md")
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

HEADER = """# Paper checks

What holds of *Towards Understanding Label Smoothing* (Xu, Xu, Qian, Li, Jin, arXiv 2006.11653), claim by claim, and how we know.
Written by `tsla check` from the outcome of the tests under `tests/` that carry a claim's id, some of which read `records/`; that
outcome is `records/evidence.json`. Do not edit. The test command fails when one of the two files is stale.

- **proved**: the claim as stated follows by machine from steps that are each proved, with no premise but its own. **steps proved**:
  algebra that is not put together to the claim. **upper certificate**: worst-case programs of a few steps stay below it. **instances**:
  it held wherever it was tried. **supported**, **refuted**: by measurement, as far as it reaches. **not decided here**: with what it
  would take.
- E1-E5 are about training networks. There is no one verdict on them: each word that `docs/study_plan.md` has for what is found at a
  setting (**no benefit that matters**, **open** and **can't tell** are three more) holds **on these settings**, which stand behind it in
  groups that share their schedule, and on no others; they are smaller than the claim's own. *power* is the probability with which a
  comparison sees the smallest effect that matters, 0.5 points of accuracy or 1 % of a loss or a variance. A setting can't tell where
  that is below 0.8 or a tuned step size η lies at the edge of its grid; where it differs significantly all the same, that is said.
- A proof stands on axioms that `records/certificates.parquet` names with each step: linearity of E, induction over the steps,
  `1-x <= e^-x`, `log x <= x-1`, Cauchy-Schwarz. A worst case that is "at most" a part of the bound is an upper certificate; a
  mean of runs may exceed a bound that is attained by sampling error.
- *rejected* counts planted errors, wrong versions of the claim or of the code, that went through the same check as the right
  version and failed it.

The setting: `F ≥ 0` is the expected cross-entropy of a network at weights w, `F0 = F(w_0)`, `F* = inf F`; g and ĝ are its
stochastic gradients at the true and at the smoothing label ŷ, and `g_LS = (1-θ)g + θĝ` is the direction of label-smoothed SGD
(LSR) with strength θ. TSLA smooths for T1 steps and then does not for T2. A1: ∇F is L-Lipschitz. A2: `E g = ∇F`, `E‖g-∇F‖² ≤ σ²`.
A3: `E‖ĝ-∇F‖² ≤ δσ²`. A4 (Polyak-Łojasiewicz): `2μ(F-F*) ≤ ‖∇F‖²`; `κ = L/μ`. `w_R` is a random iterate of the run, or of its last
stage. β² and ν² are the squared bias and the noise of ĝ, `s²`, `ŝ²`, `c` the second moments of g and ĝ about ∇F, `N(θ) = (1-θ)²σ²
+ θ²ν² + 2θ(1-θ)c`.

"""


def said(claim: str, verdict: str, settings: Settings) -> str:
    """The verdict, and of a claim about training none but the words for its settings, group by group.

    Raises ValueError where such a claim has no settings, or a word has none: what came out on some is not known of others.
    """
    if not (claim in BY_ID and BY_ID[claim].of_training):
        return verdict
    if not settings or not all(where.strip() for *_, where in settings):
        raise ValueError(f"settings of the verdict on {claim} are missing; each word must name those that it was found on")
    rounds: dict[str, dict[str, list[str]]] = {}
    for of_round, group, word, where in settings:
        rounds.setdefault(of_round, {}).setdefault(group, []).append(f"**{word}**: {where}")
    texts = (
        f"{of_round}: {'. '.join(f'*{group}*: ' + '; '.join(words) for group, words in groups.items())}"
        for of_round, groups in rounds.items()
    )
    return f"on these settings: {'. '.join(texts)}"


def verdict(rows: list[Evidence]) -> str:
    """Of one claim's evidence: a failed test is failing; a verdict that a test reports outranks proof; else the best kind decides.

    Raises ValueError where :func:`said` does.
    """
    if not rows:
        return UNDECIDED
    if not all(row["passed"] for row in rows):
        return FAILING
    found = {said(row["id"], row.get("verdict", "supported"), row.get("settings", [])) for row in rows} - {"supported"}
    if found:
        return " / ".join(sorted(found))
    kinds = {row["kind"] for row in rows}
    return next((word for kind, word in WORDS.items() if kind in kinds), INSTANCES)


def cells(claim: Claim, evidence: Iterable[Evidence]) -> dict[str, str]:
    """The cells of one claim's row, by column."""
    rows = [row for row in evidence if row["id"] == claim.id]
    direct = sorted((row for row in rows if not row["planted"]), key=lambda row: KINDS.index(row["kind"]))
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
    return HEADER + table([list(rows[0]), *(list(row.values()) for row in rows)])


def table(lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, whose first line is its head."""
    ruled = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in ruled)


def files(evidence: Iterable[Evidence]) -> dict[Path, str]:
    """What is committed: the evidence, a line a row, and the file for people. The same evidence in any order gives the same bytes."""
    rows = sorted(evidence, key=lambda row: (row["test"], row["id"], row["kind"], row["planted"]))
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    return {EVIDENCE: f"[\n{lines}\n]\n", PAPER_CHECKS: render(rows)}


def stale(evidence: Iterable[Evidence], checkout: Path) -> list[str]:
    """The files that are not what the evidence says, or are not there."""
    wanted = {checkout / path: text for path, text in files(evidence).items()}
    return [path.name for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def write(evidence: Iterable[Evidence]) -> list[Path]:
    """Write both files. Returns their paths."""
    texts = files(evidence)
    for path, text in texts.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(texts)


def read(path: Path = EVIDENCE) -> list[dict[str, Any]]:
    """Evidence from a file: what is committed. Raises ValueError where it is not there."""
    if not path.exists():
        raise ValueError(f"{path} does not exist; `tsla check` makes it")
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found
