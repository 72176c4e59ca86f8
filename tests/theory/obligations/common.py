"""What the checks of bounds and of plans share: constants, refusals, arrays and answers of the command line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from tsla import cli
from tsla.theory.commands.answer import SCHEMA
from tsla.theory.commands.options import EXAMPLES
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.testing.domain import FIELDS
from tsla.theory.testing.relations import given_to
from tsla.theory.text import Json

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
NUMBERS = EXAMPLES | {"theta": 0.5, "c": -0.02, "eps": 0.5, "momentum": 0.1, "eta": 0.05, "T": 100, "T1": 10, "eta2": 0.01, "T2": 1000}
OVERFLOWS = "overflows float64|is larger than 1/L|is not below|= inf must be"


def named(method: Method) -> str:
    """What tests call a method; several bounds may have one name."""
    return f"{method.claim} {method.name} {'mu' if 'mu' in method.needs else ''}"


def refusal(what: Callable[[], object]) -> str:
    try:
        what()
    except ValueError as refused:
        return str(refused)
    return "nothing was refused"


def asks_for_its_constants(method: Method, call: Callable[..., object]) -> None:
    """A constant of A3 or A4 that it needs is asked for. Everywhere else it is called without those that it doesn't need."""
    known, *oracle = given_to(method, K)
    for name, assumption in (("delta", "A3"), ("mu", "A4")):
        if name in method.needs.split():
            bare = Constants(**{field: getattr(known, field) for field in FIELDS} | {name: None})
            asked = refusal(lambda: call(bare, *oracle))  # noqa: B023
            assert re.fullmatch(rf"{name} is missing; C\d+[abc]? needs it \(assumption {assumption}\)", asked)


ARRAYS: dict[str, Any] = {
    "L": np.array([[10.0], [25.0], [2.0], [7.0]]),
    "mu": np.array([1.0, 0.5, 2.0]),
    "sigma2": np.array([[[1.0]], [[0.3]]]),
    "delta": np.array([0.1, 1e-4, 3.0]),
    "F0": np.array([[1.0], [5.0], [0.1], [2.0]]),
}
SHAPE = (2, 4, 3)


def elements(**arrays: Any) -> Iterator[tuple[tuple[int, ...], dict[str, float]]]:
    """Each index of the broadcast shape with the scalars that belong to it."""
    full = {name: np.broadcast_to(array, SHAPE) for name, array in arrays.items()}
    for index in np.ndindex(SHAPE):
        yield index, {name: float(array[index]) for name, array in full.items()}


def answer(command: list[str]) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        assert cli.main(command) == 0
    return out.getvalue()


def json_answer(command: list[str]) -> Json:
    found: Json = json.loads(answer([*command, "--json"]))
    assert found.pop("schema") == SCHEMA
    return found
