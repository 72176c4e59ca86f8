"""Rerunning the evidence: the tests that carry a claim's id, and from their outcome the files that are committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tsla.figures import paper_checks
from tsla.figures.theorems import page, reading
from tsla.figures.theorems.deciding import decide
from tsla.theory.claims import BY_ID

NO_TESTS = 5  # pytest's exit code where a claim has no evidence yet


def run(claim: str, evidence: Path) -> int:
    """Run the tests of ``claim``, or of all for "all", and write what they found to ``evidence``. Returns 0, or pytest's code of a failure.

    The current folder must be a checkout of the repository, which alone has the tests.
    """
    evidence.parent.mkdir(parents=True, exist_ok=True)
    evidence.unlink(missing_ok=True)  # what an earlier run found must not pass for what this one did
    command = [sys.executable, "-m", "pytest", "-n", "auto", "-q", "--claim", claim, "--evidence", str(evidence)]
    code = subprocess.run(command, check=False, stdout=sys.stderr).returncode  # noqa: S603 - our own interpreter and arguments
    if not evidence.exists():
        raise ValueError(f"pytest ended with code {code} and has not seen all the evidence; its output is above")
    return 0 if code == NO_TESTS else code


def write_paper_checks(build: Path) -> int:
    """Rerun all the evidence, and write the record of it and ``paper_checks.md``. Returns 0, or 1 where a test failed."""
    path = build / "evidence.json"
    code = run("all", path)
    print(*paper_checks.write(paper_checks.read(path)), sep="\n")
    return min(code, 1)


def print_section(claim: str, build: Path) -> int:
    """Rerun the evidence of one claim and print its section. Returns 0, or 1 where a test failed."""
    if claim not in BY_ID:
        raise ValueError(f"claim = {claim!r} must be one of {', '.join(BY_ID)}")
    path = build / f"evidence-{claim}.json"
    code = run(claim, path)
    print(paper_checks.section(BY_ID[claim], paper_checks.read(path)), end="")
    return min(code, 1)


def decide_file(path: Path, out: Path) -> int:
    """Decide the theorems of a file of Python, print their rows and wrong versions, and write the page. Returns 0, or 1 where one fails."""
    theorems = reading.read(path)
    page.writable(out)
    decisions = [decide(theorem) for theorem in theorems]
    page.write(out, decisions, path.name)
    for decision in decisions:
        print(*(f"{name:12}{cell}" for name, cell in page.cells(decision, path.name).items()), sep="\n")
        print(*(f"  {what}  {by}" for what, by in page.planted(decision)), sep="\n")
    print(out)
    return int(not all(decision.holds for decision in decisions))
