"""``tsla report``, once everything has been run."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser

ABOUT = "one HTML page of all, build/report/index.html"
DETAILS = "The records are drawn and checked, one seed of each arm is trained again, and each method's plan is run."
EXAMPLE = "report"
EXTRA = "all"
CHECKOUT = "records"

BUILD = Path("build/report")


def add(_: Parser) -> None:
    """It has no options."""


def run(_: argparse.Namespace) -> None:
    """The live figure, and the page."""
    from tsla.empirics.runs.records import FOLDER, LIVE, read
    from tsla.figures import drawing, live, paper_checks
    from tsla.figures.report import write as write_report

    recorded, fresh = (read(folder / "digits.parquet") for folder in (FOLDER, LIVE))
    drawing.draw(BUILD / "figures" / "live.svg", live.draw, recorded, fresh)
    print(write_report(FOLDER, LIVE, BUILD / "figures", paper_checks.read(), BUILD / "index.html"))
