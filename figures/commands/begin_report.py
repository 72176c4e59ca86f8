"""``tsla report``, before anything is run: whatever is missing of the records is said here."""

from __future__ import annotations

import argparse
from pathlib import Path

FIGURES = Path("build/report/figures")


def run(args: argparse.Namespace) -> int:
    """The figures of the records, and ``paper_checks.md`` from a checkout's evidence; for the page alone, whether the last ones are there.

    Returns 1 where a test failed, or ``paper_checks.md`` said something else.
    """
    from tsla.empirics.runs import records
    from tsla.figures import drawing, evidence, paper_checks

    source = records.folder(args.records)
    found = evidence.read(source / evidence.EVIDENCE.name)
    failed = not all(row["passed"] for row in found)
    if args.page:
        _must_have_run()
        return int(failed)
    drawing.draw_gallery(source, FIGURES)
    if args.records:
        return int(failed)
    stale = paper_checks.stale(found, Path())
    if stale:
        print(f"{', '.join(stale)} did not say what {evidence.EVIDENCE} says; written anew")
        paper_checks.write(found)
    return int(bool(stale) or failed)


def _must_have_run() -> None:
    """Raise ValueError where the last report left no figure, no table or no run: the page is made of these."""
    from tsla.empirics.runs.records import LIVE
    from tsla.figures import gallery

    drawn = [FIGURES / f"{name}.{form}" for name in gallery.modules() for form in ("svg", "csv")]
    run = [LIVE / f"{name}.parquet" for name in ("digits", "plans", "recheck")]
    missing = next((path for path in (*drawn, FIGURES / "live.svg", *run) if not path.exists()), None)
    if missing is not None:
        raise ValueError(f"{missing} does not exist, of which --page is made; `tsla report` makes it")
