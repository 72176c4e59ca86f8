"""``tsla variance``."""

from __future__ import annotations

import argparse

from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, example
from tsla.theory.commands.swept import Answers, add_sweep, print_answers
from tsla.theory.constants import Array
from tsla.theory.variance import from_bounds, from_moments

ABOUT = "variance of the smoothed direction"
DETAILS = (
    "Give --sigma2 --delta for what A2 and A3 say of E‖g_LS-∇F‖²: at most V(θ) = (1-θ)σ² + θδσ² (C2), and U(θ) = ((1-θ)σ + θ√δσ)² "
    "(C18). Give --s2 --shat2 --c for (1-θ)²s² + θ²ŝ² + 2θ(1-θ)c, which is exact (C11). With --grad2 there is also what a step of "
    "(1-θ)η does (C17)."
)
EXAMPLE = f"variance {example('s2 shat2 c grad2 theta')}"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "", "sigma2 delta s2 shat2 c grad2 theta", {"theta": "1/(1+delta) if left out, where delta is shat2/s2 of moments"})
    add_sweep(parser)


def run(args: argparse.Namespace) -> None:
    """Of bounds or of moments."""
    given = {name for name in ("sigma2", "delta", "s2", "shat2", "c", "grad2") if getattr(args, name) is not None}
    if given == {"sigma2", "delta"}:
        found = from_bounds(sigma2=args.sigma2, delta=args.delta, theta=args.theta)
    elif given - {"grad2"} == {"s2", "shat2", "c"}:
        found = from_moments(s2=args.s2, shat2=args.shat2, c=args.c, grad2=args.grad2, theta=args.theta)
    else:
        raise ValueError(
            f"got {' '.join(f'--{name}' for name in sorted(given)) or 'nothing'}; give --sigma2 --delta, or --s2 --shat2 --c [--grad2]"
        )
    if args.sweep:
        known: dict[str, Array] = {name: value for name, value in vars(found).items() if value is not None}
        beside: dict[str, Array] = {name: known.pop(name) for name in ("theta", "theta_star") if name in known}
        beside.pop(args.sweep.name, None)
        print_answers(args, Answers(args.sweep, "E‖g_LS - ∇F‖²", known, beside))
        return
    print_result(args, found.json, found.table)
