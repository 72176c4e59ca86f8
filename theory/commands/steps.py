"""``tsla steps``."""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import CONSTANTS, add_numbers, constants, example, formula
from tsla.theory.commands.swept import Answers, Sweep, add_sweep, print_answers
from tsla.theory.constants import Array
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan
from tsla.theory.text import count

ABOUT = "samples until a bound gets to a target eps"
EXAMPLE = f"steps tsla {example('L mu sigma2 delta F0 eps')}"


def add(parser: Parser) -> None:
    """Its options."""
    methods = parser.add_subparsers(required=True, metavar="METHOD")
    for name, method in METHODS.items():
        about = f"samples until {name} has E‖∇F‖² <= eps², by its bound"
        short = f"by {method.claim}, from {' '.join(method.assumes)}"
        leaf = methods.add_parser(name, help=short, description=f"{about}\n\n{formula(method)}")
        leaf.example(f"steps {name} {example(f'{method.needs} eps')}")
        leaf.set_defaults(method=name)
        others = " ".join(constant for constant in CONSTANTS if constant not in method.needs.split())
        leaf.fill_later(partial(_add_options, leaf, f"{method.needs} eps", others))


def _add_options(leaf: Parser, required: str, others: str) -> None:
    add_numbers(leaf, required, others)
    add_sweep(leaf)


def run(args: argparse.Namespace) -> None:
    """The plan of a method; with ``--sweep`` its samples along it."""
    plan = METHODS[args.method](constants(args), eps=args.eps)
    if args.sweep:
        print_answers(args, along(args.sweep, plan))
        return
    print_result(args, plan.json, lambda: plan.table(args.eps))


def along(sweep: Sweep, plan: Plan) -> Answers:
    """Samples, and of each stage steps, step size and strength."""
    several = len(plan.stages) > 1
    parts: dict[str, Array] = {}
    for i, stage in enumerate(plan.stages, 1):
        n = i if several else ""
        parts |= {f"T{n}": stage.steps, f"eta{n}": stage.step_size(0), f"theta{n}": stage.theta}
    beside = {name: np.where(plan.reachable, value, np.nan) for name, value in parts.items()}
    quantity = f"{plan.method}: samples until E‖∇F‖² <= eps²   ({plan.claim}; assumes {' '.join(plan.assumes)})"
    return Answers(sweep, quantity, {"samples": plan.total}, beside, why={"samples": plan.why or ""}, says=count)
