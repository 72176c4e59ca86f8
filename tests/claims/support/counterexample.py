"""A counterexample as a command: what a failing property was about, to be looked at again with `tsla`."""

from __future__ import annotations

from typing import Any

from hypothesis import note

from tsla.theory.commands.options import CONSTANTS
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS, bounds


def command(what: str, constants: Constants | None, **run: Any) -> str:
    """``tsla bound sgd --L 10.0 … --json``: ``what`` stands before the options, which are those constants that the command requires,
    and ``run``. None is left out; True is an option without a value. Numbers to the last digit."""
    kind, _, method = what.partition(" ")
    asked = {"bound": [form.asks for form in bounds().get(method, ())], "steps": [METHODS[method].asks] if method in METHODS else []}
    required = [name for name in CONSTANTS if asked.get(kind) and all(name in asks for asks in asked[kind])]
    values = {name: getattr(constants, name) for name in required} | run
    options = [f"--{name}" if value is True else f"--{name} {float(value)!r}" for name, value in values.items() if value is not None]
    return " ".join(["tsla", what, *options, "--json"])


def show(what: str, constants: Constants | None, **run: Any) -> None:
    """Put the command into the report, should the property fail here."""
    note(command(what, constants, **run))
