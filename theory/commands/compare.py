"""``tsla compare``."""

from __future__ import annotations

import argparse

from tsla.options import Parser
from tsla.theory import complexity
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, constants, oracle

ABOUT = "all methods side by side"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "L mu sigma2 delta F0 eps", "beta2 nu2 c")


def run(args: argparse.Namespace) -> None:
    """The table of C9 and C15."""
    comparison = complexity.compare(constants(args), eps=args.eps, oracle=oracle(args))
    print_result(args, comparison.json, lambda: comparison.table(args.eps))
