"""``tsla bound``."""

from __future__ import annotations

import argparse
from typing import Any

from tsla.options import Parser
from tsla.theory import biased, lsr, sgd, two_stage, worst_case
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, constants, oracle
from tsla.theory.constants import Constants
from tsla.theory.derivations import DERIVATIONS

BOUNDS = {  # method -> required and optional options
    "sgd": ("L sigma2 F0 eta T", ""),
    "lsr": ("L sigma2 F0 eta T", "delta theta beta2 nu2 c mu"),
    "tsla": ("L mu sigma2 delta F0 eta1 T1 eta2 T2", "theta"),
}

ABOUT = "evaluate a bound (C4, C5, C8, C12, C16)"


def add(parser: Parser) -> None:
    """Its options."""
    methods = parser.add_subparsers(required=True, metavar="METHOD")
    for method, (required, optional) in BOUNDS.items():
        about = f"the bound of {method} and its terms"
        leaf = methods.add_parser(method, help=about, description=about)
        leaf.set_defaults(method=method)
        add_numbers(leaf, required, optional)
        leaf.add_argument("--why", action="store_true", help="the derivation, line by line, with these numbers")
        if method == "sgd":
            leaf.add_argument("--exact", action="store_true", help="the exact worst case (C16) in place of C4; eta may be up to 2/L")


def run(args: argparse.Namespace) -> None:
    """The bound, its terms, and with ``--why`` its derivation."""
    run = {name: getattr(args, name) for name in ("eta", "T", "eta1", "T1", "eta2", "T2", "theta") if hasattr(args, name)}
    known = constants(args)
    function, *given = _bound_function(args, known)
    found = function(*given, **run)
    lines = []
    if args.why:
        lines = DERIVATIONS[found.claim](*given, **run)
    print_result(
        args,
        lambda: found.json() | ({"derivation": lines} if lines else {}),
        lambda: "\n".join([found.table(), *(f"  {i}. {line}" for i, line in enumerate(lines, 1))]),
    )


def _bound_function(args: argparse.Namespace, known: Constants) -> tuple[Any, ...]:
    """The bound that the options ask for, and what it takes before the numbers of the run."""
    if args.method == "sgd":
        return (worst_case.sgd_bound if args.exact else sgd.bound), known
    if args.method == "tsla":
        return two_stage.bound, known
    smoothing = oracle(args)
    if smoothing is None:
        if args.mu is not None:
            raise ValueError(f"mu = {args.mu:g} has no use with --delta; it goes with --beta2 --nu2 (C12)")
        if args.delta is None:
            raise ValueError("the following arguments are required: --delta (C5), or --beta2 --nu2 (C12)")
        return lsr.bound, known
    if args.delta is not None:
        raise ValueError(f"delta = {args.delta:g} goes without --beta2 and --nu2: delta*sigma2 is their sum")
    return (biased.bound if args.mu is None else biased.gap_bound), known, smoothing
