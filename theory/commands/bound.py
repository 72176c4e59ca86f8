"""``tsla bound``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import CONSTANTS, add_numbers, constants, example, formula, growth, oracle, title
from tsla.theory.commands.swept import Answers, add_sweep, print_answers
from tsla.theory.method import GROWTH, ORACLE, Method
from tsla.theory.methods import bounds
from tsla.theory.text import number_up, wrapped

CLAIMS = sorted({form.claim for forms in bounds().values() for form in forms}, key=lambda claim: (len(claim.rstrip("abc")), claim))
ABOUT = "an upper bound on E‖∇F‖² or on the gap, term by term"
DETAILS = f"Those of {', '.join(CLAIMS)}."
EXAMPLE = f"bound sgd {example('L sigma2 F0 eta T')}"


def add(parser: Parser) -> None:
    """Its options."""
    methods = parser.add_subparsers(required=True, metavar="METHOD")
    for name, forms in bounds().items():
        about = ", ".join(dict.fromkeys(f"{title(form)} ({form.claim})" for form in forms))
        formulas = dict.fromkeys(map(formula, forms))
        leaf = methods.add_parser(name, help=about, description="\n\n".join([about, *formulas]))
        leaf.example(f"bound {name} {example(' '.join((*forms[0].needs.split(), *forms[0].run.split())))}")
        leaf.set_defaults(method=name)
        leaf.fill_later(partial(_add_options, leaf, forms))


def _add_options(leaf: Parser, forms: tuple[Method, ...]) -> None:
    switches = dict(form.switch for form in forms if form.switch)
    numbers = dict.fromkeys(option for form in forms for option in form.takes if option not in switches)
    required = _required(forms)
    add_numbers(leaf, " ".join(required), " ".join(number for number in numbers if number not in required), _left_out(forms, [*switches]))
    add_sweep(leaf)
    leaf.add_argument("--why", action="store_true", help="the derivation, line by line, with these numbers")
    for switch, about in switches.items():
        leaf.add_argument(f"--{switch}", action="store_true", default=None, help=about)


def run(args: argparse.Namespace) -> None:
    """The bound, its terms, and with ``--why`` its derivation; with ``--sweep`` bound and terms along it."""
    known, split = constants(args), oracle(args)
    form = _form(args, bounds()[args.method])
    given = (known, split) if form.splits else (known, growth(args)) if form.grows else (known,)
    run = {name: getattr(args, name) for name in f"{form.run} {form.optional}".split() if name not in (*CONSTANTS, *ORACLE, *GROWTH)}
    if args.why and args.sweep:
        raise ValueError("--why has no use with --sweep: a derivation is of single numbers")
    found = form.bound(*given, **run)
    if args.sweep:
        source = f"({found.claim}; assumes {' '.join(found.assumes)})"
        print_answers(
            args, Answers(args.sweep, f"{found.quantity} <= total   {source}", {"total": found.total, **found.terms}, says=number_up)
        )
        return
    lines = [str(line) for line in form.why(*given, **run)] if args.why else []
    print_result(
        args,
        lambda: found.json() | ({"derivation": lines} if lines else {}),
        lambda: "\n".join([found.table(), *(wrapped(f"{i}. {line}", indent="  ", more="   ") for i, line in enumerate(lines, 1))]),
    )


def _left_out(forms: Iterable[Method], switches: list[str]) -> dict[str, str]:
    """What stands in the place of strength and covariance: with bias and noise apart, and with a switch, the best strength does."""
    best = [*(["with beta2 and nu2"] if any(form.splits for form in forms) else []), *(f"with {name}" for name in switches)]
    theta = "1/(1+delta) if left out" + (f"; {' or '.join(best)} the best" if best else "")
    return {"theta": theta, "c": "with beta2 and nu2; 0 if left out"}


def _required(forms: Iterable[Method]) -> list[str]:
    """What every bound of a method asks for."""
    first, *others = (form.asks for form in forms)
    return [option for option in first if all(option in asks for asks in others)]


def _form(args: argparse.Namespace, forms: tuple[Method, ...]) -> Method:
    """The bound of a method that the options ask for. Raises ValueError where an option has no use for it, or where none is asked for."""
    given = {option: getattr(args, option) for form in forms for option in form.takes if getattr(args, option) is not None}
    asked_for = [form for form in forms if given.keys() >= {*form.asks}]
    switched = [form for form in forms if form.switch and form.switch[0] in given]
    if len(bounds_asked_for := dict.fromkeys(form.switch[0] for form in switched if form.switch)) > 1:
        raise ValueError(f"{' and '.join(f'--{name}' for name in bounds_asked_for)} exclude each other: each asks for a bound of its own")
    form = max(asked_for, key=lambda form: len(form.asks), default=[*switched, *forms][0])
    told_apart_by = {form: [option for option in form.asks if option not in _required(forms)] for form in forms}
    for option in given:
        if option in form.excludes:
            raise ValueError(f"{_said(option, given[option])} {form.excludes[option]}")
        if option not in form.takes:
            other = next(form for form in forms if option in form.takes)
            goes_with = _options(name for name in told_apart_by[other] if name != option)
            raise ValueError(
                f"{_said(option, given[option])} has no use with {_options(told_apart_by[form])}; it goes with {goes_with} ({other.claim})"
            )
    if not asked_for:
        least = [form for form in forms if not any({*other.asks} < {*form.asks} for other in forms)]
        choices = ", or ".join(f"{_options(told_apart_by[form])} ({form.claim})" for form in least)
        raise ValueError(f"the following arguments are required: {choices}")
    return form


def _said(option: str, value: Any) -> str:
    return f"--{option}" if value is True else f"{option} = {float(np.min(value)):g}"


def _options(names: Iterable[str]) -> str:
    return " ".join(f"--{name}" for name in names)
