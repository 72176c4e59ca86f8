"""Rerunning the evidence: the tests that carry a claim's id, and from their outcome the files that are committed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsla.figures import evidence, paper_checks
from tsla.figures.theorems import page, reading
from tsla.figures.theorems.deciding import decide
from tsla.theory.claims import BY_ID
from tsla.theory.constants import must_be_one_of
from tsla.theory.text import Json, wrapped

NO_TESTS = 5  # pytest's exit code where a claim has no evidence yet


def run(claim: str, out: Path) -> bool:
    """Run the tests of ``claim``, or of all for "all", and write what they found to ``out``. Returns whether none failed.

    The current folder must be a checkout of the repository, which alone has the tests.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)  # what an earlier run found must not pass for what this one did
    command = [sys.executable, "-m", "pytest", "-n", "auto", "-q", "--claim", claim, "--evidence", str(out)]
    code = subprocess.run(command, check=False, stdout=sys.stderr).returncode  # noqa: S603 - our own interpreter and arguments
    if not out.exists():
        raise ValueError(f"pytest ended with code {code} and has not seen all the evidence; its output is above")
    return code in (0, NO_TESTS)


@dataclass(frozen=True)
class Checked:
    """What a check answers, as JSON and for a person, and whether nothing failed."""

    json: Json
    text: str
    passed: bool


def write_paper_checks(build: Path) -> Checked:
    """Rerun all the evidence, write the record of it and ``paper_checks.md``, and name them."""
    path = build / "evidence.json"
    passed = run("all", path)
    written = [str(page) for page in paper_checks.write(evidence.read(path))]
    return Checked({"written": written}, "\n".join(written), passed)


def section(claim: str, build: Path) -> Checked:
    """Rerun the evidence of one claim: its section, as JSON its cells."""
    must_be_one_of("claim", claim, BY_ID)
    path = build / f"evidence-{claim}.json"
    passed = run(claim, path)
    found = evidence.read(path)
    text = paper_checks.section(BY_ID[claim], found).rstrip("\n")
    return Checked({"rows": [paper_checks.cells(BY_ID[claim], found)]}, text, passed)


def decide_file(path: Path, out: Path) -> Checked:
    """Decide the theorems of a file of Python, write the page, and answer with their rows and wrong versions."""
    theorems = reading.read(path)
    page.writable(out)
    decisions = [decide(theorem) for theorem in theorems]
    page.write(out, decisions, path.name)
    rows = [page.cells(decision, path.name) for decision in decisions]
    wrong = [page.planted(decision) for decision in decisions]
    shown = [line for row, versions in zip(rows, wrong, strict=True) for line in _lines(row, versions)]
    refuted = [{"wrong": what, "refuted_by": by} for versions in wrong for what, by in versions]
    found = {"rows": rows, "wrong_versions": refuted, "written": [str(out)]}
    return Checked(found, "\n".join([*shown, str(out)]), passed=all(decision.holds for decision in decisions))


def _lines(cells: Mapping[str, str], wrong_versions: Iterable[Sequence[str]]) -> list[str]:
    rows = [wrapped(f"{name:12}{cell}", more=" " * 12) for name, cell in cells.items()]
    return rows + [wrapped(f"{what}  {by}", indent="  ") for what, by in wrong_versions]
