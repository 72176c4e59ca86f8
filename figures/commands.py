"""The subcommands that draw, check and report. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.empirics.files import must_be_folder
from tsla.empirics.records import FOLDER
from tsla.figures import certified, checking, drawing
from tsla.figures.report import write as write_report

BUILD = Path("build")


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


def report(args: argparse.Namespace) -> int:
    """``tsla report``, once everything has been run: checks, figures, page."""
    failed = checking.write_paper_checks(BUILD)
    drawn = drawing.draw_all(FOLDER, BUILD / "report" / "figures")
    print(write_report(FOLDER, drawn, checking.read(BUILD), BUILD / "report" / "index.html"))
    return failed
