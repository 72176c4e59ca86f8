"""Questions to the page's calculator, over many orders of magnitude, and how answers are compared."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tsla.figures.page.calculator import ASKED
from tsla.theory.method import Method
from tsla.theory.methods import declared

Question = list[Any]
"""The function of the calculator, and its arguments."""
Answer = dict[str, Any]
"""``{"answer"}``, or ``{"error", "message"}``."""

TO_ALL = """(asked) => JSON.stringify(JSON.parse(asked).map(([name, ...given]) => {
  try { return { answer: tsla[name](...given) } } catch (error) { return { error: error.name, message: error.message } }
}))"""
"""How JavaScript is asked: all at once, from a text of JSON to another."""
NEAR = 1e-12
DECADES = (2, 20, 250)
"""Of the constants about 1: as they usually are, and up to where products leave float64."""
SPOILED = (0, -1, 0.5, 3, 1e300, 5e-324, True, "1", None)
MAY_BE_MISSING = ("mu", "theta", "c", "beta2 nu2 c", "A B C", "grad2")
USUAL = {
    **{"L": 10, "mu": 1, "sigma2": 1, "delta": 0.1, "F0": 1, "eps": 0.5, "beta2": 0.03, "nu2": 0.05, "A": 1, "B": 0.5, "C": 1},
    **{"eta": 0.02, "T": 1000, "eta1": 0.05, "T1": 20, "eta2": 0.01, "T2": 1000, "momentum": 0.5, "clip": 3, "steepest": 1},
}
"""At which every method has an answer."""


def answers(asked: Sequence[Question]) -> list[Answer]:
    """Python's."""
    return [_answer(ASKED[name], given) for name, *given in asked]


def _answer(function: Callable[..., Any], given: list[Any]) -> Answer:
    try:
        with np.errstate(all="ignore"):  # warnings are no part of an answer
            return {"answer": json.loads(json.dumps(function(*given), allow_nan=False))}
    except ValueError as error:
        return {"error": type(error).__name__, "message": str(error)}


def differences(asked: Sequence[Question], ours: Sequence[Answer], theirs: Sequence[Answer]) -> list[str]:
    """Where they are not the same: numbers beyond 1e-12 of each other, and any other difference."""
    assert len(ours) == len(theirs) == len(asked)
    return [f"{question}: {what}" for question, a, b in zip(asked, ours, theirs, strict=True) for what in _apart(a, b, "")]


def _apart(a: Any, b: Any, where: str) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _apart(a[key], b[key], f"{where} {key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, pair in enumerate(zip(a, b, strict=True)):
            yield from _apart(*pair, f"{where} {i}")
    elif not (_is_number(a) and _is_number(b) and math.isclose(a, b, rel_tol=NEAR)) and (a != b or type(a) is not type(b)):
        yield f"{where}: {a!r} is not {b!r}"


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def of_every_method() -> list[tuple[Method, Question]]:
    """Each with the question that it answers."""
    found = []
    for method in declared():
        needed = {name: USUAL[name] for name in method.needs.split()}
        if method.bounds:
            found.append((method, ["bound", method.name, needed | {name: USUAL[name] for name in method.run.split()}]))
        if method.plans:
            found.append((method, ["steps", method.name, needed | {"eps": USUAL["eps"]}]))
    return found


def questions(count: int, comparisons: int, seed: int) -> list[Question]:
    """One of every method, ``comparisons`` of all methods at once, and others, ``count`` in all; the same for the same seed."""
    draw = np.random.default_rng(seed)
    bounds = sorted({method.name for method in declared() if method.bounds})
    plans = sorted({method.name for method in declared() if method.plans})
    asked: list[Question] = [question for _, question in of_every_method()]
    asked += [["compare", _problem(draw, DECADES[i % 2])] for i in range(comparisons)]
    while len(asked) < count:
        decades = float(draw.choice(DECADES))
        asked += [
            ["bound", str(draw.choice(bounds)), _given(draw, _problem(draw, decades))],
            ["steps", str(draw.choice(plans)), _given(draw, _problem(draw, decades))],
            ["variance", _given(draw, _problem(draw, decades))],
            ["variance", _given(draw, _moments(draw, decades))],
            ["moments", _given(draw, _moments(draw, decades)), int(draw.integers(0, 1000)), float(draw.uniform(0, 1.05))],
        ]
    return asked[:count]


def _problem(draw: np.random.Generator, decades: float) -> dict[str, Any]:
    """All that bounds and plans ask for."""
    L, sigma2, delta = _size(draw, decades), _size(draw, decades), 10 ** draw.uniform(-decades, 0.5)
    beta2 = draw.uniform() * delta * sigma2
    nu2, clip = delta * sigma2 - beta2, _size(draw, decades)
    eta, eta1, eta2 = (float((draw.uniform(1, 2.5) if draw.uniform() < 0.15 else 10 ** draw.uniform(-decades, 0)) / L) for _ in range(3))
    T, T1, T2 = (float(np.floor(10 ** draw.uniform(0, min(decades, 15)))) for _ in range(3))
    return {
        "L": L,
        "F0": _size(draw, decades),
        "sigma2": sigma2,
        "delta": delta,
        "mu": L * min(10 ** draw.uniform(-decades / 2, 0.02), 1.01),
        "eps": _size(draw, decades / 2),
        "theta": draw.uniform(0, 1.02),
        **{"eta": eta, "T": T, "eta1": eta1, "T1": T1, "eta2": eta2, "T2": T2},
        **{"momentum": draw.uniform(0, 1.02), "clip": clip, "steepest": clip * draw.uniform(0, 1.02)},
        **{"beta2": beta2, "nu2": nu2, "c": draw.uniform(-1.01, 1.01) * math.sqrt(sigma2) * math.sqrt(nu2)},
        **{"A": draw.uniform() * L, "B": draw.uniform(), "C": sigma2},
    }


def _moments(draw: np.random.Generator, decades: float) -> dict[str, Any]:
    grad2, beta2, nu2, s2 = (_size(draw, decades) for _ in range(4))
    c = draw.uniform(-1.01, 1.01) * math.sqrt(s2) * math.sqrt(nu2)
    return {"grad2": grad2, "s2": s2, "shat2": beta2 + nu2, "c": c, "beta2": beta2, "nu2": nu2, "theta": draw.uniform(0, 1.02)}


def _size(draw: np.random.Generator, decades: float) -> float:
    return float(10 ** draw.uniform(-decades, decades))


def _given(draw: np.random.Generator, numbers: dict[str, Any]) -> dict[str, Any]:
    """Without some that may be left out, and now and then with one that is wrong or missing."""
    left_out = {name for names in MAY_BE_MISSING if draw.uniform() < 0.25 for name in names.split()}
    given = {name: value for name, value in numbers.items() if name not in left_out}
    if draw.uniform() < 0.2:
        given[str(draw.choice(sorted(given)))] = SPOILED[draw.integers(len(SPOILED))]
    return given
