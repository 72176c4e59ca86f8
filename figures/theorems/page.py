"""The page of a file of theorems: a row a theorem, as ``paper_checks.md`` has them, and its wrong versions with what refuted them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tsla.empirics.runs.files import must_be_a_path, write_text
from tsla.figures import markdown, paper_checks
from tsla.figures.theorems.deciding import Decision, evidence
from tsla.theory.claims import Claim

FIRST_LINE = "# Paper checks of "
LEGEND = """
Written by `tsla check`. Do not edit.

- **supported**: nothing was found against the bound where the same cell says; **refuted**: by what it says; **says nothing**: no constants,
  or none of those given, meet the premises. *proved* is said of what follows from steps that were proved, and of nothing else.
- A worst case is that of a program which knows the class of functions, the steps and the noise. Over the bound it is at most 1; where it
  is 1 the bound is tight. A run is one of 1000 replicas on a problem that was brought to the theorem's constants.
- *rejected* counts the wrong versions that the same check refuted. One that survives is no error of the theorem: it is not seen at these
  constants and these numbers of steps, or the bound is loose enough to hide it.

"""


def cells(decision: Decision, file: str) -> dict[str, str]:
    """The row of a theorem, by column."""
    theorem = decision.theorem
    claim = Claim(theorem.id, theorem.title, theorem.statement, theorem.source)
    return paper_checks.cells(claim, evidence(decision)) | {"command": f"`tsla check {file}`"}


def planted(decision: Decision) -> list[list[str]]:
    """A line a wrong version."""
    return [[f"`{wrong.what}`", wrong.by or "not refuted"] for wrong in decision.planted]


def render(decisions: Sequence[Decision], file: str) -> str:
    """The whole page."""
    rows = [cells(decision, file) for decision in decisions]
    text = f"{FIRST_LINE}{file}\n{LEGEND}{markdown.table(list(rows[0]), (list(row.values()) for row in rows))}\n"
    for decision in decisions:
        if decision.planted:
            lines = markdown.table(("wrong version", "refuted by"), planted(decision))
            text += f"\n## Wrong versions of {decision.theorem.id}\n\n{lines}\n"
    return text


def writable(path: Path) -> None:
    """Raise ValueError where the page would replace a file that is none."""
    must_be_a_path("out", path)
    if path.exists() and not (path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(FIRST_LINE)):
        raise ValueError(f"out = {path} is there and is no page of `tsla check FILE`; --out must name another file")
    if not path.parent.is_dir():
        raise ValueError(f"out = {path}: {path.parent} is no folder")


def write(path: Path, decisions: Iterable[Decision], file: str) -> None:
    """The page, whole or not at all."""
    write_text(path, render(list(decisions), file))
