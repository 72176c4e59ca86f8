"""``tsla check``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser

ABOUT = "rerun the evidence, write it to records/evidence.json, and paper_checks.md from it; with a claim, print its row"
EXTRA = "all"
CHECKOUT = "tests"

BUILD = Path("build")


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("claim", nargs="?", help="a claim, such as C5")


def run(args: argparse.Namespace) -> int:
    """All the evidence, or that of one claim."""
    from tsla.figures import checking

    if args.claim is None:
        return checking.write_paper_checks(BUILD)
    return checking.print_row(args.claim, BUILD)
