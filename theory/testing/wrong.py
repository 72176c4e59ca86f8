"""Wrong versions of bounds and plans, made from the right ones: what checks must reject."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import with_stage, with_terms
from tsla.theory.testing.relations import BoundOf

Factor = float | Callable[[Constants, float], Any]


def scaled(right: Callable[..., Bound], **factors: Factor) -> Callable[..., Bound]:
    """``right`` with some of its terms multiplied: by a number, or by what the constants and the step size say."""

    def wrong(k: Constants, *run: Any, **named: Any) -> Bound:
        bound = right(k, *run, **named)
        eta: Any = named.get("eta", run[0] if run else None)
        return with_terms(bound, **{name: bound.terms[name] * (f(k, eta) if callable(f) else f) for name, f in factors.items()})

    return wrong


def one_step_more(right: BoundOf) -> BoundOf:
    """``right`` as if the run were a step longer."""
    return lambda k, eta, T, theta: right(k, eta, T + 1, theta)


def stage_changed(right: Callable[..., Plan], index: int, **factors: float) -> Callable[..., Plan]:
    """``right`` with some fields of one stage multiplied; a broken number of steps is rounded up."""

    def wrong(*problem: Any, eps: float) -> Plan:
        plan = right(*problem, eps=eps)
        fields = {name: getattr(plan.stages[index], name) * factor for name, factor in factors.items()}
        return with_stage(plan, index, **fields | ({"steps": np.ceil(fields["steps"])} if "steps" in fields else {}))

    return wrong
