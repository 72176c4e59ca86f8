"""``tsla power``. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse

from tsla.empirics.runs.files import must_be_there
from tsla.empirics.runs.records import read as read_record
from tsla.empirics.statistics.checkpoints import plan, table
from tsla.empirics.statistics.pilot import pilot
from tsla.theory.commands import print_result


def power(args: argparse.Namespace) -> None:
    """``tsla power``: seeds and steps to tell two methods apart."""
    must_be_there("record", args.record, "a record such as `tsla train --out` writes")
    unclear = [text for text in args.where if "=" not in text]
    if unclear:
        raise ValueError(f"where = {unclear[0]!r} must be NAME=VALUE, a column and what it must hold")
    where = dict(text.split("=", 1) for text in args.where)
    found = pilot(read_record(args.record).table, column=args.column, a=args.a, b=args.b, where=where)
    answer = plan(found, effect=args.effect, level=args.level, power=args.power, seeds=args.seeds)
    print_result(args, lambda: answer, lambda: table(answer))
