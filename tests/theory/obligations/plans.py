"""What every plan owes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.refusals import unless_refused
from tests.theory.obligations.common import (
    ARRAYS,
    NUMBERS,
    OVERFLOWS,
    SHAPE,
    K,
    answer,
    asks_for_its_constants,
    elements,
    json_answer,
    refusal,
)
from tests.theory.stated import problems, stated
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import FIELDS, constants, costly, positive_deltas, targets
from tsla.theory.testing.relations import given_to


def plans_what_it_says(method: Method) -> None:
    plan = planned(method, Constants(L=10, mu=1, sigma2=1, delta=0.001, F0=1), 0.1)
    assert (plan.method, plan.claim, plan.assumes) == (method.name, method.claim, method.assumes)
    assert any(float(stage.theta) > 0 for stage in plan.stages) == method.smooths
    assert all(np.asarray(number).dtype == np.float64 for stage in plan.stages for number in (stage.eta, stage.theta, stage.steps))


def plans_with_what_it_assumes(method: Method) -> None:
    asks_for_its_constants(method, partial(method, eps=0.5))


def planned(method: Method, k: Constants, eps: Any) -> Plan:
    return method(*given_to(method, k), eps=eps)


def reaches_its_target_and_no_sooner(method: Method) -> None:
    """At targets of any size: by its own bound, where it has one; and not with one step fewer in any stage, unless so many are stated."""
    is_stated = stated(method.name, K, 1.0) is not None
    assert is_stated or method.bounds, f"{method.name} has no bound, so that tests/theory/stated.py must have its lengths"

    @costly(2 if is_stated and not method.splits else 10)
    @given(problems())
    def check(problem: tuple[Constants, float]) -> None:
        k, eps = problem
        plan = unless_refused(lambda: planned(method, k, eps), OVERFLOWS)
        if plan is None:
            return
        lengths = [stage.steps for stage in plan.stages]
        if plan.reachable and method.bounds:
            assert reached(method, k, plan, lengths) <= eps**2 * (1 + 1e-12)
        for stage, (scale, length) in zip(plan.stages, stated(method.name, k, eps) or [], strict=is_stated):
            rounding = 1e-11 * (length + k.L / k.mu)  # a logarithm may be small beside what it is of
            assert float(stage.step_size(0) * k.L) == pytest.approx(float(scale), rel=1e-11)
            assert stage.steps == length or length - rounding <= stage.steps < max(length, 0) + 1 + rounding
        for i in () if is_stated or not plan.reachable else np.flatnonzero(np.greater(lengths, 1)):
            assert reached(method, k, plan, [steps - (i == j) for j, steps in enumerate(lengths)]) > eps**2 * (1 - 1e-12)

    check()


def reached(method: Method, k: Constants, plan: Plan, lengths: list[Any]) -> float:
    """Its bound after stages of these lengths."""
    numbers = [number for stage, steps in zip(plan.stages, lengths, strict=True) for number in (stage.step_size(0), steps)]
    return float(method.bound(*given_to(method, k), **dict(zip(method.run.split(), numbers, strict=True))).total)


def has_whole_stages_within_the_premises(method: Method) -> None:
    @costly(50 if method.splits else 1)
    @given(constants(delta=positive_deltas, noiseless=False), targets)
    def check(k: Constants, eps: float) -> None:
        plan = planned(method, k, eps)
        for stage in plan.stages:
            ends = [stage.step_size(t) for t in (0, np.maximum(np.where(plan.reachable, stage.steps, 1) - 1, 0))]
            assert all(0 < eta * k.L <= 1 + 1e-15 for eta in ends)
            assert 0 <= stage.theta <= 1
            assert stage.steps == np.floor(stage.steps) or not plan.reachable
        assert float(plan.total) == sum(float(stage.steps) for stage in plan.stages)
        if not plan.reachable:
            assert np.isinf(plan.total)
            assert plan.floor >= eps**2
            assert plan.why

    check()


def asks_for_more_the_finer_and_the_farther(method: Method) -> None:
    @costly(50 if method.splits else 1)
    @given(constants(delta=positive_deltas, noiseless=False), targets, st.floats(1, 10))
    def check(k: Constants, eps: float, factor: float) -> None:
        here = float(planned(method, k, eps).total)
        farther = Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, delta=k.delta, F0=k.F0 * factor)
        assert min(float(planned(method, k, eps / factor).total), float(planned(method, farther, eps).total)) >= here * (1 - 1e-12)

    check()


def plans_scale_with_the_objective(method: Method) -> None:
    """F → aF, ε → aε: the same lengths, and step sizes divided by a. Powers of two leave no rounding."""

    @costly(50 if method.splits else 1)
    @given(constants(delta=positive_deltas, noiseless=False), targets, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
    def check(k: Constants, eps: float, a: float) -> None:
        scaled = Constants(L=a * k.L, mu=a * k.mu, sigma2=a**2 * k.sigma2, delta=k.delta, F0=a * k.F0)
        here, there = planned(method, k, eps), planned(method, scaled, a * eps)
        assert float(there.total) == float(here.total)
        assert [float(stage.eta) * a for stage in there.stages] == [float(stage.eta) for stage in here.stages]

    check()


def refuses_targets_outside_their_range(method: Method) -> None:
    for eps, value in ((0, "0"), (-0.1, "-0.1"), (float("nan"), "nan"), (float("inf"), "inf"), (True, "True"), ("0.1", "'0.1'")):
        assert refusal(lambda: planned(method, K, eps)) == f"eps = {value} must be a finite number above 0"  # noqa: B023


def is_a_number_of_samples_or_refused(method: Method) -> None:
    for name in FIELDS:
        for extreme in (1e300, 1e-300):
            fields = {"L": 10.0, "mu": 1.0, "sigma2": 1.0, "delta": 0.1, "F0": 1.0} | {name: extreme}
            fields["L"] = max(fields["L"], fields["mu"]) if name == "mu" else fields["L"]
            fields["mu"] = min(fields["L"], fields["mu"])
            for eps in (1e-3, 1.0, 1e3):
                plan = unless_refused(lambda: planned(method, Constants(**fields), eps), "overflows float64")  # noqa: B023
                if plan is not None:
                    assert np.isfinite(plan.total) == plan.reachable
                    assert all(stage.eta > 0 and stage.steps >= 0 for stage in plan.stages)
    k = Constants(L=10, mu=1e-10, sigma2=1e10, delta=0.1, F0=1)  # at ε = 1e-150 ε⁴ is no number any more
    plan = unless_refused(lambda: planned(method, k, 1e-150), "overflows float64")
    assert plan is None or (plan.floor is not None and not plan.reachable)


def plans_for_arrays_what_it_plans_for_their_elements(method: Method) -> None:
    eps = np.array([0.1, 0.5, 2.0])
    together = planned(method, Constants(**ARRAYS), eps)
    for index, scalars in elements(**ARRAYS, eps=eps):
        alone = planned(method, Constants(**{name: scalars[name] for name in ARRAYS}), scalars["eps"])
        assert np.broadcast_to(together.total, SHAPE)[index] == float(alone.total)
        assert np.broadcast_to(together.reachable, SHAPE)[index] == bool(alone.reachable)
        if together.floor is not None:
            assert np.broadcast_to(together.floor, SHAPE)[index] == pytest.approx(float(alone.floor), rel=1e-14)
        for stage, stage_alone in zip(together.stages, alone.stages, strict=True):
            for name in ("eta", "theta", "steps", "decay_steps"):
                if getattr(stage, name) is not None:
                    assert np.broadcast_to(getattr(stage, name), SHAPE)[index] == pytest.approx(
                        float(getattr(stage_alone, name)), rel=1e-14
                    )


def plans_on_the_command_line(method: Method) -> None:
    if not method.splits:
        command = ["steps", method.name, *(f"--{name}={NUMBERS[name]}" for name in (*method.needs.split(), "eps"))]
        plan = planned(method, K, NUMBERS["eps"])
        assert json_answer(command) == plan.json()
        assert answer(command) == plan.table(NUMBERS["eps"]) + "\n"
