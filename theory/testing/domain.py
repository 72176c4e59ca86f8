"""The domain of the constants, for hypothesis: moderate ranges whose results float64 holds, edges included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan

FIELDS = ("L", "mu", "sigma2", "delta", "F0")


def positive(low: float = 1e-3, high: float = 1e3) -> st.SearchStrategy[float]:
    """A number between the two, both included."""
    return st.floats(low, high)


def between(low: float, high: float, *edges: float) -> st.SearchStrategy[float]:
    """A number inside of the two, on a grid; in one of eight examples it is one of ``edges``.

    The floats of hypothesis are at an end, or next to nothing, so often that of the numbers of a bound one nearly always is, and there half
    of its errors make no difference.
    """

    def number(i: int) -> float:
        return edges[i // 8 % len(edges)] if edges and i % 8 == 5 else low + (high - low) * (i + 0.5) / 2**16

    return st.integers(0, 2**16 - 1).map(number)


thetas = between(0, 1, 0.0, 1.0, 1e-300)
deltas = between(0, 10, 0.0, 1e-12, 1.0)
positive_deltas = between(1e-3, 10, 1e-12, 1.0)
step_counts = st.integers(1, 10**6)
targets = st.floats(0.01, 10)


@st.composite
def constants(
    draw: st.DrawFn, *, delta: st.SearchStrategy[float] = deltas, noiseless: bool = True, kappa: st.SearchStrategy[float] | None = None
) -> Constants:
    """All five constants, with ``kappa = L/mu`` from 1 on."""
    L = draw(positive())
    ratio = draw(between(0, 3, 0.0).map(lambda power: 10.0**power) if kappa is None else kappa)
    sigma2 = draw(between(1e-3, 1e3, 0.0, 1e-3, 1e3) if noiseless else positive())
    return Constants(L=L, mu=L / ratio, sigma2=sigma2, delta=draw(delta), F0=draw(positive()))


@st.composite
def step_sizes(draw: st.DrawFn, L: float) -> float:
    """A step size in (0, 1/L], the end included."""
    return draw(between(1e-4, 1, 1.0, 1e-4)) / L


def costly(times: int) -> settings:
    """For a check that costs as much as ``times`` others: that fraction of the profile's examples. On a busy machine it may be slow."""
    return settings(max_examples=max(1, settings().max_examples // times), deadline=None)


def for_all(*strategies: st.SearchStrategy[Any], costs: int = 1) -> Callable[[Callable[..., None]], Callable[[Any], None]]:
    """What is decorated is a property of its first argument, for all examples of the others; it costs as much as ``costs`` others.

    How many examples there are is asked at each call, for :mod:`tsla.theory.testing.planted` changes it.
    """

    def as_property(check: Callable[..., None]) -> Callable[[Any], None]:
        @wraps(check)
        def of(subject: Any) -> None:
            costly(costs)(given(*strategies)(check))(subject)

        return of

    return as_property


def changed(k: Constants, **factors: float) -> Constants:
    """``k`` with some of its fields multiplied."""
    return Constants(**{name: getattr(k, name) * factors.get(name, 1) for name in FIELDS})


def with_terms(bound: Bound, **terms: Any) -> Bound:
    """``bound`` with some of its terms put in the place of the right ones: a planted error."""
    return Bound(bound.method, bound.claim, bound.quantity, {**bound.terms, **terms}, bound.lowered_by, bound.assumes)


def with_stage(plan: Plan, index: int, **fields: Any) -> Plan:
    """``plan`` with some fields of one stage put in the place of the right ones: a planted error."""
    stages = list(plan.stages)
    stages[index] = replace(stages[index], **fields)
    return replace(plan, stages=tuple(stages))
