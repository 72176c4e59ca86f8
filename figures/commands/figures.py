"""``tsla figures``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser

ABOUT = "draw figures from the records"
DETAILS = "Each beside a CSV of its numbers."
EXAMPLE = "figures regimes"
EXTRA = "figures"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw (default all)")
    parser.add_argument("--out", type=Path, default=Path("build/figures"), help="folder (default build/figures)")
    parser.add_argument("--records", type=Path, help="folder of the records (default records, of a checkout)")
    parser.add_argument("--format", default="svg", help="svg, png or pdf (default svg)")


def checkout(args: argparse.Namespace) -> str:
    """A checkout has the records, unless it is said where they are."""
    return "" if args.records else "records"


def run(args: argparse.Namespace) -> None:
    """Draw them, and name what was written."""
    from tsla.empirics.runs import records
    from tsla.empirics.runs.files import must_be_folder
    from tsla.figures import drawing

    must_be_folder("out", args.out)
    source = records.folder(args.records)
    for path in drawing.draw_gallery(source, args.out, args.names, form=args.format):
        print(path, path.with_suffix(".csv"), sep="\n")
