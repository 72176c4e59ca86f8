"""``tsla report``, before anything is run: whatever is missing of the records is said here."""

from __future__ import annotations

import argparse
from pathlib import Path

FIGURES = Path("build/report/figures")


def run(_: argparse.Namespace) -> int:
    """The figures of the records, and ``paper_checks.md`` from the evidence.

    Returns 1 where a test failed, or ``paper_checks.md`` said something else.
    """
    from tsla.empirics.runs.records import FOLDER
    from tsla.figures import drawing, paper_checks

    evidence = paper_checks.read()
    drawing.draw_gallery(FOLDER, FIGURES)
    stale = paper_checks.stale(evidence, Path())
    if stale:
        print(f"{', '.join(stale)} did not say what {paper_checks.EVIDENCE} says; written anew")
        paper_checks.write(evidence)
    return int(bool(stale) or not all(row["passed"] for row in evidence))
