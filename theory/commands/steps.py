"""``tsla steps``."""

from __future__ import annotations

import argparse
from functools import partial

from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import CONSTANTS, add_numbers, constants
from tsla.theory.methods import METHODS

ABOUT = "samples that a bound asks for"


def add(parser: Parser) -> None:
    """Its options."""
    methods = parser.add_subparsers(required=True, metavar="METHOD")
    for name, method in METHODS.items():
        about = f"samples until {name} has E‖∇F‖² <= eps², by its bound"
        leaf = methods.add_parser(name, help=about, description=about)
        leaf.set_defaults(method=name)
        others = " ".join(constant for constant in CONSTANTS if constant not in method.needs.split())
        leaf.fill_later(partial(add_numbers, leaf, f"{method.needs} eps", others))


def run(args: argparse.Namespace) -> None:
    """The plan of a method."""
    plan = METHODS[args.method](constants(args), eps=args.eps)
    print_result(args, plan.json, lambda: plan.table(args.eps))
