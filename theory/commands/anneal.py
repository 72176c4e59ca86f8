"""``tsla anneal``."""

from __future__ import annotations

import argparse

from tsla.options import Parser
from tsla.theory import annealing
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers

ABOUT = "the theta that suits a step size (C12)"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "L sigma2 beta2 nu2 eta", "c")


def run(args: argparse.Namespace) -> None:
    """θ°(η), and where it goes as η falls."""
    why = "it goes to 0 with eta" if args.beta2 > 0 else "without bias it is the same at every eta"
    theta = float(annealing.best_theta(args.sigma2, beta2=args.beta2, nu2=args.nu2, c=args.c or 0.0, L=args.L, eta=args.eta))
    print_result(args, lambda: {"theta": theta}, lambda: f"theta°(eta) = {theta:.6g}   (C12; {why})")
