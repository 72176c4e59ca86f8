"""``tsla plan``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser, number, whole

ABOUT = "from a pilot run: what smoothing would do, when to drop it"
DETAILS = "Which naive rule was best for an outcome, how sure that is, and what the moments predict."
EXAMPLE = "plan --pilot records/digits.parquet --method sgd --seed 0 --outcome test_loss"
EXTRA = "torch"


def add(parser: Parser) -> None:
    """Its options."""
    about = "a record of `tsla train --out`, or a .csv, .parquet or .json file of the rows of a MomentsMonitor (required)"
    parser.add_argument("--pilot", type=Path, metavar="RUN", help=about)
    parser.add_argument("--outcome", help="what counts at the end: train_loss, grad2, test_loss or test_accuracy (required)")
    parser.add_argument("--method", help="which run, in a record of several methods")
    parser.add_argument("--seed", type=whole, help="which run, in a record of several seeds")
    parser.add_argument("--epochs", type=whole, help="length of the planned run (default: the pilot's, as it was meant to be)")
    parser.add_argument(
        "--steps", type=whole, help="the same for rows that count steps, as those of a MomentsMonitor do (default: up to the last row)"
    )
    parser.add_argument("--theta", type=number, help="smoothing strength of the planned run (default: that of the record)")
    parser.add_argument("--batch-size", type=whole, help="batch size of the planned run (default: that of the record)")
    parser.add_argument("--eta", type=number, help="step size of the planned run, for a pilot that measured eta*L (`tsla train --watch`)")
    parser.add_argument("--eta-L", type=number, help="eta times the largest curvature, for C12 (default: as measured, else 1)")
    parser.give_json()
    parser.need("pilot", "outcome")


def run(args: argparse.Namespace) -> None:
    """What a pilot predicts, which naive rule was best for an outcome, and how sure that is."""
    from tsla.empirics.advice.plan.planned import plan
    from tsla.theory.commands.answer import print_result

    names = ("outcome", "method", "seed", "epochs", "steps", "theta", "batch_size", "eta", "eta_L")
    found = plan(args.pilot, **{name: getattr(args, name) for name in names})
    print_result(args, lambda: {"pilot": str(args.pilot)} | found.json(), found.table)
