"""The bounds read backwards: the ε that a budget of samples reaches, and the largest δ at which smoothing still pays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from tsla.theory.constants import SMALLEST_NORMAL, Array, Constants, must_be_one_of, must_be_single, said, single, target_squared
from tsla.theory.method import Method
from tsla.theory.methods import METHODS
from tsla.theory.plan import CEILING_SLACK
from tsla.theory.representable import UnrepresentableError, representable
from tsla.theory.text import Json, aligned, count, number

EPS_BRACKET = (float(np.sqrt(SMALLEST_NORMAL)), 1e150)  # below it the square is no number, and above it what a plan makes of it may not be
TOO_FEW = f"its bound asks for more samples at every eps up to {EPS_BRACKET[1]:g}"
AT_EVERY = "at every delta"
LARGEST_DELTA = 1e20  # there 2δ/(1+δ) is 2
SEARCHABLE = (SMALLEST_NORMAL, 1e300)  # largest δ of a search
PIECES, CUTS = 16, 16  # an interval of δ is cut into so many, so many times: after that it is as narrow as float64 has them
UNDECIDED = 2**13  # intervals that are cut further
COUNTED = 2.0**53  # samples up to which float64 has every whole number


@representable
def best_eps(constants: Constants, *, budget: float, methods: Iterable[str] | None = None) -> dict[str, float | None]:
    """The smallest ε for which the bound of each method, or of ``methods``, asks for at most ``budget`` samples; None where none is enough.

    Scalars only. Every plan gets shorter as ε grows, so bisection finds it, among those whose square float64 holds with all digits. Raises
    ValueError as the plans do.
    """
    must_be_single(constants)
    try:
        names = [*(METHODS if methods is None else methods)]
    except TypeError:
        raise ValueError(f"methods = {said(methods)} must be a list of some of {', '.join(METHODS)}") from None
    for name in names:
        must_be_one_of("methods", name, METHODS)
    samples = single("budget", budget, at_least=1, integral=True)

    def affordable(method: Method, eps: float) -> bool:
        return _total(method, constants, eps) <= samples

    return {name: _smallest_eps(partial(affordable, METHODS[name])) for name in names}


@representable
def crossovers(constants: Constants, *, eps: float) -> dict[str, float]:
    """The largest δ at which a bound with smoothing asks for fewer samples than one without, for every such pair of methods.

    Keys: "tsla before sgd", and "lsr reaches eps" for the largest δ at which a method gets to ε at all. Infinite: at every δ,
    as A3 with some δ holds with every larger one; 0: at none.
    Scalars only; the ``delta`` of ``constants`` is not used. Raises ValueError as the plans do.
    """
    must_be_single(constants)
    target, _ = single("eps", eps, above=0), target_squared(eps)  # whose square must be a number
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

    As δ grows from 0 a burn-in, logarithmic in 1/δ, gets shorter, and what follows it longer. Where A3 holds with some δ it holds with
    every larger one, so only the upper end of the range counts. Totals that are as near as rounding errors are equal, and none is ahead.
    """
    if not np.isfinite(samples):
        return reach
    if samples == 0 or reach < SMALLEST_NORMAL:  # the baseline is there before its first step, or the method gets there at no δ
        return 0.0
    if samples > COUNTED:  # where no ceiling hides rounding errors
        samples *= 1 - CEILING_SLACK
    high = reach if method.too_large is None else float(np.clip(method.too_large(constants, eps, samples), *SEARCHABLE))
    if not np.isfinite(high):  # it gets there at every δ, and asks for the more the larger δ is
        high = LARGEST_DELTA
        if _lengths(method, constants, np.asarray(high), eps).sum() < samples:
            return np.inf
    return _largest(lambda delta: _lengths(method, constants, delta, eps), samples, SMALLEST_NORMAL, high)


def _largest(lengths: Callable[[Array], Array], samples: float, low: float, high: float) -> float:
    """The largest δ between the ends at which the stages' ``lengths``, (stages, ...) at δ of shape (...), add up to less than ``samples``.

    Each stage gets only longer or only shorter with δ. So on an interval it is nowhere shorter than at one of the ends, and an interval on
    which these least lengths add up to ``samples`` holds no such δ, however narrow a window one looks for. The others are cut. Where a
    total comes as near to ``samples`` as its ceilings, more are left than can be cut; then the rightmost are, and windows that only the
    ceilings make, in totals of more than some 1e8 steps, may be missed.
    """
    found, left, right = 0.0, np.asarray([low]), np.asarray([high])
    for _ in range(CUTS):
        edges = np.geomspace(left, right, PIECES + 1)
        at_edges = lengths(edges)
        found = max(found, float(np.max(edges, where=at_edges.sum(axis=0) < samples, initial=0.0)))
        least = np.minimum(at_edges[:, :-1], at_edges[:, 1:]).sum(axis=0)
        open_ = (least < samples) & (edges[1:] > found)
        left, right = edges[:-1][open_], edges[1:][open_]
        order = np.argsort(right)[-UNDECIDED:]
        left, right = left[order], right[order]
        if not left.size:
            break
    return found


def _lengths(method: Method, constants: Constants, delta: Array, eps: float) -> Array:
    """Of the stages at each δ, and one more that is without end where the plan does not get there: shape (stages + 1, ...)."""
    known = Constants(L=constants.L, mu=constants.mu, sigma2=constants.sigma2, F0=constants.F0, delta=delta)
    plan = method(known, eps=eps)
    parts = [*(stage.steps for stage in plan.stages), np.where(plan.reachable, 0.0, np.inf)]
    return np.stack([np.broadcast_to(part, delta.shape) for part in parts])


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
        before, low, high = (low, high), *((low, middle) if affordable(middle) else (middle, high))
        if before == (low, high):  # and so it stays
            break
    return high


def delta_json(delta: float) -> Json:
    """``{"delta", "why"}``: the largest δ, 0 where there is none and null where every δ is; then ``why`` says so, and else is null."""
    return {"delta": None if np.isinf(delta) else delta, "why": AT_EVERY if np.isinf(delta) else None if delta > 0 else "at no delta"}


def delta_said(delta: float) -> str:
    """The same in a table: "always" for every δ, "never" for none."""
    if np.isinf(delta):
        return "always"
    return number(delta) if delta > 0 else "never"


def crossovers_json(crossovers: dict[str, float], eps: float) -> Json:
    """``{"eps", "largest_delta": {pair: {"delta", "why"}}}``."""
    return {"eps": eps, "largest_delta": {name: delta_json(delta) for name, delta in crossovers.items()}}


def crossovers_table(crossovers: dict[str, float], eps: float) -> str:
    """A row a pair of methods."""
    rows = [["smoothed bound", "", "largest delta"], *([*_pair(name), delta_said(delta)] for name, delta in crossovers.items())]
    return f"to reach E‖∇F‖² <= {number(eps**2)}\n{aligned(rows, right=frozenset({2}))}"


def _pair(name: str) -> list[str]:
    method, _, rest = name.partition(" ")
    return [method, rest.replace("before", "ahead of")]


def best_eps_json(best: dict[str, float | None], budget: float) -> Json:
    """``{"budget", "eps": {method: {"eps", "why"}}}``: the smallest ε, and null; or null, and why there is none."""
    return {"budget": budget, "eps": {name: {"eps": eps, "why": TOO_FEW if eps is None else None} for name, eps in best.items()}}


def best_eps_table(best: dict[str, float | None], budget: float) -> str:
    """A row a method, the smallest ε first."""
    ordered = sorted(best.items(), key=lambda item: np.inf if item[1] is None else item[1])
    rows = [["method", "eps", "eps²"]]
    rows += [[name, *(("no eps", "") if eps is None else (number(eps), number(eps**2)))] for name, eps in ordered]
    return f"what {count(budget)} samples reach, by the bounds\n{aligned(rows, right=frozenset({1, 2}))}"
