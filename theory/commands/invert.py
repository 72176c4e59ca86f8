"""``tsla invert``."""

from __future__ import annotations

import argparse

from tsla.options import Parser
from tsla.theory import inversion
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, constants

ABOUT = "a budget of samples -> the best eps of each method; or a target eps -> the largest delta at which smoothing pays"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "L mu sigma2 F0", "delta budget eps")


def run(args: argparse.Namespace) -> None:
    """A budget to the best ε, or a target to the largest δ."""
    if args.budget is not None and args.delta is not None and args.eps is None:
        best = inversion.best_eps(constants(args), budget=args.budget)
        print_result(args, lambda: {"budget": args.budget, "eps": best}, lambda: inversion.best_eps_table(best, args.budget))
    elif args.eps is not None and args.budget is None and args.delta is None:
        largest = inversion.crossovers(constants(args), eps=args.eps)
        print_result(args, lambda: inversion.crossovers_json(largest, args.eps), lambda: inversion.crossovers_table(largest, args.eps))
    else:
        given = " ".join(f"--{name}" for name in ("budget", "delta", "eps") if getattr(args, name) is not None) or "none of them"
        raise ValueError(
            f"give --budget and --delta for the best eps of each method, or --eps alone for the largest delta that pays; got {given}"
        )
