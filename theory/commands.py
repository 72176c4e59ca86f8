"""The subcommands of numbers: arguments in, one JSON object or a small table out. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from tsla.theory import biased, complexity, inversion, lsr, sgd, tables, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants, UnrepresentableError, step_scale
from tsla.theory.derivations import DERIVATIONS
from tsla.theory.methods import METHODS
from tsla.theory.moments import Moments
from tsla.theory.variance import from_bounds, from_moments

CONSTANTS = ("L", "mu", "sigma2", "delta", "F0")


def _constants(args: argparse.Namespace) -> Constants:
    given: dict[str, Any] = {name: getattr(args, name, None) for name in CONSTANTS}
    return Constants(**given)


def print_result(args: argparse.Namespace, as_json: Callable[[], dict[str, Any]], as_table: Callable[[], str]) -> None:
    """One JSON object with ``--json``, in ASCII, so that it is JSON whatever the encoding of the output; else a table.

    Raises UnrepresentableError for an infinity or nan, which JSON does not have.
    """
    found = as_json()
    try:
        text = json.dumps(found, allow_nan=False)
    except ValueError:
        raise UnrepresentableError("the answer holds a number that is not finite: it overflows float64; rescale F") from None
    print(text if args.json else as_table())


def _oracle(args: argparse.Namespace) -> SmoothingOracle | None:
    """The oracle of --beta2 --nu2 [--c]; None where none of them is given."""
    given = [name for name in ("beta2", "nu2", "c") if getattr(args, name) is not None]
    if not given:
        return None
    if args.beta2 is None or args.nu2 is None:
        missing = " and ".join(f"--{name}" for name in ("beta2", "nu2") if name not in given)
        raise ValueError(f"got --{given[0]} without {missing}; bias and noise go together: --beta2 --nu2 [--c]")
    return SmoothingOracle(beta2=args.beta2, nu2=args.nu2, c=args.c or 0.0)


def _split(args: argparse.Namespace) -> Moments:
    """The moments of --sigma2 --beta2 --nu2 [--c]."""
    return SmoothingOracle(beta2=args.beta2, nu2=args.nu2, c=args.c or 0.0).moments(args.sigma2)


def bound(args: argparse.Namespace) -> None:
    """``tsla bound``."""
    run = {name: getattr(args, name) for name in ("eta", "T", "eta1", "T1", "eta2", "T2", "theta") if hasattr(args, name)}
    known = _constants(args)
    function, *given = _bound_function(args, known)
    found = function(*given, **run)
    lines = []
    if args.why:
        lines = DERIVATIONS[found.claim](*given, **run)
    print_result(
        args,
        lambda: tables.bound_json(found) | ({"derivation": lines} if lines else {}),
        lambda: "\n".join([tables.bound_table(found), *(f"  {i}. {line}" for i, line in enumerate(lines, 1))]),
    )


def _bound_function(args: argparse.Namespace, known: Constants) -> tuple[Any, ...]:
    """The bound that the options ask for, and what it takes before the numbers of the run."""
    if args.method == "sgd":
        return (worst_case.sgd_bound if args.exact else sgd.bound), known
    if args.method == "tsla":
        return two_stage.bound, known
    oracle = _oracle(args)
    if oracle is None:
        if args.mu is not None:
            raise ValueError(f"mu = {args.mu:g} has no use with --delta; it goes with --beta2 --nu2 (C12)")
        if args.delta is None:
            raise ValueError("the following arguments are required: --delta (C5), or --beta2 --nu2 (C12)")
        return lsr.bound, known
    if args.delta is not None:
        raise ValueError(f"delta = {args.delta:g} goes without --beta2 and --nu2: delta*sigma2 is their sum")
    return (biased.bound if args.mu is None else biased.gap_bound), known, oracle


def steps(args: argparse.Namespace) -> None:
    """``tsla steps``."""
    plan = METHODS[args.method](_constants(args), eps=args.eps)
    print_result(args, lambda: tables.plan_json(plan), lambda: tables.plan_table(plan, args.eps))


def compare(args: argparse.Namespace) -> None:
    """``tsla compare``."""
    comparison = complexity.compare(_constants(args), eps=args.eps, oracle=_oracle(args))
    print_result(args, lambda: tables.comparison_json(comparison), lambda: tables.comparison_table(comparison, args.eps))


def invert(args: argparse.Namespace) -> None:
    """``tsla invert``: a budget to the best ε, or a target to the largest δ."""
    if args.budget is not None and args.delta is not None and args.eps is None:
        best = inversion.best_eps(_constants(args), budget=args.budget)
        print_result(args, lambda: {"budget": args.budget, "eps": best}, lambda: tables.best_eps_table(best, args.budget))
    elif args.eps is not None and args.budget is None and args.delta is None:
        largest = inversion.crossovers(_constants(args), eps=args.eps)
        print_result(args, lambda: tables.crossovers_json(largest, args.eps), lambda: tables.crossovers_table(largest, args.eps))
    else:
        given = " ".join(f"--{name}" for name in ("budget", "delta", "eps") if getattr(args, name) is not None) or "none of them"
        raise ValueError(
            f"give --budget and --delta for the best eps of each method, or --eps alone for the largest delta that pays; got {given}"
        )


def anneal(args: argparse.Namespace) -> None:
    """``tsla anneal``."""
    why = "it goes to 0 with eta" if args.beta2 > 0 else "without bias it is the same at every eta"
    theta = float(_split(args).theta_for_step(step_scale(eta=args.eta, L=args.L, claim="C12")))
    print_result(args, lambda: {"theta": theta}, lambda: f"theta°(eta) = {theta:.6g}   (C12; {why})")


def critical_batch(args: argparse.Namespace) -> None:
    """``tsla critical-batch``."""
    theta = 1.0 if args.theta is None else args.theta
    if (args.L is None) != (args.eta is None):
        raise ValueError("L and eta go together: with both, the batch size for the bound at that step size; without, for the variance")
    eta_L = 1.0 if args.eta is None else step_scale(eta=args.eta, L=args.L, claim="C14")
    size = float(_split(args).critical_batch_size(theta, eta_L=eta_L))
    print_result(args, lambda: tables.critical_batch_json(size), lambda: tables.critical_batch_table(size, theta))


def variance(args: argparse.Namespace) -> None:
    """``tsla variance``, of bounds or of moments."""
    given = {name for name in ("sigma2", "delta", "s2", "shat2", "c", "grad2") if getattr(args, name) is not None}
    if given == {"sigma2", "delta"}:
        found = from_bounds(sigma2=args.sigma2, delta=args.delta, theta=args.theta)
        plain, smoothed = args.sigma2, args.sigma2 * args.delta
    elif given - {"grad2"} == {"s2", "shat2", "c"}:
        found = from_moments(s2=args.s2, shat2=args.shat2, c=args.c, grad2=args.grad2, theta=args.theta)
        plain, smoothed = args.s2, args.shat2
    else:
        raise ValueError(
            f"got {' '.join(f'--{name}' for name in sorted(given)) or 'nothing'}; give --sigma2 --delta, or --s2 --shat2 --c [--grad2]"
        )
    print_result(args, lambda: tables.variance_json(found), lambda: tables.variance_table(found, plain, smoothed))
