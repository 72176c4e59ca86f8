"""``tsla plan``. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse

from tsla.empirics.advice.plan import validation
from tsla.empirics.advice.plan.advice import advise, table
from tsla.empirics.advice.plan.pilot import read
from tsla.theory.commands import print_result


def plan(args: argparse.Namespace) -> None:
    """What a pilot predicts, what to do for an outcome, and how sure that is."""
    names = ("method", "seed", "epochs", "theta", "batch_size", "eta", "eta_L")
    pilot = read(args.pilot, **{name: getattr(args, name) for name in names})
    found = {"pilot": str(args.pilot)} | advise(pilot, args.outcome, validation.read())
    print_result(args, lambda: found, lambda: f"{args.pilot}\n{table(found)}")
