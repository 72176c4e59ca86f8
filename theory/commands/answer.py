"""How a subcommand answers: one JSON object, or a small table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from tsla.theory.text import sayable

SCHEMA = 1
"""Of every JSON object: raised when a name, a type or a meaning changes, not when something is added."""


def print_result(args: argparse.Namespace, as_json: Callable[[], dict[str, Any]], as_table: Callable[[], str]) -> None:
    """One JSON object with ``--json``, ``schema`` first, in ASCII, so that it is JSON whatever the encoding of the output; else a table.

    Raises UnrepresentableError for an infinity or nan, which JSON does not have.
    """
    found = {"schema": SCHEMA} | sayable(as_json())
    print(json.dumps(found) if args.json else as_table())
