"""``tsla compare``."""

from __future__ import annotations

import argparse

import numpy as np

from tsla.options import Parser
from tsla.theory import complexity
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, constants, example, oracle
from tsla.theory.commands.swept import Answers, add_sweep, print_answers
from tsla.theory.text import count

ABOUT = "all methods side by side, and who is ahead"
DETAILS = "Each line is the plan of `tsla steps METHOD`. With beta2 and nu2 there are those too that tell bias from noise."
EXAMPLE = f"compare {example('L mu sigma2 delta F0 eps')}"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "L mu sigma2 delta F0 eps", "beta2 nu2 c", {"c": "with beta2 and nu2; 0 if left out"})
    add_sweep(parser)


def run(args: argparse.Namespace) -> None:
    """The table of C9 and C15; with ``--sweep`` the samples of each method along it, and who is ahead."""
    known, split = constants(args), oracle(args)
    if args.sweep:
        plans = complexity.every_plan(known, eps=args.eps, oracle=split)
        totals = np.stack([np.broadcast_to(plan.total, args.sweep.values.shape) for plan in plans])
        ahead = [plans[i].method for i in np.argmin(totals, axis=0)]
        samples = {plan.method: total for plan, total in zip(plans, totals, strict=True)}
        why = {plan.method: plan.why or "" for plan in plans}
        answers = Answers(args.sweep, "samples until E‖∇F‖² <= eps²", samples, labels={"ahead": ahead}, why=why, says=count)
        print_answers(args, answers)
        return
    comparison = complexity.compare(known, eps=args.eps, oracle=split)
    print_result(args, comparison.json, lambda: comparison.table(args.eps))
