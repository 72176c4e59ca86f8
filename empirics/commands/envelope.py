"""``tsla envelope``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser, whole
from tsla.theory.commands.options import add_numbers

ABOUT = "noise that grows along measured runs, and its bound (C20)"
DETAILS = (
    "The least A, B and C with E‖g-∇F‖² <= 2A(F-F*) + B‖∇F‖² + C (A2′) at every point that was measured, and the bound that they "
    "give (C20)."
)
EXAMPLE = "envelope records/digits.parquet --eta 0.01 --T 1000 --L 10"
EXTRA = "runs"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("record", type=Path, metavar="RECORD", help="a record of training, such as records/digits.parquet")
    parser.add_argument("--where", action="append", default=[], metavar="NAME=VALUE", help="keep these rows only; may be given again")
    parser.add_argument("--batch-size", type=whole, default=1, help="examples of a batch (default 1)")
    add_numbers(parser, "eta T", "L")


def run(args: argparse.Namespace) -> None:
    """The envelope of the measured noise with the least bound, beside the bound with the largest variance."""
    from tsla.empirics.assumptions.envelope import NO_PROOF, Measured, envelope
    from tsla.empirics.runs.records import read as read_record
    from tsla.empirics.statistics.pilot import conditions, kept
    from tsla.theory.commands.answer import print_result

    rows = kept(read_record(args.record).table, conditions(args.where))
    seen = Measured.of(rows, batch_size=args.batch_size)
    L = seen.L if args.L is None else args.L
    if L is None:
        raise ValueError("L is missing: the record measured no curvature (`tsla train --curvature`), so that --L must be given")
    found = envelope(seen.gap, seen.grad2, seen.s2, L=L, F0=seen.F0, eta=args.eta, T=args.T)
    points, sigma2 = len(seen.s2), float(seen.s2.max())
    known = {"points": points, "L": L, "F0": seen.F0, "sigma2": sigma2, "holds": NO_PROOF}
    print_result(args, lambda: known | found.json(), lambda: found.table(points, sigma2))
