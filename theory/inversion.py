"""The bounds read backwards: the ε that a budget of samples reaches, and the largest δ at which smoothing still pays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from tsla.theory.constants import SMALLEST_NORMAL, Array, Constants, UnrepresentableError, real, representable, step_count, target_squared
from tsla.theory.method import Method
from tsla.theory.methods import METHODS
from tsla.theory.text import Json, aligned, count, number

EPS_BRACKET = (1e-60, 1e60)  # outside of it no budget of samples is of use
LARGEST_DELTA = 1e20  # there 2δ/(1+δ) is 2
DECADES, POINTS, REFINEMENTS = 40, 2001, 5  # of the grid of δ: each refinement puts POINTS into one gap of the last grid
SEARCHABLE = (10.0**DECADES * SMALLEST_NORMAL, 1e300)  # ends of a grid of δ that begins DECADES below, and is of numbers


@representable
def best_eps(constants: Constants, *, budget: float, methods: Iterable[str] | None = None) -> dict[str, float | None]:
    """The smallest ε for which the bound of each method, or of ``methods``, asks for at most ``budget`` samples; None where none is enough.

    Scalars only. Every plan gets shorter as ε grows, so bisection finds it. Raises ValueError as the plans do.
    """
    samples = float(step_count("budget", budget))

    def affordable(method: Method, eps: float) -> bool:
        return _total(method, constants, eps) <= samples

    return {name: _smallest_eps(partial(affordable, METHODS[name])) for name in (METHODS if methods is None else methods)}


@representable
def crossovers(constants: Constants, *, eps: float) -> dict[str, float]:
    """The largest δ at which a bound with smoothing asks for fewer samples than one without, for every such pair of methods.

    Keys: "tsla before sgd", and "lsr reaches eps" for the largest δ at which a method gets to ε at all. Infinite: at every δ,
    as A3 with some δ holds with every larger one; 0: at none.
    Scalars only; the ``delta`` of ``constants`` is not used. Raises ValueError as the plans do.
    """
    target, _ = float(real("eps", eps, above=0)), target_squared(eps)  # whose square must be a number
    plain = {name: _total(method, constants, target) for name, method in METHODS.items() if not method.smooths}
    found = {}
    for name, method in METHODS.items():
        if method.smooths:
            reach = np.inf if method.reach is None else method.reach(constants, target)
            for baseline, samples in plain.items():
                found[f"{name} before {baseline}"] = _largest_delta(method, constants, target, samples, reach)
            if method.reach is not None:
                found[f"{name} reaches eps"] = reach
    return found


def _largest_delta(method: Method, constants: Constants, eps: float, samples: float, reach: float) -> float:
    """The largest δ at which ``method`` asks for fewer than ``samples``, to the last digits of float64.

    As δ grows from 0 a smoothed plan gets shorter while its burn-in, logarithmic in 1/δ, dominates, and longer after. Where A3 holds with
    some δ it holds with every larger one, so only the upper end of the range counts.
    """
    if not np.isfinite(samples):
        return reach
    if samples == 0:  # the baseline is there before its first step
        return 0.0
    high = reach if method.too_large is None else float(np.clip(method.too_large(constants, eps, samples), *SEARCHABLE))
    if not np.isfinite(high):  # it gets there at every δ, and asks for the more the larger δ is
        high = LARGEST_DELTA
        if _totals(method, constants, np.asarray(high), eps) < samples:
            return np.inf
    grid = np.geomspace(high * 10.0**-DECADES, high, POINTS)
    for _ in range(REFINEMENTS):
        paying = np.flatnonzero(_totals(method, constants, grid, eps) < samples)
        if paying.size == 0:
            return 0.0
        last = paying[-1]
        grid = np.geomspace(grid[last], grid[min(last + 1, POINTS - 1)], POINTS)
    return float(grid[0])


def _totals(method: Method, constants: Constants, delta: Array, eps: float) -> Array:
    known = Constants(L=constants.L, mu=constants.mu, sigma2=constants.sigma2, F0=constants.F0, delta=delta)
    return method(known, eps=eps).total


def _total(method: Method, constants: Constants, eps: float) -> float:
    """Samples; infinite where float64 can't hold them."""
    try:
        return float(method(constants, eps=eps).total)
    except UnrepresentableError:
        return np.inf


def _smallest_eps(affordable: Callable[[float], bool]) -> float | None:
    """The smallest ε of the bracket that is affordable, given that every larger one is too; None where none is."""
    low, high = EPS_BRACKET
    if not affordable(high):
        return None
    for _ in range(100):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if affordable(middle) else (middle, high)
    return high


def delta_json(delta: float) -> float | str:
    """JSON has no infinity: "always" for every δ, "never" for none."""
    if np.isinf(delta):
        return "always"
    return delta if delta > 0 else "never"


def crossovers_json(crossovers: dict[str, float], eps: float) -> Json:
    """``{"eps", "largest_delta": {pair: number, "always" or "never"}}``."""
    return {"eps": eps, "largest_delta": {name: delta_json(delta) for name, delta in crossovers.items()}}


def crossovers_table(crossovers: dict[str, float], eps: float) -> str:
    """A row a pair of methods."""
    rows = [["smoothed bound", "", "largest delta"], *([*_pair(name), _delta(delta)] for name, delta in crossovers.items())]
    return f"to reach E‖∇F‖² <= {number(eps**2)}\n{aligned(rows, right=frozenset({2}))}"


def _delta(delta: float) -> str:
    said = delta_json(delta)
    return said if isinstance(said, str) else number(said)


def _pair(name: str) -> list[str]:
    method, _, rest = name.partition(" ")
    return [method, rest.replace("before", "ahead of")]


def best_eps_table(best: dict[str, float | None], budget: float) -> str:
    """A row a method, the smallest ε first."""
    ordered = sorted(best.items(), key=lambda item: np.inf if item[1] is None else item[1])
    rows = [["method", "eps", "eps²"]]
    rows += [[name, *(("no eps", "") if eps is None else (number(eps), number(eps**2)))] for name, eps in ordered]
    return f"what {count(budget)} samples reach, by the bounds\n{aligned(rows, right=frozenset({1, 2}))}"
