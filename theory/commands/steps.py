"""``tsla steps``."""

from __future__ import annotations

import argparse

from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import CONSTANTS, add_numbers, constants
from tsla.theory.methods import METHODS

STEPS = {
    "sgd": "L sigma2 F0 eps",
    "sgd-exact": "L sigma2 F0 eps",
    "lsr": "L sigma2 delta F0 eps",
    "tsla": "L mu sigma2 delta F0 eps",
    "sgd-pl": "L mu sigma2 F0 eps",
    "sgd-pl-last": "L mu sigma2 F0 eps",
    "sgd-two-step": "L mu sigma2 F0 eps",
    "lsr-pl": "L mu sigma2 delta F0 eps",
}

ABOUT = "samples that a bound asks for"


def add(parser: Parser) -> None:
    """Its options."""
    methods = parser.add_subparsers(required=True, metavar="METHOD")
    for method, required in STEPS.items():
        about = f"samples until {method} has E‖∇F‖² <= eps², by its bound"
        leaf = methods.add_parser(method, help=about, description=about)
        leaf.set_defaults(method=method)
        add_numbers(leaf, required, " ".join(name for name in CONSTANTS if name not in required.split()))


def run(args: argparse.Namespace) -> None:
    """The plan of a method."""
    plan = METHODS[args.method](constants(args), eps=args.eps)
    print_result(args, plan.json, lambda: plan.table(args.eps))
