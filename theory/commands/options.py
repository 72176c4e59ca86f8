"""The options for numbers, and what several subcommands make of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from tsla.options import Parser, number
from tsla.theory.biased import SmoothingOracle
from tsla.theory.claims import CLAIMS
from tsla.theory.constants import Constants, real
from tsla.theory.growing_noise import Growth
from tsla.theory.method import ORACLE, Method
from tsla.theory.moments import Moments

OPTIONS = {
    "L": "smoothness of F (A1)",
    "mu": "Polyak-Łojasiewicz constant (A4), at most L",
    "sigma2": "variance of the one-hot stochastic gradient (A2)",
    "delta": "E‖ĝ-∇F‖² <= delta*sigma2 (A3)",
    "F0": "a number that is at least F(w_0) - F*",
    "eta": "step size; most bounds ask for at most 1/L",
    "T": "number of steps",
    "eta1": "step size of the smoothed stage, at most 1/L",
    "T1": "steps of the smoothed stage",
    "eta2": "step size of the plain stage, at most 1/L",
    "T2": "steps of the plain stage",
    "momentum": "of the heavy ball, from 0 to below 1: v ← momentum*v + g, w ← w - eta*v",
    "clip": "length to which a longer gradient is clipped",
    "steepest": "the largest ‖∇F‖ along the run, below clip",
    "theta": "smoothing strength in [0, 1]",
    "eps": "target: E‖∇F‖² <= eps²",
    "s2": "E‖g-∇F‖²",
    "shat2": "E‖ĝ-∇F‖²",
    "c": "E⟨g-∇F, ĝ-∇F⟩",
    "grad2": "‖∇F‖², for the shrinkage control (C17)",
    "beta2": "‖Eĝ-∇F‖² <= beta2, the squared bias of ĝ (C12)",
    "nu2": "E‖ĝ-Eĝ‖² <= nu2, the noise of ĝ (C12)",
    "A": "growth of the noise with the gap: E‖g-∇F‖² <= 2A(F-F*) + B‖∇F‖² + C (A2′)",
    "B": "growth of the noise with the gradient (A2′)",
    "C": "what is left of the noise where it does not grow (A2′)",
    "budget": "samples that may be spent",
    "effect": "smallest difference worth finding, in units of the column; if left out, the pilot's own mean",
    "level": "level of the two-sided paired t-test",
    "power": "probability of finding the effect",
}
EXAMPLES: dict[str, float] = {
    **{"L": 10, "mu": 1, "sigma2": 1, "delta": 0.1, "F0": 1, "beta2": 0.05, "nu2": 0.05, "A": 10, "B": 0, "C": 1, "eps": 0.1},
    **{"eta": 0.01, "T": 1000, "eta1": 0.1, "T1": 24, "eta2": 0.0005, "T2": 160000, "momentum": 0.5, "clip": 3, "steepest": 1},
    **{"s2": 1, "shat2": 0.5, "c": -0.1, "grad2": 0.3, "theta": 0.2},
}
"""A number for each, with which the examples in the help are made."""
STATED = {part.id: part for claim in CLAIMS for part in (claim, *claim.parts)}
CONSTANTS = ("L", "mu", "sigma2", "delta", "F0")


def add_numbers(parser: Parser, required: str, optional: str = "", left_out: Mapping[str, str] | None = None, **defaults: float) -> None:
    """Options for numbers, by their names with spaces between, those with ``defaults``, and ``--json``.

    ``left_out`` says of optional ones what stands in their place.
    """
    parser.need(*required.split())
    without = {name: f" ({says})" for name, says in (left_out or {}).items()}
    notes = dict.fromkeys(required.split(), " (required)") | {name: without.get(name, "") for name in optional.split()}
    for name, note in (notes | {name: f" (default {value})" for name, value in defaults.items()}).items():
        parser.numbers.append(name)
        parser.add_argument(f"--{name}", type=number, metavar="X", default=defaults.get(name), help=OPTIONS[name] + note)
    parser.give_json()


def example(names: str) -> str:
    """Options with their numbers in EXAMPLES, by their names with spaces between."""
    return " ".join(f"--{name} {EXAMPLES[name]:g}" for name in names.split())


def title(method: Method) -> str:
    """Of its claim."""
    return method.title or STATED[method.claim].title


def formula(method: Method) -> str:
    """Its claim, as it is stated."""
    return f"{method.claim}: {method.statement or STATED[method.claim].statement}"


def constants(args: argparse.Namespace) -> Constants:
    """Those that were given. Of noise that grows, C is the ``sigma2``."""
    given: dict[str, Any] = {name: getattr(args, name, None) for name in CONSTANTS}
    if hasattr(args, "C"):
        given["sigma2"] = real("C", args.C, at_least=0)
    return Constants(**given)


def growth(args: argparse.Namespace) -> Growth:
    """That of --A --B."""
    return Growth(A=args.A, B=args.B)


def oracle(args: argparse.Namespace) -> SmoothingOracle | None:
    """The oracle of --beta2 --nu2 [--c]; None where none of them is given."""
    given = [name for name in ORACLE if getattr(args, name, None) is not None]
    if not given:
        return None
    if args.beta2 is None or args.nu2 is None:
        missing = " and ".join(f"--{name}" for name in ("beta2", "nu2") if name not in given)
        raise ValueError(f"got --{given[0]} without {missing}; bias and noise go together: --beta2 --nu2 [--c]")
    return _of_options(args)


def moments(args: argparse.Namespace) -> Moments:
    """Those of --sigma2 --beta2 --nu2 [--c]."""
    return _of_options(args).moments(args.sigma2)


def _of_options(args: argparse.Namespace) -> SmoothingOracle:
    return SmoothingOracle(beta2=args.beta2, nu2=args.nu2, c=0.0 if args.c is None else args.c)
