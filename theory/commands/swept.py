"""``--sweep``: a command's answers along the values of one number, as a table, as JSON, as CSV, and drawn."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tsla.options import Parser, among, number
from tsla.theory.commands.answer import print_result
from tsla.theory.constants import Array
from tsla.theory.text import WIDTH, Json, Printed, as_csv, blocks, count, wrapped
from tsla.theory.text import number as said

FORM = "NAME=LOW:HIGH:COUNT[:log|:linear]"
FORMATS = (".svg", ".png", ".pdf")
EVENLY = ("theta", "c", "momentum", "B")
"""What may be 0 or below, or is a share of 1, is spaced evenly unless it is said otherwise."""
WHOLE = ("T", "T1", "T2", "T3", "budget")
"""What is a whole number is rounded to one, and each is there once."""
MOST = 10_000
"""Values of a sweep: more are a slip of the hand."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """``values``, shape (count,), of the number that is called ``name``, rising; spaced evenly, or with ``log`` their logarithms are."""

    name: str
    values: Array
    log: bool


@dataclass(frozen=True, eq=False, repr=False)
class Answers(Printed):
    """What a command answers at each value of a sweep; numbers have shape (count,), and are not finite where there is none.

    quantity:  what is answered, which stands above the table
    columns:   name -> numbers, all of one kind, which are what is drawn
    beside:    name -> numbers of another kind
    labels:    name -> a word for each value
    why:       name of a column -> why it has no number where it has none
    says:      how a number of ``columns`` is printed
    """

    sweep: Sweep
    quantity: str
    columns: Mapping[str, Array]
    beside: Mapping[str, Array] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    says: Callable[[float], str] = said

    def rows(self) -> list[Json]:
        """A row a value: the number that is swept, then the words and the numbers of each column, None where there is none."""
        numbers = {self.sweep.name: self.sweep.values, **self.columns, **self.beside}
        cells: dict[str, Sequence[Any]] = {name: self._cells(name, of) for name, of in numbers.items()}
        cells |= self.labels
        order = [self.sweep.name, *self.labels, *self.columns, *self.beside]
        return [dict(zip(order, row, strict=True)) for row in zip(*(cells[name] for name in order), strict=True)]

    def _cells(self, name: str, numbers: Array) -> list[float | int | None]:
        """Whole numbers where they are counted."""
        counted = name in WHOLE or (name in self.columns and self.says is count)
        values = np.broadcast_to(numbers, self.sweep.values.shape).tolist()
        return [None if not np.isfinite(value) else int(value) if counted else value for value in values]

    def json(self) -> Json:
        """``{"sweep", "scale", "quantity", "rows", "why"}``; ``why`` says of each column with a null what that means."""
        rows = self.rows()
        without = {name for row in rows for name, value in row.items() if value is None}
        return {
            "sweep": self.sweep.name,
            "scale": "log" if self.sweep.log else "linear",
            "quantity": self.quantity,
            "rows": rows,
            "why": {name: why for name, why in self.why.items() if name in without},
        }

    def csv(self) -> str:
        """A line of names, then a line a value; empty where there is no number."""
        return as_csv(self.rows())

    def table(self) -> str:
        """A line a value, with as many columns as WIDTH has room for, and what is left out."""
        columns = [[self.sweep.name, *map(said, self.sweep.values)], *([name, *words] for name, words in self.labels.items())]
        for says, numbers in ((self.says, self.columns), (_or_dash, self.beside)):
            columns += [[name, *map(says, np.broadcast_to(of, self.sweep.values.shape))] for name, of in numbers.items()]
        shown = columns
        while sum(2 + max(map(len, column)) for column in shown) > WIDTH:
            shown = shown[:-1]
        left_out = [column[0] for column in columns[len(shown) :]]
        told = {column[0] for column in shown}
        notes = [f"Where {name} has no number: {why}." for name, why in self.json()["why"].items() if name in told]
        if left_out:
            named = ", ".join(left_out) if len(left_out) <= 8 else f"{len(left_out)} columns, {left_out[0]} to {left_out[-1]}"
            notes.append(f"Left out, and there with --json and --csv: {named}.")
        return "\n".join([wrapped(self.quantity), blocks(shown), *(wrapped(note, indent="  ", more="") for note in notes)])


def _or_dash(value: float) -> str:
    return said(value) if np.isfinite(value) else "-"


def add_sweep(parser: Parser) -> None:
    """``--sweep``, and what becomes of its answers."""
    linear = f"{', '.join(EVENLY[:-1])} and {EVENLY[-1]}"
    about = f"along so many values of a number from LOW to HIGH, such as delta=1e-4:1:50; even on a log scale, {linear} on a linear one"
    parser.add_argument("--sweep", type=sweep, metavar=FORM, help=about)
    parser.add_argument("--csv", action="store_true", help="print the sweep as CSV")
    parser.add_argument("--plot", type=picture, metavar="FILE", help=f"draw the sweep to this file ({', '.join(FORMATS)}; extra figures)")
    parser.set_defaults(settle=settle)


def sweep(text: str) -> Sweep:
    """A kind of option."""
    form = re.fullmatch(r"(\w+)=([^:]+):([^:]+):([^:]+)(?::(log|linear))?", text)
    if form is None:
        raise argparse.ArgumentTypeError(f"{text!r} must be {FORM}, such as delta=1e-4:1:50")
    name, low, high, count, scale = form.groups()
    first, last = number(low), number(high)
    log = name not in EVENLY if scale is None else scale == "log"
    if not (np.isfinite(first) and np.isfinite(last) and first < last):
        raise argparse.ArgumentTypeError(f"{text!r}: LOW must be below HIGH, and both finite")
    if not count.isdecimal() or not 2 <= int(count) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: COUNT must be a whole number from 2 to {MOST:,}")
    if log and first <= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: LOW must be above 0 on a log scale; add :linear for a linear one")
    with np.errstate(all="ignore"):  # on the way to an end that is near the largest float64, which the ends themselves are put for
        values = (np.geomspace if log else np.linspace)(first, last, int(count))
    if not np.isfinite(values).all():
        raise argparse.ArgumentTypeError(f"{text!r}: HIGH - LOW must be a number that float64 can hold")
    return Sweep(name, np.unique(np.rint(values)) if name in WHOLE else values, log)


def picture(text: str) -> Path:
    """A kind of option."""
    if Path(text).suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    return Path(text)


def settle(args: argparse.Namespace) -> None:
    """The values of a sweep in the place of the number that they are of. Raises ValueError where that is none, or is given beside it."""
    if args.sweep is None:
        for name in ("csv", "plot"):
            if getattr(args, name):
                raise ValueError(f"--{name} has no use without --sweep")
        return
    if args.csv and args.json:
        raise ValueError("--csv and --json exclude each other; must be one of them")
    name, numbers = args.sweep.name, args.parser.numbers
    if name not in numbers:
        raise ValueError(f"sweep = {name!r} is no number of this command; {among(name, numbers)}")
    if getattr(args, name) is not None:
        raise ValueError(f"{name} = {getattr(args, name):g} is swept too; must be given once, by --{name} or by --sweep")
    setattr(args, name, args.sweep.values)


def print_answers(args: argparse.Namespace, answers: Answers) -> None:
    """Drawn first, then printed: what can't be drawn is refused, and nothing is printed."""
    if args.plot is not None:
        args.draw(answers, args.plot)
    if args.csv:
        print(answers.csv(), end="")
    else:
        print_result(args, answers.json, answers.table)


def one_by_one(args: argparse.Namespace) -> list[argparse.Namespace]:
    """The arguments at each value of the sweep, for what takes single numbers only."""
    return [argparse.Namespace(**vars(args) | {args.sweep.name: float(value)}) for value in args.sweep.values]
