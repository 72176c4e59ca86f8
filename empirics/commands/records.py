"""``tsla records``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser

INTERRUPTED = "the same command goes on where it was"
ABOUT = "run experiments and write their records, or check them"
EXAMPLE = "records --check annealed"
EXTRA = "torch"
CHECKOUT = "records"

RUNS = Path("build/runs")


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("name", nargs="*", help="experiments (default: those of the report; with --check all that have a record)")
    about = "write nothing: look for changed numbers and other configurations, and run a part of each again"
    parser.add_argument("--check", action="store_true", help=about)
    parser.give_json()


def run(args: argparse.Namespace) -> int:
    """Run experiments, by default those of the report; with ``--check`` look at the records that there are."""
    from tsla.empirics.experiments.registry import EXPERIMENTS
    from tsla.empirics.experiments.runner import make_records
    from tsla.empirics.runs.records import FOLDER
    from tsla.theory.commands.answer import print_json

    if args.check:
        return _check_records(args)
    names = args.name or [name for name, experiment in EXPERIMENTS.items() if experiment.in_report]
    written = []
    for path in make_records(names, out=FOLDER, build=RUNS):
        written.append(str(path))
        if not args.json:
            print(path)
    if args.json:
        print_json({"written": written})
    return 0


def _check_records(args: argparse.Namespace) -> int:
    """One line a record, as soon as it is known; 1 where one is not what today's code says."""
    from dataclasses import asdict

    from tsla.empirics.experiments.recheck import recheck
    from tsla.theory.commands.answer import print_json
    from tsla.theory.text import finite, wrapped

    rows = []
    for found in recheck(args.name):
        rows.append(finite(asdict(found)) | {"current": found.current})
        if not args.json:
            print(wrapped(str(found)))
    if args.json:
        print_json({"records": rows})
    return int(not all(row["current"] for row in rows))
