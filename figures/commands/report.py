"""``tsla report``, once everything has been run."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser

ABOUT = "one HTML page of all, build/report/index.html"
DETAILS = "The records are drawn and checked, one seed of each arm is trained again, and each method's plan is run."
EXAMPLE = "report"
EXTRA = "all"

BUILD = Path("build/report")


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("--page", action="store_true", help="write the page alone anew, from what the last report ran and drew")
    parser.add_argument("--records", type=Path, help="folder of the records and their evidence.json (default records, of a checkout)")


def checkout(args: argparse.Namespace) -> str:
    """A checkout has the records, unless it is said where they are."""
    return "" if args.records else "records"


def run(args: argparse.Namespace) -> None:
    """The live figure, and the page."""
    from tsla.empirics.runs.records import FOLDER, LIVE, read
    from tsla.figures import drawing, evidence, live
    from tsla.figures.page.article import write

    source = args.records or FOLDER
    if not args.page:
        drawing.draw(BUILD / "figures" / "live.svg", live.draw, *(read(folder / "digits.parquet") for folder in (source, LIVE)))
    print(write(source, LIVE, BUILD / "figures", evidence.read(source / evidence.EVIDENCE.name), BUILD / "index.html"))
