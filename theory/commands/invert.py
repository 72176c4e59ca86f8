"""``tsla invert``."""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from tsla.options import Parser
from tsla.theory import inversion
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, constants, example
from tsla.theory.commands.swept import Answers, add_sweep, one_by_one, print_answers
from tsla.theory.text import number

ABOUT = "from a budget the best eps, from a target the largest delta"
DETAILS = (
    "With --budget and --delta: the smallest eps that so many samples reach, by the bound of each method. With --eps alone: the "
    "largest delta at which smoothing asks for fewer samples than a method that does not smooth."
)
EXAMPLE = f"invert {example('L mu sigma2 F0 eps')}"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "L mu sigma2 F0", "delta budget eps")
    add_sweep(parser)


def run(args: argparse.Namespace) -> None:
    """A budget to the best ε, or a target to the largest δ; with ``--sweep`` along it."""
    if args.budget is not None and args.delta is not None and args.eps is None:
        if args.sweep:
            print_answers(args, best_along(args))
            return
        best = inversion.best_eps(constants(args), budget=args.budget)
        print_result(args, partial(inversion.best_eps_json, best, args.budget), lambda: inversion.best_eps_table(best, args.budget))
    elif args.eps is not None and args.budget is None and args.delta is None:
        if args.sweep:
            print_answers(args, largest_along(args))
            return
        largest = inversion.crossovers(constants(args), eps=args.eps)
        print_result(args, lambda: inversion.crossovers_json(largest, args.eps), lambda: inversion.crossovers_table(largest, args.eps))
    else:
        given = " ".join(f"--{name}" for name in ("budget", "delta", "eps") if getattr(args, name) is not None) or "none of them"
        raise ValueError(
            f"give --budget and --delta for the best eps of each method, or --eps alone for the largest delta that pays; got {given}"
        )


def best_along(args: argparse.Namespace) -> Answers:
    """The best ε of each method at each value of the sweep."""
    found = [inversion.best_eps(constants(one), budget=one.budget) for one in one_by_one(args)]
    columns = {name: np.array([np.nan if best[name] is None else best[name] for best in found], dtype=np.float64) for name in found[0]}
    why = dict.fromkeys(columns, inversion.TOO_FEW)
    return Answers(args.sweep, "the smallest eps that the samples reach, by the bounds", columns, why=why, says=_eps)


def _eps(value: float) -> str:
    return "no eps" if np.isnan(value) else number(value)


def largest_along(args: argparse.Namespace) -> Answers:
    """The largest δ of each pair of methods at each value of the sweep."""
    found = [inversion.crossovers(constants(one), eps=one.eps) for one in one_by_one(args)]
    columns = {pair: np.array([largest[pair] for largest in found]) for pair in found[0]}
    why = dict.fromkeys(columns, inversion.AT_EVERY)
    quantity = "the largest delta at which a smoothed bound asks for fewer samples, or gets to eps"
    return Answers(args.sweep, quantity, columns, why=why, says=inversion.delta_said)
