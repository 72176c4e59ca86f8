"""``tsla anneal``."""

from __future__ import annotations

import argparse

import numpy as np

from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, example, moments
from tsla.theory.commands.swept import Answers, add_sweep, print_answers
from tsla.theory.constants import step_scale

ABOUT = "the theta that suits a step size (C12)"
DETAILS = "θ°(η) = ηL(σ²-c)/(β² + ηL(σ²+ν²-2c)), at least 0 and at most 1 (C12)"
EXAMPLE = f"anneal {example('L sigma2 beta2 nu2 eta')}"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "L sigma2 beta2 nu2 eta", "c", {"c": "0 if left out"})
    add_sweep(parser)


def run(args: argparse.Namespace) -> None:
    """θ°(η), and where it goes as η falls; with ``--sweep`` along it."""
    theta = np.asarray(moments(args).theta_for_step(step_scale(eta=args.eta, L=args.L, claim="C12")))
    if args.sweep:
        print_answers(args, Answers(args.sweep, "theta°(eta)   (C12)", {"theta": theta}))
        return
    why = "it goes to 0 with eta" if args.beta2 > 0 else "without bias it is the same at every eta"
    print_result(args, lambda: {"theta": float(theta)}, lambda: f"theta°(eta) = {float(theta):.6g}   (C12; {why})")
