"""Rerunning the evidence: the tests that carry a claim's id, and from their outcome ``paper_checks.md``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tsla.empirics.files import replacing
from tsla.figures import paper_checks
from tsla.theory.claims import BY_ID

TESTS = Path("tests")
NO_TESTS = 5  # pytest's exit code where a claim has no evidence yet
PAPER_CHECKS = Path("paper_checks.md")


def must_be_checkout(_: object = None) -> None:
    """Raises ValueError outside a checkout of the repository, which alone has the tests. Commands ask this first."""
    if not (TESTS / "conftest.py").exists():
        raise ValueError(f"{TESTS}/ is not here; the evidence is in the tests of the repository: call this in a checkout")


def run(claim: str, evidence: Path) -> int:
    """Run the tests of ``claim``, or of all for "all", and write what they found to ``evidence``. Returns 0, or pytest's code of a failure.

    Raises ValueError outside a checkout.
    """
    must_be_checkout()
    evidence.parent.mkdir(parents=True, exist_ok=True)
    evidence.unlink(missing_ok=True)  # what an earlier run found must not pass for what this one did
    command = [sys.executable, "-m", "pytest", "-n", "auto", "-q", "--claim", claim, "--evidence", str(evidence)]
    code = subprocess.run(command, check=False, stdout=sys.stderr).returncode  # noqa: S603 - our own interpreter and arguments
    if not evidence.exists():
        raise ValueError(f"pytest ended with code {code} and has not seen all the evidence; its output is above")
    return 0 if code == NO_TESTS else code


def write_paper_checks(build: Path) -> int:
    """Rerun all the evidence and write ``paper_checks.md`` from it. Returns 0, or 1 where a test failed."""
    code = run("all", build / "evidence.json")
    with replacing(PAPER_CHECKS) as temporary:
        temporary.write_text(paper_checks.render(read(build)), encoding="utf-8")
    print(PAPER_CHECKS)
    return min(code, 1)


def read(build: Path) -> list[dict[str, Any]]:
    """The evidence that the last :func:`write_paper_checks` found."""
    found: list[dict[str, Any]] = json.loads((build / "evidence.json").read_text(encoding="utf-8"))
    return found


def summary(build: Path) -> str:
    """One line a claim: verdict, kinds of evidence, planted errors rejected."""
    found = read(build)
    rows = [paper_checks.cells(claim, found) for claim in BY_ID.values()]
    return "\n".join(f"{row['claim']:32} {row['verdict']:24} {row['rejected']:>3} rejected  {row['evidence']}" for row in rows)


def print_row(claim: str, build: Path) -> int:
    """Rerun the evidence of one claim and print its row, a line a cell. Returns 0, or 1 where a test failed."""
    if claim not in BY_ID:
        raise ValueError(f"claim = {claim!r} must be one of {', '.join(BY_ID)}")
    path = build / f"evidence-{claim}.json"
    code = run(claim, path)
    cells = paper_checks.cells(BY_ID[claim], json.loads(path.read_text(encoding="utf-8")))
    print("\n".join(f"{name:12}{cell}" for name, cell in cells.items()))
    return min(code, 1)
