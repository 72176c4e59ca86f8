"""What the runtime has, read from ``runtime.js``: names of Python and NumPy, and nothing that is not there."""

from __future__ import annotations

import json
import re
from math import isinf, isnan
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("runtime.js").read_text(encoding="utf-8")


def _held(name: str) -> frozenset[str]:
    """The names that the object ``name`` of the runtime has."""
    _, _, after = SOURCE.partition(f"\nconst {name} = {{\n")
    return frozenset(re.findall(r"^  (\w+)(?=[:,])", after.partition("\n};\n")[0], re.MULTILINE))


PYTHON, NUMPY, METHODS, ATTRIBUTES, KINDS = (_held(name) for name in ("$", "$np", "$methods", "$attributes", "KINDS"))
FORMAT = re.compile(r"(,?(\.\d+)?[gf])?")
"""Format specifications that it knows."""
KEYWORDS = {
    "all": {"axis"},
    "any": {"axis"},
    "asarray": {"dtype"},
    "max": {"default", "initial", "key", "where"},
    "min": {"default", "key"},
    "sort": {"key"},
    "sorted": {"key"},
    "sum": {"axis"},
    "zeros": {"dtype"},
    "zip": {"strict"},
}
"""Keyword arguments that its functions know. ``replace`` takes any."""


class UntranslatableError(ValueError):
    """Python that has no JavaScript here."""


def literal(value: Any) -> str:
    """None, a truth, a number or a text. Raises UntranslatableError for anything else."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return "NaN" if isnan(value) else f"{'-' if value < 0 else ''}Infinity" if isinf(value) else repr(float(value))
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if type(value).__name__ in ("bool", "bool_"):  # NumPy's, whose name depends on its version
        return json.dumps(bool(value))
    raise UntranslatableError(f"a {type(value).__name__}")


def stripped() -> str:
    """The runtime without comments and empty lines."""
    return "\n".join(line for line in SOURCE.splitlines() if line.strip() and not line.lstrip().startswith("//"))
