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


thetas = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
deltas = st.one_of(st.sampled_from([0.0, 1e-12, 1.0]), st.floats(0, 10))
positive_deltas = st.one_of(st.sampled_from([1e-12, 1.0]), st.floats(1e-3, 10))
step_counts = st.integers(1, 10**6)
targets = st.floats(0.01, 10)


@st.composite
def constants(
    draw: st.DrawFn, *, delta: st.SearchStrategy[float] = deltas, noiseless: bool = True, kappa: st.SearchStrategy[float] | None = None
) -> Constants:
    """All five constants, with ``kappa = L/mu`` from 1 on."""
    L = draw(positive())
    ratio = draw(st.one_of(st.just(1.0), st.floats(1, 1e3)) if kappa is None else kappa)
    sigma2 = draw(st.one_of(st.just(0.0), positive()) if noiseless else positive())
    return Constants(L=L, mu=L / ratio, sigma2=sigma2, delta=draw(delta), F0=draw(positive()))


@st.composite
def step_sizes(draw: st.DrawFn, L: float) -> float:
    """A step size in (0, 1/L], the end included."""
    return draw(st.one_of(st.just(1.0), st.floats(1e-4, 1))) / L


def costly(times: int) -> settings:
    """For a check that costs as much as ``times`` others: that fraction of the profile's examples."""
    return settings(max_examples=max(1, settings().max_examples // times))


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
