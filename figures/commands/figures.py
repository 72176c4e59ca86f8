"""``tsla figures``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser

ABOUT = "redraw every figure from the records"
EXTRA = "figures"
CHECKOUT = "records"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("--out", type=Path, default=Path("build/figures"), help="folder (default build/figures)")


def run(args: argparse.Namespace) -> None:
    """Redraw them all from the records."""
    from tsla.empirics.runs.files import must_be_folder
    from tsla.empirics.runs.records import FOLDER
    from tsla.figures import drawing

    must_be_folder("out", args.out)
    for path in drawing.draw_all(FOLDER, args.out):
        print(path)
