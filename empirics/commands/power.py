"""``tsla power``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tsla.options import Parser, whole
from tsla.theory.commands.options import add_numbers

ABOUT = "seeds that it takes to tell two methods apart"
DETAILS = (
    "By a two-sided paired t-test on a pilot record, at each of its checkpoints. A short pilot may have too little spread by chance: after "
    "one of ten seeds, the test finds the effect less often than --power says. docs/intervals.md has how often."
)
EXAMPLE = "power records/digits.parquet --a tsla --b sgd --column test_accuracy"
EXTRA = "runs"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("record", type=Path, metavar="RECORD", help="a Parquet record, such as records/digits.parquet")
    parser.add_argument("--a", help="a method of the record, or a column; with --b")
    parser.add_argument("--b", help="what is subtracted from it, seed by seed")
    parser.add_argument("--column", help="what is compared; without --a and --b, a column of differences")
    parser.add_argument("--where", action="append", default=[], metavar="NAME=VALUE", help="keep these rows only; may be given again")
    parser.add_argument("--seeds", type=whole, help="seeds that can be afforded: the first checkpoint at which they are enough")
    add_numbers(parser, "", "effect", level=0.05, power=0.8)


def run(args: argparse.Namespace) -> None:
    """Seeds and steps to tell two methods apart."""
    from tsla.empirics.runs.records import read as read_record
    from tsla.empirics.statistics.checkpoints import plan, table
    from tsla.empirics.statistics.pilot import conditions, pilot
    from tsla.theory.commands.answer import print_result

    where = conditions(args.where)
    found = pilot(read_record(args.record).table, column=args.column, a=args.a, b=args.b, where=where)
    answer = plan(found, effect=args.effect, level=args.level, power=args.power, seeds=args.seeds)
    print_result(args, lambda: answer, lambda: table(answer))
