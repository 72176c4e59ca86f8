"""JavaScript made of Python's source does what Python does, and what has no JavaScript is refused with its file, its line and its name."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.page.conftest import Runs
from tsla.figures.page.translation.program import Program
from tsla.figures.page.translation.runtime import UntranslatableError
from tsla.theory.representable import representable
from tsla.theory.testing.planted import Rejects


@dataclass(frozen=True)
class Pair:
    first: float
    second: float = 2.0

    @property
    def both(self) -> float:
        return self.first + self.second

    @classmethod
    def of(cls, *, first: float) -> Pair:
        return cls(first)


@representable
def _reciprocal(x: float) -> Any:
    return 1 / (np.asarray(x) * np.asarray(x))


def texts(x: float) -> list[str]:
    return [f"{x:.15g}", f"{x:g}", f"{x:.3g}", f"{x:,.4g}", f"{x:.0f}", f"{x:,.0f}", f"{x:.1f}", f"{x:.2f}", f"{x:,.3f}"]


def quoted(value: str | float) -> str:
    return f"{value!r} and {value} {None} {True} {[value, 1]!r}"


def mantissa(x: float, exponent: int) -> list[float]:
    m, e = np.frexp(x)
    return [float(m), int(e), float(np.ldexp(m, e)), float(np.ldexp(x, exponent))]


def syntax(x: float) -> dict[str, Any]:
    pair, total = replace(Pair.of(first=x), second=x * 2), 0.0

    def inner(*several: float, scale: float = 1.0, **named: float) -> float:
        return scale * sum(several) + sum(named.values())

    for i, (a, b) in enumerate(zip([1, 2, 3], (x, *[x, x]), strict=True), 1):
        if i == 2:
            continue
        total += a * b if a < 3 <= x or not b else inner(a, b, scale=-1, other=2)
    while total > 100:
        total = total / 10
        if total < 7:
            break
    found = {name: len(name) for name in ("one", "three") if name != "two"} | {**{"two": 2}}
    first, *others = sorted([*found.items()], key=lambda item: -item[1])
    return {
        "pair": pair.both,
        "total": total,
        "found": found,
        "first": list(first),
        "others": len(others),
        "in": ("one" in found and x) or None,
    }


def arrays(x: float) -> list[Any]:
    grid = np.geomspace(np.asarray([x, 2 * x]), np.asarray([100 * x, 300 * x]), 5)
    rows = np.stack([grid, grid * 2, np.broadcast_to(np.asarray(x), grid.shape)])
    column, chosen = rows.sum(axis=0), grid > 5 * x
    order = np.argsort(-grid[1:][chosen[1:]])[-3:]
    edges = grid[chosen][order]
    largest = float(np.max(grid, where=chosen, initial=0.0))
    return [
        float(column.sum()),
        float(rows[:, :-1].sum()),
        [float(edge) for edge in edges],
        largest,
        edges.size,
        float(column[-1][-1]),
        int(-x),
    ]


def overflow(x: float) -> float:
    return float(_reciprocal(x))


TIES = [0.5, 1.5, 2.5, 0.125, 1.125, 0.0625, 99999.5, 999.95, 123456.789, 9.96, 0.05, 0.06, 0.005, 0.1 + 0.2]
SIZES = [0.0, 1e-4, 1.5e-5, 1e-300, 5e-324, 1e15, 1e16, 1e21, 2.0**70, 1e110, 1e308]
NUMBERS = TIES + SIZES
CASES: list[tuple[Callable[..., Any], list[list[Any]]]] = [
    (texts, [[sign * x] for x in NUMBERS for sign in (1, -1)] + [[1234567 / 2**k] for k in range(60)]),
    (quoted, [["it's"], ['"'], [0.1], [1.5e-5], [-0.00025], [1e-300], [123456.75]]),
    (
        mantissa,
        [[x, e] for x in NUMBERS for e in (-1100, -1074, -30, 0, 40, 1023)] + [[5e-324 * 3, -1], [1.7e-308, -3], [-3e-320, 1080]],
    ),
    (syntax, [[0.0], [1.5], [40.0]]),
    (arrays, [[1.0], [0.003], [2.5]]),
    (overflow, [[1e-100], [2.0], [1e-200], [1e200]]),
]
ASK = "(asked) => asked.map((given) => { try { return tsla.f(...given) } catch (error) { return `${error.name}: ${error.message}` } })"


def _said(function: Callable[..., Any], given: list[Any]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(*given)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and math.isinf(ours):  # which JSON does not have
        return theirs is None
    if isinstance(ours, float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-13)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return bool(ours == theirs)


@pytest.mark.parametrize(("function", "asked"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_javascript_does_what_python_does(node: Runs, function: Callable[..., Any], asked: list[list[Any]]) -> None:
    _agrees(node, Program().script({"f": function}), function, asked)


def _agrees(node: Runs, script: str, function: Callable[..., Any], asked: list[list[Any]]) -> None:
    for given, theirs in zip(asked, node(script, ASK, asked), strict=True):
        assert _same(ours := _said(function, given), theirs), f"{function.__name__}{given}: {ours} is not {theirs}"


WRONG = {
    "ties not to the even digit": ("% 2 === 0", "% 2 === 1", texts),
    "small numbers lost": ("total < -1080", "total < -1060", mantissa),
    "overflow unsaid": ('overflows === "raise"', 'overflows === "never"', overflow),
}


@pytest.mark.parametrize("error", WRONG)
def test_an_error_in_the_runtime_is_found(node: Runs, rejects: Rejects, error: str) -> None:
    right, wrong, function = WRONG[error]
    script, asked = Program().script({"f": function}), dict(CASES)[function]
    assert right in script
    rejects(lambda script: _agrees(node, script, function, asked), right=script, wrong=script.replace(right, wrong))


REFUSED = {
    "a set": ("return {x}", "Set"),
    "an operator": ("return x // 2", "the operator FloorDiv"),
    "a name of NumPy": ("return np.tan(x)", "np.tan"),
    "a keyword of NumPy": ("return np.asarray([x]).sum(keepdims=True)", "sum(keepdims=…)"),
    "an attribute": ("return np.asarray([x]).T", "the attribute T"),
    "a method": ("return 'a'.upper()", "the attribute upper"),
    "a builtin": ("return divmod(x, 2)", "a builtin_function_or_method"),
    "a library": ("return json.dumps(x)", "json.dumps"),
    "an error": ("raise RuntimeError(x)", "the error RuntimeError"),
    "a class that inherits": ("return Second(x).first", "the class Second, which has what another class has"),
    "a class of its own": ("return Own(x)", "the class Own, which is no dataclass"),
    "a format": ("return f'{x:>8}'", "the format >8"),
    "a conversion": ("return f'{x!a}'", "the conversion !a"),
    "a class": ("return isinstance(x, complex)", "isinstance of complex"),
    "a list repeated": ("return [x] * 3", "a list or text times a number"),
    "a key": ("return {1: x}", "a key that is no text"),
    "a step": ("return [x, x][::2]", "a slice with a step"),
    "an assignment": ("a = b = x\n    return a + b", "an assignment to several names"),
    "a context": ("with open(x) as file:\n        return file", "with something else than np.errstate"),
    "a setting of np.errstate": ("with np.errstate(invalid='raise'):\n        return x", "np.errstate(invalid=…) that ignores nothing"),
    "finally": ("try:\n        return x\n    finally:\n        x = 1", "else or finally after try"),
    "assert": ("assert x\n    return x", "Assert"),
    "yield": ("yield x", "Yield"),
    "global": ("global y\n    y = x", "Global"),
}


CLASSES = """import json
from dataclasses import dataclass

import numpy as np


class Own:
    pass


@dataclass
class First:
    first: float


@dataclass
class Second(First):
    pass


"""


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """A text as a module."""

    def save(text: str) -> ModuleType:
        path = tmp_path / "refused.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("refused", path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules["refused"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield save
    sys.modules.pop("refused", None)


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_javascript_is_refused_with_its_line(saved: Callable[[str], ModuleType], tmp_path: Path, what: str) -> None:
    body, named = REFUSED[what]
    module = saved(f"{CLASSES}def f(x):\n    {body}\n")
    with pytest.raises(UntranslatableError) as refusal:
        Program().script({"f": module.f})
    assert str(refusal.value) == f"{tmp_path / 'refused.py'}, line {len(CLASSES.splitlines()) + 2}: no JavaScript is known for {named}"
