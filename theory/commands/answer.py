"""How a subcommand answers: one JSON object, or a small table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from tsla.theory.text import Json, sayable

SCHEMA = 1
"""Of every JSON object: raised when a name, a type or a meaning changes, not when something is added."""


def print_result(args: argparse.Namespace, as_json: Callable[[], Json], as_table: Callable[[], str]) -> None:
    """One JSON object with ``--json``; else a table. Raises UnrepresentableError as :func:`json_text` does, whichever it is."""
    text = json_text(as_json())
    print(text if args.json else as_table())


def print_json(found: Json) -> None:
    """One JSON object. Raises UnrepresentableError as :func:`json_text` does."""
    print(json_text(found))


def json_text(found: Json) -> str:
    """One JSON object, ``schema`` first, in ASCII, so that it is JSON whatever the encoding of the output.

    Raises UnrepresentableError for an infinity or nan, which JSON does not have.
    """
    return json.dumps({"schema": SCHEMA} | sayable(found))
