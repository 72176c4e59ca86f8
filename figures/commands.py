"""The subcommands that draw, check and report. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.empirics.runs.files import must_be_folder
from tsla.empirics.runs.records import FOLDER, LIVE, read
from tsla.figures import certified, checking, drawing, live, paper_checks
from tsla.figures.report import write as write_report

BUILD = Path("build")
FIGURES = BUILD / "report" / "figures"


def figures(args: argparse.Namespace) -> None:
    """``tsla figures``: redraw them all from the records."""
    must_be_folder("out", args.out)
    for path in drawing.draw_all(FOLDER, args.out):
        print(path)


def certify(_: argparse.Namespace) -> int:
    """``tsla certify``, once the certificates have been run: a row a claim, and whatever failed. Returns 1 where something did."""
    found = certified.read(FOLDER / "certificates.parquet")
    print(certified.summary(found))
    return int(bool(certified.failures(found)))


def check(args: argparse.Namespace) -> int:
    """``tsla check``: all the evidence, or that of one claim."""
    if args.claim is None:
        return checking.write_paper_checks(BUILD)
    return checking.print_row(args.claim, BUILD)


def begin_report(_: argparse.Namespace) -> int:
    """``tsla report``, before anything is run: the figures of the records, and ``paper_checks.md`` from the evidence.

    Whatever is missing of the records is said here. Returns 1 where a test failed, or ``paper_checks.md`` said something else.
    """
    evidence = paper_checks.read()
    drawing.draw_all(FOLDER, FIGURES)
    stale = paper_checks.stale(evidence, Path())
    if stale:
        print(f"{', '.join(stale)} did not say what {paper_checks.EVIDENCE} says; written anew")
        paper_checks.write(evidence)
    return int(bool(stale) or not all(row["passed"] for row in evidence))


def report(_: argparse.Namespace) -> None:
    """``tsla report``, once everything has been run: the live figure, and the page."""
    recorded, fresh = (read(folder / "digits.parquet") for folder in (FOLDER, LIVE))
    drawing.draw(FIGURES / "live.svg", live.draw, recorded, fresh)
    print(write_report(FOLDER, LIVE, FIGURES, paper_checks.read(), BUILD / "report" / "index.html"))
