"""``tsla plan``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser, number, whole

ABOUT = "from the moments of a pilot run: what smoothing would do, when to drop it for an outcome, and how sure that is"
EXTRA = "torch"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("--pilot", type=Path, metavar="RUN", help="a record that `tsla train --out` wrote (required)")
    parser.add_argument("--outcome", help="what counts at the end: train_loss, grad2, test_loss or test_accuracy (required)")
    parser.add_argument("--method", help="which run, in a record of several methods")
    parser.add_argument("--seed", type=whole, help="which run, in a record of several seeds")
    parser.add_argument("--epochs", type=whole, help="length of the planned run (default: the pilot's, as it was meant to be)")
    parser.add_argument("--theta", type=number, help="smoothing strength of the planned run (default: the pilot's)")
    parser.add_argument("--batch-size", type=whole, help="batch size of the planned run (default: the pilot's)")
    parser.add_argument("--eta", type=number, help="step size of the planned run, for a pilot that measured eta*L (`tsla train --watch`)")
    parser.add_argument("--eta-L", type=number, help="eta times the largest curvature, for C12 (default: as measured, else 1)")
    parser.give_json()
    parser.need("pilot", "outcome")


def run(args: argparse.Namespace) -> None:
    """What a pilot predicts, what to do for an outcome, and how sure that is."""
    from tsla.empirics.advice.plan import validation
    from tsla.empirics.advice.plan.advice import advise, table
    from tsla.empirics.advice.plan.pilot import read
    from tsla.theory.commands.answer import print_result

    names = ("method", "seed", "epochs", "theta", "batch_size", "eta", "eta_L")
    pilot = read(args.pilot, **{name: getattr(args, name) for name in names})
    found = {"pilot": str(args.pilot)} | advise(pilot, args.outcome, validation.read())
    print_result(args, lambda: found, lambda: f"{args.pilot}\n{table(found)}")
