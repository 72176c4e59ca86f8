"""Rerunning the evidence: the tests that carry a claim's id, and from their outcome the files that are committed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tsla.figures import paper_checks
from tsla.figures.theorems import page, reading
from tsla.figures.theorems.deciding import decide
from tsla.theory.claims import BY_ID
from tsla.theory.commands.answer import json_text
from tsla.theory.text import Json, wrapped

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


def write_paper_checks(build: Path, *, as_json: bool = False) -> int:
    """Rerun all the evidence, write the record of it and ``paper_checks.md``, and name them. Returns 0, or 1 where a test failed."""
    path = build / "evidence.json"
    code = run("all", path)
    written = [str(page) for page in paper_checks.write(paper_checks.read(path))]
    _say({"written": written}, "\n".join(written), as_json=as_json)
    return min(code, 1)


def print_section(claim: str, build: Path, *, as_json: bool = False) -> int:
    """Rerun the evidence of one claim and print its section, as JSON its cells. Returns 0, or 1 where a test failed."""
    if claim not in BY_ID:
        raise ValueError(f"claim = {claim!r} must be one of {', '.join(BY_ID)}")
    path = build / f"evidence-{claim}.json"
    code = run(claim, path)
    found = paper_checks.read(path)
    _say({"rows": [paper_checks.cells(BY_ID[claim], found)]}, paper_checks.section(BY_ID[claim], found).rstrip("\n"), as_json=as_json)
    return min(code, 1)


def decide_file(path: Path, out: Path, *, as_json: bool = False) -> int:
    """Decide the theorems of a file of Python, print their rows and wrong versions, and write the page. Returns 0, or 1 where one fails."""
    theorems = reading.read(path)
    page.writable(out)
    decisions = [decide(theorem) for theorem in theorems]
    page.write(out, decisions, path.name)
    rows = [page.cells(decision, path.name) for decision in decisions]
    wrong = [[wrapped(f"{what}  {by}", indent="  ") for what, by in page.planted(decision)] for decision in decisions]
    text = "\n".join([*("\n".join([_lines(row), *versions]) for row, versions in zip(rows, wrong, strict=True)), str(out)])
    versions = [dict(zip(("wrong", "refuted_by"), version, strict=True)) for decision in decisions for version in page.planted(decision)]
    _say({"rows": rows, "wrong_versions": versions, "written": [str(out)]}, text, as_json=as_json)
    return int(not all(decision.holds for decision in decisions))


def _lines(cells: Mapping[str, str]) -> str:
    return "\n".join(wrapped(f"{name:12}{cell}", more=" " * 12) for name, cell in cells.items())


def _say(found: Json, text: str, *, as_json: bool) -> None:
    print(json_text(found) if as_json else text)
